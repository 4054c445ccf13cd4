"""The conversion report of one target, as JSON and as text. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import msgspec.structs
from msgspec.structs import replace

from av1rules.base.files import fsync_folder, steady_temp_name, write_text
from av1rules.base.text import printable
from av1rules.base.units import format_duration, format_size
from av1rules.ledger.records import TargetRow
from av1rules.policy.model import ReceiptForm
from av1rules.quality.result import Score, score_lines

JSON_SUFFIX, TEXT_SUFFIX = ".av1rules.json", ".av1rules.txt"
"""Appended to the full name of the target: `film.mkv` and `film.mp4` have separate receipts."""


RECEIPT_SUFFIXES = {
    ReceiptForm.NONE: (),
    ReceiptForm.JSON: (JSON_SUFFIX,),
    ReceiptForm.TEXT: (TEXT_SUFFIX,),
    ReceiptForm.BOTH: (JSON_SUFFIX, TEXT_SUFFIX),
}


def write_receipt(receipt: Receipt, form: ReceiptForm) -> None:
    """Write `NAME.av1rules.json` and `.txt` beside the target, as the policy says."""
    for suffix in RECEIPT_SUFFIXES[form]:
        text = receipt_json(receipt) if suffix == JSON_SUFFIX else receipt_text(receipt)
        goal = Path(f"{receipt.target}{suffix}")
        write_text(goal, text, temp=steady_temp_name(goal))


def renew_receipts(
    target: str, row: TargetRow | None, stored: bytes | None, form: ReceiptForm
) -> None:
    """Rewrite the receipt files after a target moved: with the new paths at its place, deleted
    where there is no target any more. Raises OSError, ValueError."""
    for suffix in (JSON_SUFFIX, TEXT_SUFFIX):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    if row is not None and stored is not None and form is not ReceiptForm.NONE:
        receipt = parse_receipt(stored)
        receipt = msgspec.structs.replace(receipt, source=row.source_path, target=row.target)
        write_receipt(receipt, form)
    else:
        fsync_folder(Path(target).parent)  # nobody looks here again once the move has ended


RECEIPT_FORMAT = 1


MAX_SECONDS = 600
"""Receipts keep per-second scores up to this length: of excerpts, not of whole films, where they
would be nine tenths of the receipt. A thinned series would no longer be per second."""


_SCORE_DIGITS = 4


_LABEL_WIDTH = 12


_VALUE_WIDTH = 24


class SettingLine(msgspec.Struct, frozen=True, kw_only=True):
    """One resolved setting and its origin: `crf`, `26`, `rules.yaml:41`."""

    name: str
    value: str
    origin: str


class ReceiptCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One check of the finished target; `detail` says what was found."""

    name: str
    passed: bool
    detail: str


class SourcePicture(msgspec.Struct, frozen=True, kw_only=True):
    """The main video stream of a source as it was probed. `frame_rate` is a fraction as text
    (`24000/1001`), an average where it varies; `duration_s` is that of the pictures."""

    width: int | None = None
    height: int | None = None
    frame_rate: str | None = None
    is_variable_rate: bool | None = None
    duration_s: float | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """How one target was made. Sizes in bytes, times in seconds and ISO 8601 UTC.

    `score_scope` is "samples" or "whole", None if no scores were requested. `score_problem` is why
    there are none. Fields that an older receipt lacks have their defaults.
    """

    source: str
    target: str
    source_bytes: int
    target_bytes: int
    source_digest: str
    target_digest: str | None = None
    run: int | None = None
    source_facts: tuple[str, ...] = ()  # the probed facts, one line each
    picture: SourcePicture | None = None
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
    not_carried_on: tuple[str, ...] = ()  # tags, references and the like that held nothing
    checks: tuple[ReceiptCheck, ...] = ()
    frames: int | None = None
    segments: str | None = None  # how the encode was segmented; None: it was not
    started_at: str = ""
    finished_at: str = ""
    encode_s: float = 0.0
    verify_s: float = 0.0
    scores: tuple[Score, ...] = ()
    score_scope: str | None = None
    score_problem: str | None = None
    log: tuple[str, ...] = ()  # warnings and errors of FFmpeg
    last_lines: tuple[str, ...] = ()  # FFmpeg's last lines of any level


def receipt_scores(scores: Iterable[Score]) -> tuple[Score, ...]:
    """Scores for a receipt: rounded, per-second values only up to `MAX_SECONDS`."""
    return tuple(_trimmed(score) for score in scores)


