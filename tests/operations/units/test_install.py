"""Files are put in place over nobody else's, and the service manager is told, in this order; its
programs are stubs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from av1rules.base.errors import Av1rulesError, UsageError
from av1rules.operations.units import install as units
from av1rules.operations.units.files import UnitFolders, unit_files
from av1rules.operations.units.install import UnitInPlace, require_ours, see_files
from av1rules.operations.units.installed import find_services, places_of
from av1rules.operations.units.model import ManagerKind, ServiceScope, ServiceSpec
from av1rules.operations.units.stamp import UnitState
from tests.fakes.stub import Answer, Stub
from tests.operations.units.requests import spec

CRONTAB = """#!/bin/sh
echo "$@" >> {log}
case "$1" in
  -l) if [ -e {tab} ]; then cat {tab}; else echo "no crontab for me" >&2; exit 1; fi ;;
  *) cp "$1" {tab} ;;
esac
"""


@pytest.fixture
def folders(tmp_path: Path) -> UnitFolders:
    made = UnitFolders.of_user(tmp_path, tmp_path / "config")
    return replace(
        made,
        systemd_system=tmp_path / "system",
        launchd_system=tmp_path / "daemons",
        cron_system=tmp_path / "cron.d",
    )


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stub:
    found = Stub(tmp_path / "bin")
    for name in ("systemctl", "launchctl"):
        found.make(name, Answer())
    crontab = tmp_path / "bin" / "crontab"
    crontab.write_text(CRONTAB.format(log=tmp_path / "crontab.log", tab=tmp_path / "tab"))
    crontab.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return found


@pytest.fixture
def made(tmp_path: Path) -> ServiceSpec:
    return of(tmp_path)


def of(folder: Path, **changes: Any) -> ServiceSpec:
    rules = str(folder / "rules.yaml")
    found = spec("/m", **({"rules_file": rules, "scope": ServiceScope.USER} | changes))
    return replace(found, made=(str(folder / "state"),))


def seen(made: ServiceSpec, folders: UnitFolders) -> tuple[UnitInPlace, ...]:
    return see_files(unit_files(made, folders), made.request)


def called(stub: Stub, name: str = "systemctl") -> list[str]:
    log = stub.logs.get(stub.folder / name)
    return [" ".join(words) for words in stub.calls(stub.folder / name)] if log else []


def test_files_are_written_and_started(
    made: ServiceSpec, folders: UnitFolders, stub: Stub, tmp_path: Path
) -> None:
    units.install(made, seen(made, folders))
    (file,) = unit_files(made, folders)
    assert Path(file.path).read_text() == file.text
    assert os.stat(file.path).st_mode & 0o777 == 0o644
    assert (tmp_path / "state").is_dir()
    assert called(stub) == ["--user daemon-reload", "--user enable --now av1rules.service"]
    assert [one.state for one in seen(made, folders)] == [UnitState.CURRENT]


def test_a_former_one_is_exchanged_and_started_anew(
    made: ServiceSpec, folders: UnitFolders, stub: Stub
) -> None:
    units.install(made, seen(made, folders))
    changed = replace(made, request=replace(made.request, path="/usr/bin"))
    (one,) = seen(changed, folders)
    assert one.state is UnitState.OUTDATED
    require_ours((one,), force=False)
    units.install(changed, (one,))
    assert called(stub)[-1] == "--user try-restart av1rules.service"
    assert Path(one.file.path).read_text() == one.file.text


def test_an_edited_file_needs_force(made: ServiceSpec, folders: UnitFolders, stub: Stub) -> None:
    units.install(made, seen(made, folders))
    path = Path(seen(made, folders)[0].file.path)
    path.write_text(path.read_text() + "Nice=1\n")
    found = seen(made, folders)
    with pytest.raises(UsageError, match="edited"):
        require_ours(found, force=False)
    require_ours(found, force=True)


def test_a_file_of_others_is_never_written_over(
    made: ServiceSpec, folders: UnitFolders, stub: Stub, tmp_path: Path
) -> None:
    path = Path(unit_files(made, folders)[0].path)
    path.parent.mkdir(parents=True)
    path.write_text("[Service]\nExecStart=/bin/true\n")
    with pytest.raises(UsageError, match="did not write"):
        require_ours(seen(made, folders), force=True)
    path.unlink()
    ours = tmp_path / "elsewhere"
    ours.write_text(unit_files(made, folders)[0].text)
    path.symlink_to(ours)
    with pytest.raises(UsageError, match="did not write"):
        require_ours(seen(made, folders), force=True)
    path.unlink()
    path.symlink_to("/dev/null")
    with pytest.raises(UsageError, match="can't be read"):
        seen(made, folders)


def test_a_timer_is_what_is_enabled(folders: UnitFolders, stub: Stub, tmp_path: Path) -> None:
    made = of(tmp_path, manager=ManagerKind.TIMER, scope=ServiceScope.SYSTEM, name="films")
    units.install(made, seen(made, folders))
    assert called(stub) == ["daemon-reload", "enable --now av1rules-films.timer"]
    assert sorted(os.listdir(folders.systemd_system)) == [
        "av1rules-films.service", "av1rules-films.timer",
    ]  # fmt: skip


def test_what_a_manager_refuses_is_told(
    made: ServiceSpec, folders: UnitFolders, stub: Stub
) -> None:
    stub.make(
        "systemctl",
        Answer(when=["enable"], returncode=1, stderr="Failed to connect to bus\x1b[31m\n"),
        Answer(),
    )
    with pytest.raises(Av1rulesError, match="Failed to connect to bus") as caught:
        units.install(made, seen(made, folders))
    assert "\x1b" not in str(caught.value)
    assert "XDG_RUNTIME_DIR" in str(caught.value)


def test_without_a_manager_nothing_is_written(
    made: ServiceSpec, folders: UnitFolders, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(UsageError, match="no systemctl"):
        units.install(made, seen(made, folders))
    assert not folders.systemd_user.exists()


def test_an_unknown_user_is_told(folders: UnitFolders, stub: Stub, tmp_path: Path) -> None:
    made = of(tmp_path, scope=ServiceScope.SYSTEM, account="nobody-of-that-name")
    with pytest.raises(UsageError, match="nobody-of-that-name"):
        units.install(made, seen(made, folders))


def test_uninstalled(made: ServiceSpec, folders: UnitFolders, stub: Stub, tmp_path: Path) -> None:
    units.install(made, seen(made, folders))
    units.uninstall(made.request, places_of(made.request, folders))
    assert os.listdir(folders.systemd_user) == []
    assert called(stub)[-2:] == [
        "--user disable --now av1rules.service", "--user daemon-reload",
    ]  # fmt: skip
    assert (tmp_path / "state").is_dir()


def test_the_users_crontab_keeps_its_own_lines(
    folders: UnitFolders, stub: Stub, tmp_path: Path
) -> None:
    tab = tmp_path / "tab"
    made = of(tmp_path, manager=ManagerKind.CRON)
    units.install(made, seen(made, folders))
    assert "\n0 1 * * * env PATH=" in tab.read_text()
    tab.write_text("5 5 * * * mine\n" + tab.read_text() + "6 6 * * * mine\n")
    assert [one.state for one in seen(made, folders)] == [UnitState.CURRENT]
    later = replace(made, request=replace(made.request, at="02:00"))
    (one,) = seen(later, folders)
    assert one.state is UnitState.OUTDATED
    units.install(later, (one,))
    assert "\n0 2 * * * env PATH=" in tab.read_text()
    units.uninstall(later.request, places_of(later.request, folders))
    assert tab.read_text() == "5 5 * * * mine\n6 6 * * * mine\n"


def test_a_crontab_that_can_not_be_read_is_not_written_over(
    folders: UnitFolders, stub: Stub, tmp_path: Path
) -> None:
    stub.make("crontab", Answer(when=["-l"], returncode=1, stderr="cannot open your crontab"))
    made = of(tmp_path, manager=ManagerKind.CRON)
    with pytest.raises(Av1rulesError, match="cannot open"):
        seen(made, folders)


def test_launchd_is_given_the_list(folders: UnitFolders, stub: Stub, tmp_path: Path) -> None:
    stub.make("launchctl", Answer(when=["print"], returncode=1), Answer())
    made = of(tmp_path, manager=ManagerKind.LAUNCHD)
    units.install(made, seen(made, folders))
    path = folders.launchd_user / "org.av1rules.plist"
    domain = f"gui/{os.getuid()}"
    assert called(stub, "launchctl")[-1] == f"bootstrap {domain} {path}"
    stub.make("launchctl", Answer())
    units.uninstall(made.request, places_of(made.request, folders))
    assert called(stub, "launchctl")[-1] == f"bootout {domain}/org.av1rules"
    assert not path.exists()


RULES = "version: 1\nlibrary: {roots: [films]}\noutput: {mode: mirror, root: out}\nrules: []\n"


def test_services_are_found_by_their_marks(
    folders: UnitFolders, stub: Stub, tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    for changes in (
        {}, {"name": "b", "manager": ManagerKind.TIMER, "scope": ServiceScope.SYSTEM},
        {"name": "c", "manager": ManagerKind.CRON},
        {"name": "d", "manager": ManagerKind.LAUNCHD},
    ):  # fmt: skip
        made = of(tmp_path, **changes)
        units.install(made, seen(made, folders))
    (folders.systemd_user / "av1rules-other.service").write_text("[Unit]\n")
    found = {one.request.name: one for one in find_services(folders)}
    assert {name: one.is_active for name, one in found.items()} == {
        "av1rules": True, "b": True, "c": None, "d": True,
    }  # fmt: skip
    # The folders of these are those of another policy.
    assert found["b"].files[0].state is UnitState.OUTDATED
    (tmp_path / "rules.yaml").write_text("version: 3\n")
    broken = {one.request.name: one for one in find_services(folders)}
    assert all("rules.yaml" in (one.problem or "") for one in broken.values())
    assert {one.files[0].state for one in broken.values()} == {UnitState.UNKNOWN}
    stub.make("systemctl", Answer(when=["is-active"], returncode=3), Answer())
    assert {one.is_active for one in find_services(folders)} == {False, None, True}
