"""Pictures of half blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.process import Children
from av1rules.policy.load import load_rules
from av1rules.ui.monitor.stills import (
    are_stills_wanted,
    half_blocks,
    path_of,
    still_argv,
    stills_of,
)
from tests.conftest import MakeClip
from tests.operations.monitor.test_figures import RULES, ruleset


def test_two_pixels_a_character() -> None:
    red, blue = b"\xff\x00\x00", b"\x00\x00\xff"
    (found,) = half_blocks(red * 3 + blue * 3, 3)
    (span,) = found.spans
    assert (span.text, span.colours) == ("▀▀▀", ("#ff0000", "#0000ff"))
    found, _ = half_blocks((red + blue) * 2 + (blue + red) * 2, 2)
    assert len(found.spans) == 2


def test_a_name_is_no_option_and_no_protocol() -> None:
    argv = still_argv("/bin/ffmpeg", "/films/-y concat:a|b.mkv", 12.5, (20, 10))
    assert argv[argv.index("-i") + 1].startswith("file:")
    assert "scale=20:20" in argv[argv.index("-vf") + 1]


def test_not_over_ssh_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSH_CONNECTION", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    assert are_stills_wanted()
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    assert not are_stills_wanted()


def test_a_film_that_is_not_there(tmp_path: Path) -> None:
    rules = ruleset(tmp_path)
    assert path_of(rules, "films/a/b.mkv") == f"{tmp_path}/films/a/b.mkv"
    assert path_of(rules, "elsewhere/b.mkv") is None
    (found,) = stills_of(rules, "films/none.mkv", None, (80, 24), Children())
    assert "not here" in found.text


@pytest.mark.real
def test_a_real_film(tmp_path: Path, make_clip: MakeClip) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "rules.yaml").write_text(RULES)
    made = make_clip("a.mkv", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=24:duration=1")
    made.rename(tmp_path / "films" / "a.mkv")
    rules = load_rules(tmp_path / "rules.yaml")
    found = stills_of(rules, "films/a.mkv", None, (80, 24), Children())
    assert "source" in found[0].text
    assert len(found) > 8
    assert any(span.colours for span in found[3].spans)
