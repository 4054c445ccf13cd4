"""The document of `receipt`."""

from __future__ import annotations

from typing import Literal

import msgspec

from av1rules.ledger.receipt import Receipt


class ReceiptDocument(Receipt, frozen=True, kw_only=True):
    """How one target was made. Sizes in bytes, times in seconds and ISO 8601 UTC.

    `picture` is the main video of the source as probed. `settings` have the line that set each.
    `score_scope` is "samples" or "whole", null if no scores were requested; `score_problem` is why
    there are none. `log` has the warnings and errors of FFmpeg, `last_lines` its last lines. What
    an older receipt lacks is null or empty.
    """

    saved_bytes: int
    format: Literal[1] = 1


def receipt_document(receipt: Receipt) -> ReceiptDocument:
    """The document of a receipt."""
    saved = receipt.source_bytes - receipt.target_bytes
    return ReceiptDocument(**msgspec.structs.asdict(receipt), saved_bytes=saved)
