"""Builds and checks all that a release uploads, into build/release: `doit release`.

Everything but the upload: two builds with the same bytes, contents and metadata, known faults of
the packages that come along, a list of them (SBOM), and both ways to install. The tag decides the
version; `--rehearse` does without one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.release.lock import require_lock
from tests.release.packages import (
    ReleaseError,
    check_sdist,
    check_wheel,
    require_same,
    sha256,
)
from tests.release.texts import changes_of, stated_version

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "release"


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _run(*argv: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    print("$", *argv, flush=True)
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ReleaseError(f"{argv[0]} failed ({done.returncode}): {done.stdout[-2000:]}")
    return done.stdout


def version_of(root: Path, *, rehearse: bool) -> str:
    """The version of the tag at this commit, which is the one in the code. Raises ReleaseError."""
    version = stated_version((root / "av1rules" / "__init__.py").read_text(encoding="utf-8"))
    if rehearse:
        return version
    if changed := _run("git", "status", "--porcelain", cwd=root):
        raise ReleaseError(f"commit or put away first:\n{changed}")
    tags = _run("git", "tag", "--points-at", "HEAD", cwd=root).split()
    if f"v{version}" not in tags:
        raise ReleaseError(
            f"av1rules/__init__.py says {version}, the tags of this commit are {tags or 'none'}: "
            "prepare, commit and tag first (CONTRIBUTING.md, Releasing)"
        )
    return version


def build(folder: Path, name: str, made_at: str) -> Path:
    """Wheel and sdist of HEAD as git has it, in a tree of that name; returns their folder."""
    tree, out = folder / name, folder / f"{name}-out"
    tree.mkdir()
    packed = folder / f"{name}.tar"
    _run("git", "archive", "--output", str(packed), "HEAD")
    shutil.unpack_archive(packed, tree, filter="data")
    _run(
        sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree),
        env={"SOURCE_DATE_EPOCH": made_at},
    )  # fmt: skip
    return out


def try_installs(wheel: Path, folder: Path, version: str) -> Path:
    """By pipx and by uv, each in a fresh place: the program starts and makes a policy that is
    valid. Returns the Python of uv's."""
    places = {"pipx": folder / "pipx", "uv": folder / "uv"}
    variables = {
        "PIPX_HOME": str(places["pipx"]), "PIPX_BIN_DIR": str(places["pipx"] / "bin"),
        "PIPX_MAN_DIR": str(places["pipx"] / "man"), "UV_TOOL_DIR": str(places["uv"]),
        "UV_TOOL_BIN_DIR": str(places["uv"] / "bin"), "PYTHONPATH": "",
    }  # fmt: skip
    _run(_tool("pipx"), "install", "--python", sys.executable, str(wheel), env=variables)
    _run(
        _tool("uv"), "tool", "install", "--no-config", "--python", sys.executable, str(wheel),
        env=variables,
    )  # fmt: skip
    films = folder / "films"
    films.mkdir()
    for name, place in places.items():
        program, policy = str(place / "bin" / "av1rules"), folder / f"policy-{name}"
        policy.mkdir()
        if version not in _run(program, "--version", cwd=policy, env={"PYTHONPATH": ""}):
            raise ReleaseError(f"{program} is not {version}")
        _run(program, "init", str(films), cwd=policy, env={"PYTHONPATH": ""})
        _run(program, "validate", cwd=policy, env={"PYTHONPATH": ""})
    if not list(places["pipx"].rglob("av1rules-plan.1")):
        raise ReleaseError("pipx installed no man pages")
    return places["uv"] / "av1rules" / "bin" / "python"


def release(*, rehearse: bool) -> None:
    version = version_of(ROOT, rehearse=rehearse)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    notes = "" if rehearse else changes_of(changelog, version)
    require_lock()
    tracked = _run("git", "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    made_at = _run("git", "log", "-1", "--format=%ct").strip()
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        first, second = (build(folder, name, made_at) for name in ("first", "another-name"))
        require_same(first, second)
        (wheel,), (sdist,) = first.glob("*.whl"), first.glob("*.tar.gz")
        check_wheel(wheel, tracked, version)
        check_sdist(sdist, tracked, version)
        _run(_tool("twine"), "check", "--strict", str(wheel), str(sdist))
        for lock in ("dev", "release"):
            _run(
                _tool("pip-audit"), "--require-hashes", "--disable-pip", "--progress-spinner=off",
                "-r", f".ci/requirements/{lock}.txt",
            )  # fmt: skip
        installed = try_installs(wheel, folder, version)
        shutil.rmtree(OUT, ignore_errors=True)
        OUT.mkdir(parents=True)
        _run(
            _tool("cyclonedx-py"), "environment", "--output-reproducible", "--of", "JSON",
            "-o", str(OUT / f"av1rules-{version}.cdx.json"), str(installed),
        )  # fmt: skip
        for package in (wheel, sdist):
            shutil.copy(package, OUT)
    if notes:
        (OUT / "NOTES.md").write_text(notes, encoding="utf-8")
    sums = "".join(f"{sha256(path)}  {path.name}\n" for path in sorted(OUT.iterdir()))
    (OUT / "SHA256SUMS").write_text(sums, encoding="utf-8")
    print(f"{sums}\nNext: twine upload {OUT.relative_to(ROOT)}/*.whl {OUT.relative_to(ROOT)}/*.gz")


def main(words: list[str]) -> None:
    try:
        release(rehearse="--rehearse" in words)
    except ReleaseError as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main(sys.argv[1:])
