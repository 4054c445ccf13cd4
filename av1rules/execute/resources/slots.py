"""The slots of a run: how many of them no film needs any more. A film in segments uses these."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Slots:
    """Safe to use from many threads. Until `begin` is called, no slot is spare.

    Each film that is not done yet counts as one that needs a slot, whether it runs, waits or is
    held: films come before segments.
    """

    _lock: threading.Lock = field(default_factory=threading.Lock)
    _total: int = 0
    _left: set[str] = field(default_factory=set)
    _taken: int = 0

    def begin(self, total: int, films: Iterable[str]) -> None:
        """A round of `total` slots begins with these films, by their paths."""
        with self._lock:
            self._total, self._left = total, set(films)

    def film_is_done(self, film: str) -> None:
        """It needs no slot any more."""
        with self._lock:
            self._left.discard(film)

    @property
    def spare(self) -> int:
        """Slots that neither a film nor a segment of another one needs."""
        with self._lock:
            return self._spare()

    def try_take(self) -> bool:
        """Take a spare slot. False if there is none now."""
        with self._lock:
            if self._spare() < 1:
                return False
            self._taken += 1
            return True

    def give_back(self) -> None:
        with self._lock:
            self._taken -= 1

    def _spare(self) -> int:
        return max(self._total - len(self._left) - self._taken, 0)
