"""What an encoder refuses is known by trying: a fake FFmpeg first, the real one below."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import replace

from av1rules.base.errors import ToolError
from av1rules.encode.encoders.registry import choose_encoder, needs_trial
from av1rules.encode.trial import trial_problem
from av1rules.ffmpeg.tools import Tools
from av1rules.policy.settings import EncodeSettings
from tests.conftest import Fake
from tests.encode.make import SVT, TOOLS, settings
from tests.fakes.stub import Answer, Stub

ODD = settings(params=(("sharpness", "1"),))


@dataclass(slots=True)
class Memo:
    texts: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        return self.texts.get(key)

    def put(self, key: str, value: str) -> None:
        self.texts[key] = value


def with_program(program: object) -> Tools:
    return replace(TOOLS, ffmpeg=str(program))


def test_plain_numbers_start_no_program() -> None:
    plain = settings(crf=18.25, preset=0, film_grain=8, bit_depth=10, container="mp4")
    assert not needs_trial(plain)
    assert trial_problem(plain, SVT, with_program("/nowhere")) is None
    for other in (settings(tune="vq"), settings(keyint="240"), ODD):
        assert needs_trial(other)


def test_an_outcome_is_remembered_for_program_and_options(stub: Stub) -> None:
    program = stub.make("ffmpeg", Answer())
    memo = Memo()
    for _ in range(3):
        assert trial_problem(ODD, SVT, with_program(program), memo) is None
    assert len(stub.calls(program)) == 2  # the trial and its decode, once
    assert trial_problem(structs.replace(ODD, crf=30), SVT, with_program(program), memo) is None
    assert len(stub.calls(program)) == 4
    same = structs.replace(ODD, container="mp4", max_size_ratio=0.1, force=True)
    assert trial_problem(same, SVT, with_program(program), memo) is None
    assert len(stub.calls(program)) == 4


def test_a_refusal_is_told_in_the_encoders_words_and_remembered(fake: Fake) -> None:
    tools, memo = with_program(fake("refused")), Memo()
    output = "libsvtav1 refuses the settings: Tune IQ only supports all-intra"
    assert trial_problem(ODD, SVT, tools, memo) == output
    assert list(memo.texts.values()) == [output]
    assert trial_problem(ODD, SVT, tools, memo) == output


def test_what_says_nothing_of_the_settings_is_not_remembered(fake: Fake) -> None:
    for how in ("full", "killed"):
        memo = Memo()
        assert trial_problem(ODD, SVT, with_program(fake(how)), memo) is None
        assert memo.texts == {}


def test_a_crash_is_a_problem(fake: Fake) -> None:
    output = trial_problem(ODD, SVT, with_program(fake("crash")))
    assert output is not None
    assert output.startswith("libsvtav1 can't work with the settings: the encoder crashed")


def test_a_missing_program_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError):
        trial_problem(ODD, SVT, with_program(tmp_path / "nowhere"))


@pytest.mark.real
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tune": "vq", "keyint": "10s", "params": (("sharpness", "1"),)}, None),
        ({"params": (("bogus", "1"),)}, "Error parsing option bogus: 1"),
        ({"tune": "9"}, "tune"),
        ({"keyint": "x"}, "keyint"),
        ({"encoder": "libaom-av1", "params": (("bogus", "1"),)}, "bogus"),
        ({"encoder": "librav1e", "params": (("bogus", "1"),)}, "Invalid value for bogus"),
        ({"encoder": "librav1e", "keyint": "48", "tune": "psnr"}, None),
    ],
)
def test_real_encoders(changes: dict[str, Any], words: str | None, tools: Tools) -> None:
    wanted = settings(**{"encoder": "libsvtav1", "preset": 10, **changes})
    if wanted.encoder not in {item.codec for item in tools.encoders}:
        pytest.skip(f"this FFmpeg has no {wanted.encoder}")
    output = trial_problem(wanted, choose_encoder(wanted, tools, None), tools)
    assert (output is None) if words is None else (words in (output or ""))


@pytest.mark.real
def test_a_stream_that_no_decoder_takes_is_a_problem(tools: Tools) -> None:
    wanted = EncodeSettings(
        crf=30, preset=12, encoder="libsvtav1", bit_depth=10, params=(("lossless", "1"),)
    )
    encoder = choose_encoder(wanted, tools, None)
    if not (encoder.version or "").startswith("v4.2"):
        pytest.skip("known of SVT-AV1 4.2 only")
    assert trial_problem(wanted, encoder, tools) == (
        "what libsvtav1 makes with the settings can't be decoded"
    )
    assert trial_problem(structs.replace(wanted, preset=5), encoder, tools) is None
