"""Finds out whether a file is encrypted, by the marks that its container gives, before anything
tries to decode it. Pure but for `looks_along`, which reads some sectors of a DVD's file.

Encrypted pictures do not always fail at once: single blocks of noise decode, and an encode would
end after hours with an exit code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from av1rules.base.system.opening import pread
from av1rules.media.probe.container_scan import matroska_tracks
from av1rules.media.probe.ffprobe_json import RawProbe

_PACKET_MARKS = frozenset({"Encryption info", "Encryption initialization data"})
_FAIRPLAY_TAGS = frozenset({"drmi", "drms", "drmt"})

_MP4_SCHEME = re.compile(rb"schm[\0-\xff]{4}(cenc|cens|cbc1|cbcs|piff|itun|odkm|adkm)")
"""The protection scheme box of a sample entry (ISO/IEC 14496-12, 8.12)."""

_SCHEME_NAMES = {
    b"itun": "FairPlay",
    b"piff": "PlayReady",
    b"odkm": "OMA DRM",
    b"adkm": "Adobe DRM",
}
_COMMON = "Common Encryption: Widevine, PlayReady or FairPlay"

_ASF_ENCRYPTION = (
    bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e"),
    bytes.fromhex("14e68a292226174cb935dae07ee9289c"),
)
"""GUIDs of the Content Encryption and Extended Content Encryption objects (ASF, 3.14 and 3.15)."""

_SYNC = 0x47
_TS_PACKET, _M2TS_PACKET = 188, 192
_NULL_PID = 0x1FFF
MIN_SCRAMBLED = 8
"""Packets of one track: a broken packet may have the mark by chance."""
SCRAMBLED_SHARE = 0.9

SECTOR_BYTES = 2048
SECTORS = 64
"""So many sectors of a DVD's file are looked at, evenly along it: CSS leaves some of them clear."""
MIN_CSS_SECTORS = 3

_PACK, _PES = b"\0\0\1\xba", b"\0\0\1"


def encryption_of(raw: RawProbe, head: bytes, sectors: Sequence[bytes] = ()) -> str | None:
    """The name of the encryption, for people; None if no mark of one was found. `head` are the
    first bytes of the file, for MP4 also those of its moov; `sectors` are of a DVD's file."""
    container = raw.format.format_name or ""
    if any(stream.codec_tag_string in _FAIRPLAY_TAGS for stream in raw.streams):
        return "FairPlay"
    if found := _MP4_SCHEME.search(head) if "mp4" in container else None:
        return _SCHEME_NAMES.get(found[1], _COMMON)
    if any(side in _PACKET_MARKS for side in _side_data(raw)):
        return _COMMON
    if "matroska" in container:
        is_marked = any(stream.tag("enc_key_id") is not None for stream in raw.streams)
        is_marked = is_marked or any(track.is_encrypted for track in matroska_tracks(head))
        return "Matroska's content encryption" if is_marked else None
    if container == "asf":
        is_marked = any(mark in head for mark in _ASF_ENCRYPTION)
        return "Windows Media DRM or PlayReady" if is_marked else None
    if container == "mpeg":
        return "CSS, the copy protection of DVDs" if _is_css(sectors) else None
    return encryption_of_head(head)


def encryption_of_head(head: bytes) -> str | None:
    """The same where FFmpeg could read nothing: what a transport stream says of itself."""
    if head[4:5] == b"G" and head[196:197] != b"G" and head[0] & 0xC0 and len(head) > 196:
        return "AACS, the copy protection of Blu-ray discs"
    return "a scrambled broadcast" if _is_scrambled(head) else None


def encrypted_text(name: str) -> str:
    """What is wrong, and what to do."""
    return (
        f"it is encrypted ({name}): nothing can read its pictures and sound without the key; get a "
        "copy without copy protection, or `skip` it in a rule"
    )


def _side_data(raw: RawProbe) -> Iterable[str | None]:
    for stream in raw.streams:
        yield from (side.side_data_type for side in stream.side_data_list)
    for packet in raw.packets:
        yield from (side.side_data_type for side in packet.side_data_list)


def _is_scrambled(head: bytes) -> bool:
    """Whether nearly all packets of some track have the scrambling mark."""
    for first, step in ((0, _TS_PACKET), (4, _M2TS_PACKET)):
        if all(head[at : at + 1] == b"G" for at in range(first, first + 4 * step, step)):
            return _has_scrambled_track(head, first, step)
    return False


def _has_scrambled_track(head: bytes, first: int, step: int) -> bool:
    packets: Counter[int] = Counter()
    marked: Counter[int] = Counter()
    for at in range(first, len(head) - 3, step):
        pid = (head[at + 1] & 0x1F) << 8 | head[at + 2]
        if head[at] != _SYNC or pid == _NULL_PID or not head[at + 3] & 0x10:
            continue  # lost, empty, or without payload
        packets[pid] += 1
        marked[pid] += bool(head[at + 3] & 0x80)
    return any(
        count >= MIN_SCRAMBLED and count >= SCRAMBLED_SHARE * packets[pid]
        for pid, count in marked.items()
    )


def looks_along(descriptor: int, size_bytes: int) -> tuple[bytes, ...]:
    """Sectors of a DVD's file, evenly along it. Raises OSError."""
    count = size_bytes // SECTOR_BYTES
    places = sorted({number * count // SECTORS for number in range(SECTORS)}) if count else []
    return tuple(pread(descriptor, SECTOR_BYTES, place * SECTOR_BYTES) for place in places)


def _is_css(sectors: Iterable[bytes]) -> bool:
    return sum(map(_is_css_sector, sectors)) >= MIN_CSS_SECTORS


def _is_css_sector(sector: bytes) -> bool:
    """The scrambling mark stands in the header of the packet that follows the pack header."""
    if sector[:4] != _PACK or len(sector) < SECTOR_BYTES:
        return False
    at = 14 + (sector[13] & 7)
    is_media = sector[at + 3] == 0xBD or 0xC0 <= sector[at + 3] <= 0xEF
    is_packet = sector[at : at + 3] == _PES and is_media and sector[at + 6] & 0xC0 == 0x80
    return is_packet and bool(sector[at + 6] & 0x30)
