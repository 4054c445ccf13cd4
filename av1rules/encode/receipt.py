"""The conversion report of one target, as JSON for machines and as text for people. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import msgspec

from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_size
from av1rules.encode.checks import Check

RECEIPT_FORMAT = 1

_LABEL_WIDTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingLine:
    """One resolved setting and where it came from: `crf`, `26`, `rules.yaml:41`."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """How one target was made. Sizes in bytes, times in seconds and ISO 8601 UTC."""

    source: str
    target: str
    source_bytes: int
    target_bytes: int
    source_digest: str
    target_digest: str | None = None
    source_facts: tuple[str, ...] = ()  # what was probed, one line each
    source_tier: str | None = None
    tier_confidence: float | None = None
    tier_reasons: tuple[str, ...] = ()
    rule: str | None = None
    causes: tuple[str, ...] = ()
    settings: tuple[SettingLine, ...] = ()
    encoder: str = ""
    tools: tuple[tuple[str, str], ...] = ()  # name, version
    command: str = ""
    changed_streams: tuple[str, ...] = ()  # converted, attached, dropped: StreamStep.describe()
    accepted_losses: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    frames: int | None = None
    started_at: str = ""
    finished_at: str = ""
    encode_s: float = 0.0
    verify_s: float = 0.0
    log: tuple[str, ...] = ()  # warnings and errors of FFmpeg


def receipt_json(receipt: Receipt) -> str:
    """The receipt as JSON text with a final newline; odd bytes of names are `\\udcNN` escapes."""
    document = {"format": RECEIPT_FORMAT, **asdict(receipt)}
    for check in document["checks"]:
        del check["blame"]  # of use only where a check failed; then there is no receipt
    document["saved_bytes"] = receipt.source_bytes - receipt.target_bytes
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def parse_receipt(text: str | bytes) -> Receipt:
    """The receipt that `receipt_json` wrote; keys of later versions are ignored.

    Raises ValueError (also msgspec's) if it is none. By way of `json`, which takes lone surrogates.
    """
    return msgspec.convert(json.loads(text), type=Receipt)


def receipt_text(receipt: Receipt) -> str:
    """The receipt for reading: what it was, why, how, and what was checked."""
    return "\n".join(printable(line) for line in _lines(receipt)) + "\n"


def _lines(receipt: Receipt) -> Iterator[str]:
    yield f"av1rules conversion report, {receipt.finished_at}"
    yield from _section("Files", _files(receipt))
    yield from _section("Source", receipt.source_facts)
    yield from _section("Decision", _decision(receipt))
    yield from _section("Settings", (_setting(line) for line in receipt.settings))
    yield from _section("Streams changed", receipt.changed_streams or ("none: all copied",))
    yield from _section("Losses accepted", receipt.accepted_losses)
    yield from _section("Checks", (_check(check) for check in receipt.checks))
    yield from _section("Made with", _made_with(receipt))
    yield from _section("FFmpeg said", receipt.log)


def _section(title: str, lines: Iterator[str] | tuple[str, ...]) -> Iterator[str]:
    """A title with its lines below; nothing at all without lines."""
    for number, line in enumerate(lines):
        if number == 0:
            yield ""
            yield title
        yield f"  {line}"


def _labelled(label: str, value: str) -> str:
    return f"{label:<{_LABEL_WIDTH}} {value}"


def _files(receipt: Receipt) -> Iterator[str]:
    saved = receipt.source_bytes - receipt.target_bytes
    share = receipt.target_bytes / receipt.source_bytes if receipt.source_bytes else 1.0
    yield _labelled("source", receipt.source)
    yield _labelled("", f"{format_size(receipt.source_bytes)}, {receipt.source_digest}")
    yield _labelled("target", receipt.target)
    yield _labelled(
        "", ", ".join(filter(None, (format_size(receipt.target_bytes), receipt.target_digest)))
    )
    yield _labelled("saved", f"{format_size(saved)}; the target is {share:.1%} of the source")


def _decision(receipt: Receipt) -> Iterator[str]:
    if receipt.source_tier is not None:
        sure = f" ({receipt.tier_confidence:.0%} sure)" if receipt.tier_confidence else ""
        yield _labelled("source tier", f"{receipt.source_tier}{sure}")
    for reason in receipt.tier_reasons:
        yield _labelled("", reason)
    if receipt.rule is not None:
        yield _labelled("rule", receipt.rule)
    for cause in receipt.causes:
        yield _labelled("cause", cause)


def _setting(line: SettingLine) -> str:
    return f"{line.name:<20} {line.value:<16} {line.origin}".rstrip()


def _check(check: Check) -> str:
    return f"{'passed' if check.passed else 'FAILED'}  {_labelled(check.name, check.detail)}"


def _made_with(receipt: Receipt) -> Iterator[str]:
    yield _labelled("encoder", receipt.encoder)
    for name, version in receipt.tools:
        yield _labelled(name, version)
    frames = f", {receipt.frames} frames" if receipt.frames is not None else ""
    yield _labelled("encoding", f"{format_duration(receipt.encode_s)}{frames}")
    yield _labelled("verifying", format_duration(receipt.verify_s))
    yield _labelled("started", receipt.started_at)
    yield _labelled("command", receipt.command)
