"""The stored form of receipts: packed with typical receipts as dictionary, 0.6 KB instead of 7."""

from __future__ import annotations

from av1rules.base.packing import Packer, packer_of


def _packer() -> Packer:
    return packer_of("av1rules.ledger", "typical_receipts.txt")


def pack_receipt(text: bytes) -> bytes:
    return _packer().pack(text)


def unpack_receipt(stored: bytes) -> bytes:
    """The inverse of `pack_receipt`. A receipt of an earlier version may be packed without a
    dictionary, or not at all; a damaged one is given as it is, and no reader takes it for one."""
    try:
        return _packer().unpack(stored)
    except ValueError:
        return stored


def repack_receipt(stored: bytes) -> bytes:
    """A receipt of an earlier version in today's form; a damaged one stays as it is."""
    text = unpack_receipt(stored)
    return stored if text is stored and stored[:1] != b"{" else pack_receipt(text)
