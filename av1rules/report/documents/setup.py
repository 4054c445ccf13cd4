"""The documents of `init` and `demo`."""

from __future__ import annotations

from av1rules.report.json import JsonDocument


class InitDocument(JsonDocument, frozen=True, kw_only=True):
    """The files that were written (with `dry_run`: would be), and the folders that the rules
    name."""

    dry_run: bool
    written: tuple[str, ...]
    root: str
    output: str


class DemoDocument(JsonDocument, frozen=True, kw_only=True):
    """The demo's folder. `unexpected` says what came out otherwise than the demo expects; `ok`:
    nothing did."""

    ok: bool
    folder: str
    unexpected: tuple[str, ...]


class CompletionDocument(JsonDocument, frozen=True, kw_only=True):
    """The script by which a shell completes commands."""

    shell: str
    script: str
