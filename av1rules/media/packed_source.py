"""The stored form of a probe: JSON of all its fields, packed with typical probes as dictionary.

The cache and the trash's table of the ledger hold it: some 200 bytes a film, 13 us to read.
"""

from __future__ import annotations

import contextlib
import functools
from fractions import Fraction
from typing import Any

import msgspec

from av1rules.base.packing import Packer, packer_of
from av1rules.media.source import Source


def _packer() -> Packer:
    return packer_of("av1rules.media", "typical_probes.txt")


def _encode_hook(value: object) -> str:
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    raise NotImplementedError(type(value).__name__)


_fraction = functools.lru_cache(maxsize=1024)(Fraction)
"""A library has few frame rates, and reading one from text takes as long as half a probe."""


def _decode_hook(wanted: type, value: Any) -> Any:
    if wanted is Fraction:
        return _fraction(value)
    raise NotImplementedError(wanted.__name__)


_DECODER = msgspec.json.Decoder(Source, dec_hook=_decode_hook)


def source_to_json(source: Source) -> bytes:
    return msgspec.json.encode(source, enc_hook=_encode_hook)


def source_from_json(data: bytes) -> Source:
    """Raises msgspec.MsgspecError, ValueError, TypeError or ZeroDivisionError on data of another
    version."""
    return _DECODER.decode(data)


RECENT = 1024
"""Sources whose packed form is remembered: more than a plan looks at before it goes on to the next
films, and few enough to take a few MB."""

_packed: dict[int, tuple[Source, bytes]] = {}
_unpacked: dict[bytes, Source] = {}


def _remember(source: Source, packed: bytes) -> None:
    while len(_packed) >= RECENT:
        with contextlib.suppress(KeyError, StopIteration, RuntimeError):  # by another thread
            _, old = _packed.pop(next(iter(_packed)))
            _unpacked.pop(old, None)
    _packed[id(source)] = (source, packed)  # kept alive here, so that its id stays its own
    _unpacked[packed] = source


def pack_facts(source: Source) -> bytes:
    """The facts of a file: for the cache, for plans of many films, and to evaluate a target whose
    original is gone. What was unpacked just now is not packed anew."""
    known = _packed.get(id(source))
    if known is not None:
        return known[1]
    packed = pack_json(source_to_json(source))
    _remember(source, packed)
    return packed


def pack_json(text: bytes, *, is_fleeting: bool = False) -> bytes:
    """Facts that are JSON already. `is_fleeting`: they are not kept, so that time counts."""
    return _packer().pack(text, level=1 if is_fleeting else 9)


def unpack_json(packed: bytes) -> bytes:
    """The inverse of `pack_json`. Raises ValueError."""
    return _packer().unpack(packed)


def unpack_facts(packed: bytes) -> Source | None:
    """The inverse of `pack_facts`; None for what is damaged or of another version."""
    known = _unpacked.get(packed)
    if known is not None:
        return known
    try:
        source = source_from_json(_packer().unpack(packed))
    except (msgspec.MsgspecError, ValueError, TypeError, ZeroDivisionError):
        return None
    _remember(source, packed)
    return source
