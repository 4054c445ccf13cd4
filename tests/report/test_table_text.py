"""A table on a pipe is whole; on a terminal it fits, and says where its rest is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from av1rules.report.table import EXTRA, Column, Section, Table, table_of
from av1rules.report.table_text import section_text, table_lines, table_text
from av1rules.report.view import Role, View, display_width

NAME = "library/films/A Very Long Film Name (1999) Remux.mkv"
WHY = "the pictures are interlaced and would be combed for ever"


def table(*rows: tuple[str, ...]) -> Table:
    """A name, a size, a rule that is only nice to have, and a reason."""
    return Table(
        headers=("file", "size", "rule", "why"),
        rows=rows or ((NAME, "441 KiB", "streaming", WHY),),
        names=frozenset({0}),
        numbers=frozenset({1}),
        details=frozenset({3}),
        ranks=(0, 0, EXTRA, 0),
    )


def lines_at(width: int, shown: Table) -> list[str]:
    return list(table_lines(shown, View(width=width)))


def test_a_pipe_gets_whole_cells() -> None:
    head, dashes, row = table_text(table()).splitlines()
    assert row.split("  ") == [NAME, "441 KiB", "streaming", WHY]
    assert head.index("why") == row.index(WHY) == dashes.rindex("  ") + 2


def test_a_wide_terminal_is_like_a_pipe() -> None:
    assert "\n".join(lines_at(200, table())) == table_text(table())


def test_details_move_below_their_row_before_columns_go() -> None:
    head, _, row, below = lines_at(80, table())
    assert head.split() == ["file", "size", "rule"]
    assert row.startswith(NAME)
    assert below == f"    {WHY}"


def test_columns_that_are_nice_to_have_go_next() -> None:
    head, _, row, *_ = lines_at(44, table())
    assert head.split() == ["file", "size"]
    assert row.endswith("441 KiB")
    assert "…" in row
    assert row.startswith("library/")


def test_a_short_detail_stays_beside_and_its_further_lines_go_below() -> None:
    head, _, row, below = lines_at(60, table(("a.mkv", "1 B", "r", "new\nnote: odd")))
    assert head.split() == ["file", "size", "rule", "why"]
    assert row.split() == ["a.mkv", "1", "B", "r", "new"]
    assert below == "    note: odd"


def test_below_a_width_cells_stand_below_each_other() -> None:
    lines = lines_at(30, table())
    assert lines[0].startswith("library/fil")
    assert [line.split()[0] for line in lines[1:4]] == ["size", "rule", "why"]
    assert "".join(lines).count("interlaced") == 1


def test_numbers_stand_right() -> None:
    shown = Table(headers=("n",), rows=(("1",), ("100",)), numbers=frozenset({0}))
    assert table_text(shown) == "  n\n---\n  1\n100"


def test_the_rest_is_counted_and_named() -> None:
    columns: tuple[Column[int], ...] = (Column(header="n", value=lambda n: n),)
    shown = table_of(columns, range(2000), limit=1, rest="--all")
    assert table_text(shown).splitlines()[-1] == "... and 1,999 more: --all"
    assert table_of(columns, range(1), limit=1).more == 0


def test_a_table_without_headings_wraps_its_last_column() -> None:
    shown = Table(headers=("", ""), rows=(("held", "a user must decide"),))
    assert lines_at(20, shown) == ["held  a user must", "      decide"]


def test_chinese_names_keep_the_columns_straight() -> None:
    shown = Table(headers=("file", "size"), rows=(("漢字.mkv", "1 B"), ("abcdefgh.mkv", "2 B")))
    first, second = table_text(shown).splitlines()[2:]
    assert display_width(first.partition("1 B")[0]) == display_width(second.partition("2 B")[0])


def test_titles_have_the_colour_of_their_meaning() -> None:
    section = Section(title="Blocked (1 file)", table=table())
    assert section_text(section).startswith("Blocked")
    shown = section_text(section, View(width=200, has_colour=True))
    assert shown.startswith(f"\x1b[{Role.HEADING.value}mBlocked (1 file)\x1b[0m\n")


LINES = st.lists(st.text("ab 漢é-", max_size=30), min_size=1, max_size=3)
CELLS = LINES.map("\n".join)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.tuples(st.text("/漢x", min_size=1, max_size=90), *([CELLS] * 3)), max_size=6),
    width=st.integers(20, 160),
)
def test_no_line_is_wider_than_the_screen(rows: list[tuple[str, ...]], width: int) -> None:
    shown = table(*rows) if rows else table()
    lines = lines_at(width, shown)
    assert all(display_width(line) <= width for line in lines)
    for *_, why in shown.rows:
        assert all(word in " ".join(lines) for word in why.split() if display_width(word) < 8)
