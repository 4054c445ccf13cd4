"""Remembers results of pure functions for what many films share: one set of settings, one rule."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

MOST = 4096
"""Results kept of one function. A policy has few sets of settings; where each film has its own, all
are forgotten now and then."""


def by_identity(function: Callable[P, R]) -> Callable[P, R]:
    """Remember the results of a pure `function` for arguments that are the very same objects: a
    look at a dictionary, where hashing a value of many fields takes longer than the work. Equal
    results are then one object too, which keeps a plan of many films small.

    The arguments must be immutable. They are kept alive with the result, so that no other object
    can get the identity of one of them.
    """
    known: dict[tuple[object, ...], tuple[object, R]] = {}

    @functools.wraps(function)
    def remembered(*arguments: P.args, **named: P.kwargs) -> R:
        key: tuple[object, ...] = tuple(map(id, arguments))
        if named:
            key += tuple((name, id(value)) for name, value in named.items())
        found = known.get(key)
        if found is not None:
            return found[1]
        if len(known) >= MOST:
            known.clear()
        result = function(*arguments, **named)
        known[key] = ((arguments, named), result)
        return result

    return remembered
