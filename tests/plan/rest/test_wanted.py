"""What of the library should stand in a mirror, as values."""

from __future__ import annotations

import pytest

from av1rules.media.discover import FolderSideFiles, SkipReason
from av1rules.plan.context import PlanRequest
from av1rules.plan.items import Blocked, Held, LeftAlone, Move, PlanItem
from av1rules.plan.rest.wanted import (
    MirrorFolder,
    WalkedFiles,
    by_mark,
    coming_targets,
    link_text,
    wanted_folders,
)
from av1rules.plan.rows import PlanRows
from tests.plan_items import copy, encode, fresh, library_file, planned_encode

NOTHING = WalkedFiles()


def side_files(below: str, *names: str) -> FolderSideFiles:
    return FolderSideFiles.of("films", "/films", below, [(name, 1) for name in names])


def wanted(
    *rows: PlanItem,
    walked: WalkedFiles = NOTHING,
    request: PlanRequest = PlanRequest(),
    has_include: bool = False,
) -> dict[str, MirrorFolder]:
    planned = PlanRows.of(rows)
    return dict(wanted_folders("/out", planned, walked, request, has_include=has_include))


def names_in(folders: dict[str, MirrorFolder]) -> set[str]:
    return {f"{path}/{name}" for path, folder in folders.items() for name in folder.wanted}


def test_all_but_finished_films_are_wanted_under_their_own_names() -> None:
    moving = library_file("m.mkv")
    found = wanted(
        fresh("f.mkv"),
        encode("sub/e.mp4"),
        copy("c.mkv"),
        Move(file=moving, causes=("moved",), target="/out/m.mkv", work=planned_encode(moving)),
        Held.of(encode("h.mkv"), "held"),
        Blocked.of(encode("b.mkv"), "blocked"),
        LeftAlone.of(encode("l.mkv"), "skip"),
    )
    assert names_in(found) == {
        "/out/films/sub/e.mp4", "/out/films/c.mkv", "/out/films/h.mkv", "/out/films/b.mkv",
        "/out/films/l.mkv",
    }  # fmt: skip
    assert found["/out/films"].encoded == {"m.mkv"}
    assert found["/out/films/sub"].wanted["e.mp4"].is_coming
    assert not found["/out/films"].wanted["h.mkv"].is_coming


@pytest.mark.parametrize(
    ("reason", "is_wanted", "is_undecided"),
    [
        (SkipReason.EXCLUDED, False, False),
        (SkipReason.SETTLING, False, True),
        (SkipReason.TOO_SMALL, True, False),
        (SkipReason.MARKED, True, False),
    ],
)
def test_why_the_walk_set_a_film_aside(
    reason: SkipReason, is_wanted: bool, is_undecided: bool
) -> None:
    row = LeftAlone.of(encode("a.mkv"), "set aside")
    found = wanted(row, walked=WalkedFiles(set_aside={"/films/a.mkv": reason}))
    assert ("/out/films/a.mkv" in names_in(found)) is is_wanted
    assert any("a.mkv" in folder.undecided for folder in found.values()) is is_undecided


def test_side_files_near_the_films_of_an_include() -> None:
    walked = WalkedFiles(
        side_files=[
            side_files("shows", "tvshow.nfo"),
            side_files("shows/one/Subs", "en.srt"),
            side_files("books", "a.epub"),
        ],
    )
    row = LeftAlone.of(encode("shows/one/a.mkv"), "skip")
    found = wanted(row, walked=walked, has_include=True)
    assert names_in(found) == {
        "/out/films/shows/one/a.mkv", "/out/films/shows/tvshow.nfo",
        "/out/films/shows/one/Subs/en.srt",
    }  # fmt: skip
    assert "/out/films/books/a.epub" in names_in(wanted(row, walked=walked))


def test_what_a_user_did_not_ask_for_stays_as_it_is() -> None:
    walked = WalkedFiles(side_files=[side_files("one", "a.srt"), side_files("", "x")])
    one = wanted(encode("one/a.mkv"), walked=walked, request=PlanRequest(paths=("/films/one",)))
    assert names_in(one) == {"/out/films/one/a.mkv", "/out/films/one/a.srt"}
    assert one["/out/films"].undecided == {"x"}
    some = wanted(encode("one/a.mkv"), walked=walked, request=PlanRequest(only=("tv",)))
    assert names_in(some) == set()
    assert some["/out/films/one"].undecided == {"a.mkv", "a.srt"}


def test_only_targets_that_come_claim_a_place() -> None:
    rows = PlanRows.of((fresh("f.mkv"), encode("e.mkv"), Held.of(encode("h.mkv"), "held")))
    assert coming_targets(rows) == {"/out/e.mkv": "/films/e.mkv"}


@pytest.mark.parametrize(
    ("mirror", "root", "text"),
    [
        ("/media/av1", "/media/films", "../../../films/sub/a.mkv"),
        ("/av1", "/films", "/films/sub/a.mkv"),
        ("/srv/media/av1", "/srv/films", "../../../../films/sub/a.mkv"),
    ],
)
def test_links_are_relative_below_a_common_folder(mirror: str, root: str, text: str) -> None:
    folder = f"{mirror}/films/sub"
    assert link_text(f"{root}/sub/a.mkv", folder, mirror=mirror, root=root) == text


def test_a_mark_that_two_files_have_tells_nothing() -> None:
    assert by_mark([((1, 2, 3), 0), ((4, 5, 6), 1), ((1, 2, 3), 2)]) == {(4, 5, 6): 1}