def _trimmed(score: Score) -> Score:
    worst, at_s = score.worst_second
    seconds = score.per_second if len(score.per_second) <= MAX_SECONDS else ()
    return replace(
        score,
        mean=_rounded(score.mean),
        harmonic_mean=_rounded(score.harmonic_mean),
        p1=_rounded(score.p1),
        p5=_rounded(score.p5),
        worst_second=(_rounded(worst), _rounded(at_s)),
        per_second=tuple(map(_rounded, seconds)),
    )


def _rounded(value: float) -> float:
    return round(value, _SCORE_DIGITS)


def receipt_json(receipt: Receipt) -> str:
    """The receipt as JSON with a final newline; undecodable bytes are `\\udcNN` escapes."""
    document = {"format": RECEIPT_FORMAT, **msgspec.to_builtins(receipt)}
    document["saved_bytes"] = receipt.source_bytes - receipt.target_bytes
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


def parse_receipt(text: str | bytes) -> Receipt:
    """The receipt that `receipt_json` wrote; keys of later versions are ignored.

    Raises ValueError (also msgspec's) for other text. `json` reads it, as it accepts surrogates.
    """
    return msgspec.convert(json.loads(text), type=Receipt)


def receipt_text(receipt: Receipt) -> str:
    """The receipt as text: source, decision, settings, checks."""
    return "\n".join(printable(line) for line in _lines(receipt)) + "\n"


def _lines(receipt: Receipt) -> Iterator[str]:
    yield f"av1rules conversion report, {receipt.finished_at}"
    yield from _section("Job", _job(receipt))
    yield from _section("Files", _files(receipt))
    yield from _section("Source", receipt.source_facts)
    yield from _section("Decision", _decision(receipt))
    yield from _section("Settings", _settings(receipt.settings))
    yield from _section("Streams changed", receipt.changed_streams or ("none: all copied",))
    yield from _section("Losses accepted", receipt.accepted_losses)
    yield from _section("Not carried on", receipt.not_carried_on)
    yield from _section("Checks", (_check(check) for check in receipt.checks))
    yield from _section("Quality", _quality(receipt))
    yield from _section("Made with", _made_with(receipt))
    yield from _section("FFmpeg's warnings and errors", receipt.log)
    yield from _section("FFmpeg's last lines", receipt.last_lines)


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A title with its lines below; nothing without lines."""
    for number, line in enumerate(lines):
        if number == 0:
            yield ""
            yield title
        yield f"  {line}"


def _labelled(label: str, value: str) -> str:
    return f"{label:<{_LABEL_WIDTH}} {value}"


def _job(receipt: Receipt) -> Iterator[str]:
    if receipt.run is not None:
        yield _labelled("run", str(receipt.run))
    if receipt.started_at:
        yield _labelled("started", receipt.started_at)
    if receipt.finished_at:
        yield _labelled("finished", receipt.finished_at)
    frames = f", {receipt.frames} frames" if receipt.frames is not None else ""
    yield _labelled("encoding", f"{format_duration(receipt.encode_s)}{frames}")
    yield _labelled("verifying", format_duration(receipt.verify_s))


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


def _settings(lines: tuple[SettingLine, ...]) -> Iterator[str]:
    """Values in a column; a long one shifts only its own origin."""
    lengths = (len(line.value) for line in lines)
    width = max((length for length in lengths if length <= _VALUE_WIDTH), default=0)
    for line in lines:
        yield f"{line.name:<20} {line.value:<{width}}  {line.origin}".rstrip()


def _check(check: ReceiptCheck) -> str:
    return f"{'passed' if check.passed else 'FAILED'}  {_labelled(check.name, check.detail)}"


def _quality(receipt: Receipt) -> Iterator[str]:
    """Nothing if no scores were requested."""
    if receipt.score_problem is not None:
        yield f"no scores: {receipt.score_problem}"
    if receipt.scores:
        yield f"measured on {_SCOPES.get(receipt.score_scope or '', 'an unknown part of the film')}"
        yield from score_lines(receipt.scores)


_SCOPES = {"samples": "excerpts spread over the film", "whole": "the whole film"}


def _made_with(receipt: Receipt) -> Iterator[str]:
    yield _labelled("encoder", receipt.encoder)
    if receipt.segments is not None:
        yield _labelled("segments", receipt.segments)
    for name, version in receipt.tools:
        yield _labelled(name, version)
    yield _labelled("command", receipt.command)
