"""Variables as Sonarr v4 and Radarr v5 set them."""

from __future__ import annotations

import pytest

from av1rules.service.arr import ArrEvent, arr_event

IMPORT = {
    "Sonarr_EventType": "Download",
    "Sonarr_InstanceName": "Sonarr (4K)",
    "Sonarr_IsUpgrade": "True",
    "Sonarr_Series_Path": "/tv/Show",
    "Sonarr_EpisodeFile_Path": "/tv/Show/S01E01.mkv",
    "Sonarr_EpisodeFile_SourcePath": "/downloads/x.mkv",
    "Sonarr_DeletedPaths": "/tv/Show/old.mkv|/tv/Show/older.avi",
    "PATH": "/bin",
}


def test_an_upgrade_names_the_new_file_and_those_that_went() -> None:
    assert arr_event(IMPORT) == ArrEvent(
        sender="Sonarr (4K)",
        event="Download",
        changed=("/tv/Show/S01E01.mkv",),
        deleted=("/tv/Show/old.mkv", "/tv/Show/older.avi"),
    )


@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_the_case_of_variables_does_not_count(case: object) -> None:
    assert callable(case)
    assert arr_event({case(name): value for name, value in IMPORT.items()}) == arr_event(IMPORT)


def test_a_rename_names_both_places() -> None:
    found = arr_event(
        {
            "radarr_eventtype": "Rename",
            "radarr_movie_path": "/movies/Heat",
            "radarr_moviefile_paths": "/movies/Heat/a.mkv|/movies/Heat/b.mkv",
            "radarr_moviefile_previouspaths": "/movies/Heat/x.mkv|/movies/Heat/y.mkv",
        }
    )
    assert found is not None
    assert found.sender == "Radarr"
    assert found.changed == ("/movies/Heat/a.mkv", "/movies/Heat/b.mkv")
    assert found.deleted == ("/movies/Heat/x.mkv", "/movies/Heat/y.mkv")


def test_older_versions_name_the_folder_of_a_rename() -> None:
    found = arr_event({"sonarr_eventtype": "Rename", "sonarr_series_path": "/tv/Show"})
    assert found is not None
    assert found.changed == ("/tv/Show",)


@pytest.mark.parametrize(
    ("event", "variable"),
    [
        ("EpisodeFileDelete", "sonarr_episodefile_path"),
        ("SeriesDelete", "sonarr_series_path"),
        ("MovieFileDelete", "radarr_moviefile_path"),
        ("MovieDelete", "radarr_movie_path"),
    ],
)
def test_a_deletion_names_what_is_gone(event: str, variable: str) -> None:
    program = variable.partition("_")[0]
    found = arr_event({f"{program}_eventtype": event, variable: "/x"})
    assert found is not None
    assert (found.changed, found.deleted) == ((), ("/x",))


def test_a_test_and_a_grab_are_not_about_files() -> None:
    test = arr_event({"Radarr_EventType": "Test"})
    grab = arr_event({"Sonarr_EventType": "Grab", "Sonarr_Release_Title": "x"})
    assert test is not None
    assert grab is not None
    assert (test.is_test, test.is_about_files) == (True, False)
    assert (grab.is_test, grab.is_about_files) == (False, False)


def test_other_programs_set_nothing() -> None:
    assert arr_event({"PATH": "/bin", "MY_SONARR_EVENTTYPE": "Download"}) is None
