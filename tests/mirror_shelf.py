"""A library with a complete mirror, in the words of its tests."""

from __future__ import annotations

from pathlib import Path

from av1rules.ledger.ledger import Ledger
from av1rules.ledger.stand_ins import StandIn
from av1rules.plan.rest.items import RestPlan
from tests.conftest import MakeClip
from tests.runs import RunCounts
from tests.sample_library import FAST, SampleLibrary

RULES = """\
version: 1
library: {{roots: [films], settle: {settle}{library}}}
output: {{mode: mirror, root: out, copies: encode, rest: {rest}{output}}}
run: {{reserve: 0}}
rules:
  - {{name: kept, when: {{path: "**/kept*"}}, skip: as it is}}
  - {{name: all, encode: {{{settings}}}, review: never}}
"""


class Shelf:
    """`films/` with sources, `out/films/` with targets and what stands beside them."""

    def __init__(self, library: SampleLibrary, make_clip: MakeClip) -> None:
        self.library = library
        self._make_clip = make_clip
        self.rest = "hardlink"

    def rules(self, rest: str, *, settle: str = "0", library: str = "", output: str = "") -> None:
        self.rest = rest
        text = RULES.format(rest=rest, settle=settle, library=library, output=output, settings=FAST)
        self.library.rules(text)

    def film(self, name: str) -> Path:
        """A new film with content of its own."""
        return self.library.add(name, self._make_clip(name.replace("/", "-")))

    def side(self, name: str, text: str = "text") -> Path:
        path = self.source(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def source(self, name: str) -> Path:
        return self.library.folder / "films" / name

    def at(self, name: str) -> Path:
        return self.library.target(name)

    def plan(self, **more: bool) -> RestPlan:
        return self.library.plan(**more).rest

    def run(self, *paths: Path, **more: bool) -> RunCounts:
        return self.library.run(*paths, **more)

    def stands(self, name: str) -> bool:
        """Whether the source stands in the mirror as the rules say."""
        source, there = self.source(name), self.at(name)
        if self.rest == "hardlink":
            return there.samefile(source) and not there.is_symlink()
        if self.rest == "symlink":
            return there.is_symlink() and there.samefile(source)
        is_other = not there.is_symlink() and not there.samefile(source)
        return is_other and there.read_bytes() == source.read_bytes()

    def names(self) -> set[str]:
        """Everything in the mirror."""
        top = self.at("")
        return {str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir()}

    def rows(self) -> list[StandIn]:
        ledger = Ledger.read(self.library.state_dir)
        try:
            return list(ledger.stand_ins.all())
        finally:
            ledger.close()
