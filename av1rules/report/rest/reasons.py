"""Why files are not in a mirror, in words."""

from __future__ import annotations

from av1rules.plan.rest.items import RestProblem, RestProblemKind
from av1rules.policy.model import Rest


def reason_of(problem: RestProblem, kind: Rest) -> str:
    """Why a file is not in the mirror, and what to do."""
    return {
        RestProblemKind.TAKEN: "a file that av1rules did not put there has this name: move it away",
        RestProblemKind.IS_TARGET: "the target of another film has this name: rename one of both",
        RestProblemKind.CHANGED: (
            "what av1rules put there was changed or replaced since: move it away"
        ),
        RestProblemKind.OTHER_DISK: _other_disk(kind),
    }[problem.kind]


def _other_disk(kind: Rest) -> str:
    return (
        f"a {kind.value} can't lead to output.root, which is on another file system: use "
        "output.rest: symlink or copy, or put output.root on the same one"
    )
