"""The pages under docs/ say what is so: their names, numbers, links and contents.

What can be made is made anew by `doit docs`; the commands that they show are run by
`tests/claims`.
"""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from av1rules.ledger.database import SCHEMA_VERSION
from av1rules.policy.load import check_rules
from av1rules.policy.schema import load_schema

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "av1rules"
DECISIONS = ROOT / "docs" / "decisions.md"
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))

DRAWN_AS = {"tasks": "graph"}
"""Packages whose own name is a word of Mermaid: no picture could be drawn."""

_ENTRY = re.compile(r"^- \*\*D-(\d{3})\*\* ", re.MULTILINE)
_CITED = re.compile(r"\bD-(\d{3})\b")
_CONTENTS = re.compile(r"(?<=\n## Contents\n\n)(?:- \[.*\n)*")


def groups(text: str) -> Iterator[tuple[str, list[int]]]:
    """The groups of decisions in their order, each with its ids as they stand."""
    for section in text.split("\n## ")[2:]:
        yield section.partition("\n")[0], [int(number) for number in _ENTRY.findall(section)]


def contents(text: str) -> str:
    """One line for each group, with the ranges of its ids."""
    return "".join(
        f"- [{name}](#{name.lower()}): {', '.join(ranges(sorted(ids)))}\n"
        for name, ids in groups(text)
    )


def ranges(ids: list[int]) -> Iterator[str]:
    """Three ids or more in a row are one range."""
    while ids:
        length = next((n for n in range(1, len(ids)) if ids[n] != ids[0] + n), len(ids))
        if length > 2:
            yield f"D-{ids[0]:03} to D-{ids[length - 1]:03}"
        else:
            yield from (f"D-{number:03}" for number in ids[:length])
        ids = ids[length:]


def test_ranges_of_ids() -> None:
    assert list(ranges([1, 2, 3, 5, 7, 8])) == ["D-001 to D-003", "D-005", "D-007", "D-008"]
    assert list(ranges([9])) == ["D-009"]


def test_a_decision_has_an_id_of_its_own() -> None:
    ids = _ENTRY.findall(DECISIONS.read_text(encoding="utf-8"))
    assert [one for one in sorted(set(ids)) if ids.count(one) > 1] == []


def test_every_line_of_the_decisions_is_one() -> None:
    _, _, body = DECISIONS.read_text(encoding="utf-8").partition("\n## Contents\n")
    body = _CONTENTS.sub("", f"\n## Contents\n{body}")
    odd = [
        line
        for line in body.splitlines()
        if line and not line.startswith("## ") and not _ENTRY.match(line)
    ]
    assert odd == []


def test_a_group_of_decisions_stands_once() -> None:
    names = [name for name, _ in groups(DECISIONS.read_text(encoding="utf-8"))]
    assert len(names) == len(set(names))
    packages = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert set(names) <= packages | {"Dependencies", "Tests"}


def test_the_contents_of_the_decisions_are_right(request: pytest.FixtureRequest) -> None:
    text = DECISIONS.read_text(encoding="utf-8")
    if request.config.getoption("--update-golden"):
        text = _CONTENTS.sub(contents(text), text)
        DECISIONS.write_text(text, encoding="utf-8")
    found = _CONTENTS.search(text)
    assert found is not None
    assert found[0] == contents(text), "`doit docs` writes them"


def test_a_cited_decision_exists() -> None:
    known = set(_ENTRY.findall(DECISIONS.read_text(encoding="utf-8")))
    places = [
        *PAGES,
        *(path for top in ("av1rules", "tests") for path in (ROOT / top).rglob("*.py")),
    ]
    cited = {
        (path.relative_to(ROOT).as_posix(), number)
        for path in places
        if path != Path(__file__)
        for number in _CITED.findall(path.read_text(encoding="utf-8"))
    }
    assert {(path, number) for path, number in cited if number not in known} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        place, _, anchor = link.partition("#")
        target = page.parent / place if place else page
        assert target.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {_anchor(head) for head in heads}, link


def _anchor(head: str) -> str:
    return re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")


_FILE = re.compile(r"`((?:[\w{},.-]+/)+[\w{},.-]+\.(?:py|md|json|yaml|txt|toml))(?::(\w+))?`")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_file_that_a_page_names_exists(page: Path) -> None:
    """With the function or constant behind its colon. Files of planned features are another
    matter."""
    text = page.read_text(encoding="utf-8").partition("## Places for planned features")[0]
    for name, member in _FILE.findall(text):
        path = next((top / name for top in (ROOT, PACKAGE) if (top / name).exists()), None)
        assert path is not None, name
        if member:
            defined = re.escape(member)
            pattern = rf"^(?:def|class|async def) {defined}\b|^{defined}\b.*="
            assert re.search(pattern, path.read_text(encoding="utf-8"), re.MULTILINE), (
                f"{name}: no {member}"
            )


def test_planned_places_are_still_free() -> None:
    section = ARCHITECTURE.partition("## Places for planned features")[2]
    named = re.findall(r"`([\w/]+\.py|[\w/]+/)`", section)
    named = [name for name in named if name != "execute/run.py"]  # the protocol, not the place
    assert [name for name in named if (PACKAGE / name).exists()] == []


