"""Facts come back equal from their packed form; damaged ones are not known, and never raise."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av1rules.base.errors import ProbeError
from av1rules.ffmpeg.tools import Tools
from av1rules.media.packed_source import (
    pack_facts,
    source_from_json,
    source_to_json,
    unpack_facts,
)
from av1rules.media.probe.ffprobe import probe_file
from tests.bench.scale_library import names, source_of
from tests.conftest import library_file
from tests.media.test_cache import SOURCE

PACKED = pack_facts(SOURCE)


def test_a_dictionary_stays_as_it_is() -> None:
    """Every cache and every ledger has facts that can't be read without it."""
    text = importlib.resources.files("av1rules.media").joinpath("typical_probes.txt").read_bytes()
    assert (
        hashlib.sha256(text).hexdigest()
        == "c27de5528bb93a3e57f94151945a9961dbfb5ed588a31fca47a8fb5e264cb82e"
    )


def test_the_dictionary_is_of_probes() -> None:
    folder = importlib.resources.files("av1rules.media")
    for line in folder.joinpath("typical_probes.txt").read_bytes().splitlines():
        source = source_from_json(line)
        assert json.loads(source_to_json(source)).keys() == json.loads(line).keys()
        assert unpack_facts(pack_facts(source)) == source


def test_facts_of_an_earlier_version_are_read() -> None:
    assert unpack_facts(zlib.compress(source_to_json(SOURCE), 9)) == SOURCE


def test_a_film_takes_a_few_hundred_bytes(tmp_path: Path) -> None:
    sizes = []
    for name in names(300):
        path = tmp_path / Path(name).name
        path.write_bytes(b"film")
        source = source_of(library_file(path))
        packed = pack_facts(source)
        assert unpack_facts(packed) == source
        sizes.append(len(packed))
    assert sum(sizes) / len(sizes) < 350


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255), st.integers(0, len(PACKED)))
def test_damaged_facts_are_not_known(place: int, change: int, length: int) -> None:
    damaged = bytearray(PACKED)
    damaged[place] ^= change
    assert unpack_facts(bytes(damaged)) in (None, SOURCE)
    assert unpack_facts(PACKED[:length]) in (None, SOURCE)


@given(st.binary(max_size=300))
def test_other_bytes_are_not_known(data: bytes) -> None:
    assert unpack_facts(data) is None
    assert unpack_facts(zlib.compress(data)) is None


@pytest.mark.real
@pytest.mark.media
def test_facts_of_real_clips_come_back(tools: Tools, media_dir: Path) -> None:
    sizes = []
    for path in sorted(media_dir.iterdir()):
        try:
            source = probe_file(library_file(path), tools)
        except ProbeError:
            continue
        packed = pack_facts(source)
        assert unpack_facts(packed) == source
        sizes.append(len(packed))
    assert sum(sizes) / len(sizes) < 350
