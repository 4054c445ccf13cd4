"""What a policy adds to a request: the folders that a service reads and writes. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from av1rules.base.files import is_at_or_below
from av1rules.operations.units.model import ServiceRequest, ServiceSpec
from av1rules.policy.model import OutputMode, Rest, RuleSet

_LINKED = (Rest.HARDLINK, Rest.REFLINK)


def spec_of(request: ServiceRequest, ruleset: RuleSet) -> ServiceSpec:
    """The service of a policy. The state folder is made before it starts, since a service that may
    not write beside the rules could not make it; so is a spool elsewhere."""
    roots = tuple(map(_absolute, ruleset.library.root_paths.values()))
    state_dir = ruleset.run.state_dir
    written = tuple(_outermost(map(_absolute, _written(ruleset, roots))))
    return ServiceSpec(
        request=request,
        roots=roots,
        written=written,
        read=tuple(root for root in roots if not any(is_at_or_below(root, w) for w in written)),
        made=tuple(_outermost(map(_absolute, (state_dir, ruleset.watch.spool_in(state_dir))))),
    )


def _written(ruleset: RuleSet, roots: tuple[str, ...]) -> Iterator[str | os.PathLike[str]]:
    output = ruleset.output
    if output.temp_dir is not None:
        yield output.temp_dir
    # The textfile of Prometheus is exchanged, by a rename within its folder.
    yield from (one.file.parent for one in ruleset.neighbours if one.file is not None)
    if output.mode is not OutputMode.MIRROR:
        yield from roots
        return
    assert output.root is not None
    yield output.root
    if output.rest in _LINKED:
        # systemd makes a mount of each folder that it opens, and no hard link crosses two mounts:
        # films and mirror have to stand in one.
        for root in roots:
            yield os.path.commonpath([root, _absolute(output.root)])


def _absolute(path: str | os.PathLike[str]) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _outermost(paths: Iterable[str]) -> Iterator[str]:
    """Without those inside others."""
    found = list(dict.fromkeys(paths))
    return (
        path for path in found
        if not any(path != other and is_at_or_below(path, other) for other in found)
    )  # fmt: skip