def test_architecture_names_every_package_and_its_place() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    rows = re.findall(r"^\| `(\w+)` \| .*\?|^\| `(operations)` \|", ARCHITECTURE, re.MULTILINE)
    assert {one or other for one, other in rows} == packages
    drawn = re.findall(r'(\w+)\["(\w+): ', ARCHITECTURE)
    assert {shown for _, shown in drawn} == packages
    assert not {name for name, _ in drawn} & {"graph", "end", "subgraph", "style", "class"}
    names = {name: DRAWN_AS.get(name, name) for name, _ in drawn}
    assert all(names[name] == shown for name, shown in drawn)


def test_the_picture_of_packages_agrees_with_the_imports() -> None:
    """An arrow leads from a higher layer of the import contract to a lower one."""
    layers = re.findall(r'"av1rules\.(\w+)",', _layers())
    for line in re.findall(r"^    (\w+.*-->.*)$", ARCHITECTURE.partition("```\n")[0], re.MULTILINE):
        upper, lower = re.findall(r"(\w+)(?:\[[^\]]*\])?", line)[0], line.split("--> ")[1]
        below = re.match(r"\w+", lower)
        assert below is not None
        above, under = (DRAWN_AS.get(name, name) for name in (upper, below[0]))
        assert layers.index(above) < layers.index(under), line


def _layers() -> str:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return text.partition("layers = [")[2].partition("]")[0]


def test_every_package_within_a_package_is_named_in_architecture() -> None:
    inner = {
        path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("*/*/__init__.py")
    }
    assert {name for name in inner if f"`{name}/" not in ARCHITECTURE} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_key_with_its_section_exists(page: Path) -> None:
    """`run.max_failures`, and the keys of examples in README."""
    known = load_schema()["properties"]
    for section, key in re.findall(
        r"`(library|output|tools|run|tiers)\.(\w+)[`:]", page.read_text(encoding="utf-8")
    ):
        assert key in known[section]["properties"], f"{section}.{key}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_key_with_its_value_exists(page: Path) -> None:
    """`review: never` and the like, in sentences and tables."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.DOTALL)
    known = keys_of_mappings(load_schema()) | {"mmco"}  # FFmpeg's word for a step of H.264
    assert set(re.findall(r"`([a-z_]+): [^`\n]+`", text)) - known == set()


def keys_of_mappings(schema: object) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(keys_of_mappings, schema))
    if not isinstance(schema, dict):
        return set()
    own = schema.get("properties")
    below = set().union(*map(keys_of_mappings, schema.values()))
    return below | set(own) if isinstance(own, dict) else below


def test_every_page_is_part_of_the_site() -> None:
    text = (ROOT / "docs" / "site" / "mkdocs.yml").read_text(encoding="utf-8")
    named = re.findall(r": ([\w/.-]+\.md)$", text.partition("\nnav:\n")[2], re.MULTILINE)
    assert len(named) == len(set(named))
    pages = {page.relative_to(ROOT).as_posix() for page in PAGES}
    assert set(named) == pages | {"CHANGELOG.md"}


def test_rules_that_readme_shows_are_good(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(found) > 1
    for number, shown in enumerate(found):
        path = tmp_path / f"{number}.yaml"
        head = "" if "version:" in shown else "version: 1\nlibrary: {roots: [/media/movies]}\n"
        path.write_text(head + shown, encoding="utf-8")
        ruleset, problems = check_rules(path)
        assert (ruleset is not None, problems) == (True, ()), shown


def test_changes_name_the_version_of_the_ledger() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = [int(number) for number in re.findall(r"[Ll]edger version (\d+)", text)]
    assert max(versions) == SCHEMA_VERSION


def _quality_rows() -> list[list[str]]:
    text = (ROOT / "docs" / "quality.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| ((?:drawn|camera|mixed) \|.*) \|$", text, re.MULTILINE)
    return [[cell.strip() for cell in row.split("|")] for row in found]


def test_the_summary_of_the_search_is_that_of_its_rows() -> None:
    """Only of the 36 s column: the rows of the other are not shown."""
    text = " ".join((ROOT / "docs" / "quality.md").read_text(encoding="utf-8").split())
    rows = _quality_rows()
    found = [row for row in rows if row[2] != "none"]
    off = {tuple(row): abs(float(row[3]) - float(row[2])) for row in found}
    inside = [value for row, value in off.items() if 10 < float(row[2]) < 50]
    shown = re.search(r"\| CRF off by.*?\| ([\d.]+), ([\d.]+) \|", text)
    assert shown is not None
    assert [float(number) for number in shown.groups()] == [
        pytest.approx(statistics.median(inside), abs=0.05), max(inside),
    ]  # fmt: skip
    assert f"the median would be {statistics.median(off.values()):g} " in text
    trials = statistics.fmean(int(row[5]) for row in rows)
    assert f"| trials on average | {trials:.1f} |" in text
    sizes = [float(row[6]) for row in found]
    mean = f"{min(sizes)} to {max(sizes)}, mean {statistics.fmean(sizes):.2f}"
    assert f"real / projected from samples | {mean} |" in text
    above = [float(row[4]) - float(row[1].split()[-1]) for row in found if "VMAF" in row[1]]
    mean = f"{min(above):+.1f} to {max(above):+.1f}, mean {statistics.fmean(above):+.1f}"
    assert f"relative to its floor | {mean} |" in text


def test_the_modules_that_pages_show_exist() -> None:
    """`python -m tests.bench.bench_search` and the like."""
    for page in PAGES:
        for name in re.findall(r"python -m (tests[\w.]+)", page.read_text(encoding="utf-8")):
            path = ROOT / f"{name.replace('.', '/')}.py"
            assert path.exists(), name
            assert "__main__" in ast.unparse(ast.parse(path.read_text(encoding="utf-8")))
