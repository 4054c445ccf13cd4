"""`watch:` of a rules file. Pure."""

from __future__ import annotations

from pathlib import Path

import msgspec


class WatchSpec(msgspec.Struct, frozen=True, kw_only=True):
    """When `av1rules watch` looks: at least every `interval_s` (900: a round with nothing to do
    takes 5 s of CPU for 100,000 films), after file `events`, and when a word lies in the spool.
    Without a folder of its own that is in the state folder."""

    interval_s: float = 900.0
    events: bool = True
    spool: Path | None = None

    def spool_in(self, state_dir: Path) -> Path:
        """Where words for the watcher lie."""
        return self.spool or state_dir / "spool"
