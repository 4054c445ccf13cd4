"""The steps of the recipe, run in a plain Debian root: as far as that goes without a container
engine. It needs root, a network, and debootstrap; AV1RULES_DEBIAN_ROOT may name a root that
debootstrap has made before."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.container.recipe import RECIPE, ROOT, Stage, stages

pytestmark = [
    pytest.mark.container,
    pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("debootstrap") is None,
        reason="needs root and debootstrap",
    ),
]

USER = "1234"
HOST_FILES = ("/etc/resolv.conf", "/etc/hosts")
"""By which a step reaches the network as this machine does."""

CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
IN_ROOT = "/certificates-of-the-host.crt"
"""Under a name of its own: Debian's package makes the usual one anew."""


class DebianRoot:
    """A folder that steps are run in by chroot."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        self.env |= {"PIP_CERT": IN_ROOT} if os.path.exists(CERTIFICATES) else {}
        self.workdir = "/"

    def argv(self, *words: str) -> list[str]:
        return [CHROOT, str(self.folder), "/usr/bin/env", "-C", self.workdir, *words]

    def run(
        self, *words: str, code: int | None = 0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.argv(*words),
            capture_output=True,
            text=True,
            check=False,
            env={**self.env, **env},
            timeout=1200,
        )
        assert code is None or done.returncode == code, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    def build(self, stage: Stage, others: dict[str, Path]) -> None:
        for one in stage.instructions:
            if one.name == "RUN":
                self.run("/bin/sh", "-c", one.value)
            elif one.name == "WORKDIR":
                self.workdir = one.value
                (self.folder / one.value.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif one.name == "ENV":
                self.env |= dict(word.split("=", 1) for word in one.words)
            elif one.name == "COPY":
                self._copy(one.words, others)

    def _copy(self, words: list[str], others: dict[str, Path]) -> None:
        options = dict(w[2:].split("=") for w in words if w.startswith("--"))
        *sources, goal = (word for word in words if not word.startswith("--"))
        top = others.get(options.get("from", ""), ROOT)
        end = self.folder / os.path.normpath(os.path.join(self.workdir, goal)).lstrip("/")
        for source in sources:
            path = top / source.lstrip("/")
            if path.is_dir():
                shutil.copytree(path, end, symlinks=True, dirs_exist_ok=True)
                continue
            to = end / path.name if goal.endswith("/") else end
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, to)
            if "chmod" in options:
                to.chmod(int(options["chmod"], 8))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DebianRoot]:
    """The root of the last stage."""
    folder = tmp_path_factory.mktemp("debian")
    plain = Path(os.environ.get("AV1RULES_DEBIAN_ROOT", folder / "plain"))
    if not plain.exists():
        argv = ["debootstrap", "--variant=minbase", "bookworm", str(plain)]
        subprocess.run([*argv, "http://deb.debian.org/debian"], check=True)
    others: dict[str, Path] = {}
    with contextlib.ExitStack() as mounts:
        for number, stage in enumerate(stages(RECIPE.read_text(encoding="utf-8"))):
            assert stage.base == "debian:bookworm-slim"
            made = DebianRoot(folder / str(number))
            subprocess.run(["cp", "-a", str(plain), str(made.folder)], check=True)
            for name in filter(os.path.exists, HOST_FILES):
                to = made.folder / name.lstrip("/")
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(name, to)
            if "PIP_CERT" in made.env:
                shutil.copy(CERTIFICATES, made.folder / IN_ROOT.lstrip("/"))
            proc = str(made.folder / "proc")
            subprocess.run(["mount", "-t", "proc", "proc", proc], check=True)
            # Before pytest clears the folder away.
            mounts.callback(subprocess.run, ["umount", "--lazy", proc], check=True)
            made.build(stage, others)
            others[stage.name or ""] = made.folder
        (made.folder / "media").mkdir(exist_ok=True)
        yield made


def entry(root: DebianRoot) -> str:
    assert (root.folder / "usr/bin/tini").exists()
    return "/usr/local/bin/av1rules-entrypoint"


def test_it_starts_without_the_rights_of_root(built: DebianRoot) -> None:
    told = built.run(entry(built), "--version", PUID=USER, PGID=USER).stdout
    assert "av1rules" in told
    assert os.stat(built.folder / "config").st_uid == int(USER)
    shell = "/opt/av1rules/bin/python"
    asked = built.run(
        "/usr/bin/setpriv", "--reuid", USER, "--regid", USER, "--clear-groups",
        shell, "-c", "import os; print(os.getuid(), os.access('/etc', os.W_OK))",
    )  # fmt: skip
    assert asked.stdout == f"{USER} False\n"


def test_ffmpeg_works_in_it(built: DebianRoot) -> None:
    (built.folder / "media/movies").mkdir(exist_ok=True)
    os.chown(built.folder / "media", int(USER), int(USER))
    os.chown(built.folder / "media/movies", int(USER), int(USER))
    built.run(entry(built), "init", "/media/movies", PUID=USER, PGID=USER)
    told = built.run(entry(built), "doctor", PUID=USER, PGID=USER).stdout
    assert "nothing wrong" in told
    assert os.stat(built.folder / "config/rules.yaml").st_uid == int(USER)
    built.run(entry(built), "run", PUID=USER, PGID=USER)


def test_without_a_policy_it_says_what_to_do(built: DebianRoot) -> None:
    done = built.run(entry(built), "watch", PUID=USER, AV1RULES_FILE="/config/none.yaml", code=2)
    assert "init /media/movies" in done.stderr


def test_it_watches_ends_and_says_whether_it_is_well(built: DebianRoot) -> None:
    built.run(entry(built), "service", "check", PUID=USER, PGID=USER, code=1)
    argv = built.argv("/usr/bin/tini", "-s", "--", entry(built), "watch")
    watcher = subprocess.Popen(argv, env={**built.env, "PUID": USER, "PGID": USER})
    try:
        deadline = time.monotonic() + 60
        while built.run(entry(built), "service", "check", PUID=USER, code=None).returncode:
            assert time.monotonic() < deadline
            assert watcher.poll() is None
        watcher.send_signal(signal.SIGTERM)
        assert watcher.wait(60) == 0
    finally:
        watcher.kill()
