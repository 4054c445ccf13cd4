"""Brightness from PQ signals: SMPTE ST 2084, also ITU-R BT.2100-2 table 4. Pure."""

from __future__ import annotations

_M1 = 2610 / 16384
_M2 = 2523 / 4096 * 128
_C1 = 3424 / 4096
_C2 = 2413 / 4096 * 32
_C3 = 2392 / 4096 * 32

_MOST_NITS = 10_000.0


def nits(signal: float) -> float:
    """The brightness in cd/m2 that a PQ signal from 0 to 1 stands for."""
    root = min(max(signal, 0.0), 1.0) ** (1 / _M2)
    return _MOST_NITS * float((max(root - _C1, 0.0) / (_C2 - _C3 * root)) ** (1 / _M1))
