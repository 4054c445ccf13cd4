"""Encrypted files are known as such from their probe, and healthy ones never."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from av1rules.base.errors import ProbeError
from av1rules.encode.losses import find_losses
from av1rules.encode.streams import plan_streams
from av1rules.ffmpeg.tools import Tools
from av1rules.media.encryption import (
    SECTOR_BYTES,
    encryption_of,
    encryption_of_head,
    looks_along,
)
from av1rules.media.probe.ffprobe import probe_file
from av1rules.media.probe.ffprobe_json import RawFormat, RawProbe, RawStream
from tests.conftest import MakeClip, library_file
from tests.encode.real import FAST
from tests.hostile.forge import FILM, I420, STEP, element, matroska, track, video

CLIP = (
    "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1",
    "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac",
)  # fmt: skip
CENC = (
    "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb",
    "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8",
)  # fmt: skip
ENCRYPTION = element("6d80", element("6240", element("5035", element("47e1", b"\x05"))))


def scrambled(data: bytes, *, first: int = 0, step: int = 188) -> bytes:
    """A transport stream whose tracks have noise for payload, and the mark that says so."""
    out, noise = bytearray(data), random.Random(1)
    for at in range(first, len(out), step):
        pid = (out[at + 1] & 0x1F) << 8 | out[at + 2]
        if 0x100 <= pid < 0x1FFF and pid != 0x1000:
            start = at + 4 + (1 + out[at + 4] if out[at + 3] & 0x20 else 0)
            out[at + 3] |= 0x80
            out[start : at + 188] = noise.randbytes(max(at + 188 - start, 0))
    return bytes(out)


def css(data: bytes, *, mark: int = 0x10) -> bytes:
    """A DVD's file with the scrambling mark in the packets of its sectors."""
    out = bytearray(data)
    for at in range(0, len(out) - SECTOR_BYTES + 1, SECTOR_BYTES):
        start = at + 14 + (out[at + 13] & 7)
        if out[at : at + 4] == b"\0\0\1\xba" and out[start + 3] in (0xE0, 0xC0, 0xBD):
            out[start + 6] |= mark
    return bytes(out)


def as_it_is(data: bytes) -> bytes:
    return data


VOB = (*CLIP[:8], "-c:v", "mpeg2video", "-q:v", "2", "-c:a", "ac3", "-f", "vob")


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "options", "change", "word"),
    [
        ("clear.mp4", CLIP, as_it_is, None),
        ("clear.mkv", CLIP, as_it_is, None),
        ("clear.ts", CLIP, as_it_is, None),
        ("clear.m2ts", (*CLIP, "-mpegts_m2ts_mode", "1"), as_it_is, None),
        ("clear.vob", VOB, as_it_is, None),
        ("cenc.mp4", (*CLIP, *CENC), as_it_is, "Common Encryption"),
        (
            "iTunes.m4v",
            CLIP,
            lambda data: data.replace(b"avc1", b"drmi").replace(b"mp4a", b"drms"),
            "FairPlay",
        ),
        ("scrambled.ts", CLIP, scrambled, "scrambled broadcast"),
        (
            "scrambled.m2ts",
            (*CLIP, "-mpegts_m2ts_mode", "1"),
            lambda data: scrambled(data, first=4, step=192),
            "scrambled broadcast",
        ),
        ("css.vob", VOB, css, "CSS"),
    ],
)
def test_encryption_is_known_from_the_probe(
    name: str,
    options: tuple[str, ...],
    change: Callable[[bytes], bytes],
    word: str | None,
    make_clip: MakeClip,
    tools: Tools,
    tmp_path: Path,
) -> None:
    film = tmp_path / name
    film.write_bytes(change(make_clip(f"plain{film.suffix}", *options).read_bytes()))
    said = refusal(film, tools)
    if word is None:
        assert said is None
        return
    assert said is not None
    assert word in said
    assert "get a copy without copy protection" in said


def refusal(film: Path, tools: Tools) -> str | None:
    """Why nothing will be encoded: by the probe itself, or by what would be lost."""
    try:
        source = probe_file(library_file(film), tools)
    except ProbeError as problem:
        return str(problem)
    held = find_losses(source, FAST, plan_streams(source, FAST))
    return next((finding.message for finding in held if not finding.acceptable), None)


@pytest.mark.real
@pytest.mark.parametrize(("more", "is_encrypted"), [(b"", False), (ENCRYPTION, True)])
def test_content_encryption_of_matroska(
    more: bytes, is_encrypted: bool, tools: Tools, tmp_path: Path
) -> None:
    film = tmp_path / "film.mkv"
    film.write_bytes(
        matroska(tracks=track(1, 1, b"V_UNCOMPRESSED", video(64, 64, I420) + STEP + more))
    )
    assert (probe_file(library_file(film), tools).encryption is not None) is is_encrypted


def test_clear_film_beside_an_encrypted_track() -> None:
    head = matroska(tracks=FILM + track(2, 2, b"A_AAC", ENCRYPTION))
    raw = RawProbe(format=RawFormat(format_name="matroska,webm"), streams=(RawStream(index=0),))
    assert encryption_of(raw, head) == "Matroska's content encryption"


@pytest.mark.parametrize(
    ("head", "word"),
    [
        (b"\xc0\0\0\0\x47" + bytes(191) + b"\x8f" * 192, "AACS"),
        (b"\0\0\0\0\x47" + bytes(191) + b"\0\0\0\0\x47" + bytes(187), None),
        (b"", None),
        (b"\x47" * 65536, None),
    ],
)
def test_heads_that_ffmpeg_can_make_nothing_of(head: bytes, word: str | None) -> None:
    found = encryption_of_head(head)
    assert word in (found or "") if word else found is None


@pytest.mark.real
def test_disc_file_that_is_noise_says_why(tools: Tools, tmp_path: Path) -> None:
    noise = random.Random(2)
    units = (b"\xc0\0\0\0\x47" + noise.randbytes(6139) for _ in range(40))
    film = tmp_path / "00001.m2ts"
    film.write_bytes(b"".join(units))
    with pytest.raises(ProbeError, match=r"encrypted \(AACS"):
        probe_file(library_file(film), tools)


@pytest.mark.parametrize(
    ("guid", "is_encrypted"),
    [
        ("fbb3112223bdd211b4b700a0c955fc6e", True),
        ("14e68a292226174cb935dae07ee9289c", True),
        ("00" * 16, False),
    ],
)
def test_windows_media(guid: str, is_encrypted: bool) -> None:
    raw = RawProbe(format=RawFormat(format_name="asf"), streams=(RawStream(index=0),))
    found = encryption_of(raw, b"head " + bytes.fromhex(guid))
    assert (found is not None) is is_encrypted


def test_looks_along_are_few_and_within_the_file(tmp_path: Path) -> None:
    film = tmp_path / "a.vob"
    film.write_bytes(bytes(SECTOR_BYTES * 1000 + 5))
    descriptor = os.open(film, os.O_RDONLY)
    try:
        sectors = looks_along(descriptor, film.stat().st_size)
        assert looks_along(descriptor, 0) == ()
    finally:
        os.close(descriptor)
    assert {len(sector) for sector in sectors} == {SECTOR_BYTES}
    assert 0 < len(sectors) <= 64
