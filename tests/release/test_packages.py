"""What is wrong with packages is noticed before they are uploaded."""

from __future__ import annotations

import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.release.make import version_of
from tests.release.packages import ReleaseError, check_sdist, check_wheel, require_same, unlocked

METADATA = b"Metadata-Version: 2.4\nName: av1rules\nVersion: 0.2.0\nLicense-Expression: MIT\n"
TRACKED = ["av1rules/__init__.py", "docs/man/av1rules.1", "schema/rules.schema.json", "dodo.py"]
INFO = "av1rules-0.2.0.dist-info"
WHEEL = {
    "av1rules/__init__.py": b"", "av1rules/schema/rules.schema.json": b"{}",
    "av1rules-0.2.0.data/data/share/man/man1/av1rules.1": b"", f"{INFO}/METADATA": METADATA,
    f"{INFO}/WHEEL": b"", f"{INFO}/RECORD": b"", f"{INFO}/entry_points.txt": b"",
    f"{INFO}/licenses/LICENSE": b"",
}  # fmt: skip


def wheel(folder: Path, files: dict[str, bytes], year: int = 2026) -> Path:
    path = folder / "av1rules-0.2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), data)
    return path


def sdist(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "av1rules-0.2.0.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        for name, data in files.items():
            member = tarfile.TarInfo(f"av1rules-0.2.0/{name}")
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
    return path


def test_a_good_wheel(tmp_path: Path) -> None:
    check_wheel(wheel(tmp_path, WHEEL), TRACKED, "0.2.0")


@pytest.mark.parametrize(
    ("change", "year", "why"),
    [
        ({"tests/test_docs.py": b""}, 2026, r"should not have \['tests/test_docs.py'\]"),
        ({f"{INFO}/METADATA": METADATA.replace(b"MIT", b"GPL")}, 2026, "metadata say"),
        ({f"{INFO}/METADATA": METADATA.replace(b"0.2.0", b"0.1.0")}, 2026, "metadata say"),
        ({}, 1980, "SOURCE_DATE_EPOCH"),
    ],
)
def test_a_bad_wheel(change: dict[str, bytes], year: int, why: str, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=why):
        check_wheel(wheel(tmp_path, {**WHEEL, **change}, year), TRACKED, "0.2.0")


@pytest.mark.parametrize("gone", [name for name in WHEEL if not name.endswith("METADATA")])
def test_a_wheel_that_lacks_a_file(gone: str, tmp_path: Path) -> None:
    files = {name: data for name, data in WHEEL.items() if name != gone}
    with pytest.raises(ReleaseError, match="lacks"):
        check_wheel(wheel(tmp_path, files), TRACKED, "0.2.0")


def test_an_sdist_holds_the_repository(tmp_path: Path) -> None:
    files = dict.fromkeys(TRACKED, b"") | {"PKG-INFO": METADATA}
    check_sdist(sdist(tmp_path, files), TRACKED, "0.2.0")
    with pytest.raises(ReleaseError, match=r"should not have .*rules.yaml"):
        check_sdist(sdist(tmp_path, files | {"rules.yaml": b""}), TRACKED, "0.2.0")
    with pytest.raises(ReleaseError, match=r"lacks .*LICENSE"):
        check_sdist(sdist(tmp_path, files), [*TRACKED, "LICENSE"], "0.2.0")


def test_two_builds_have_the_same_bytes(tmp_path: Path) -> None:
    for name, data in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.whl").write_bytes(data)
    require_same(tmp_path / "a", tmp_path / "b")
    with pytest.raises(ReleaseError, match="differ"):
        require_same(tmp_path / "a", tmp_path / "c")


def test_what_a_lock_lacks() -> None:
    project = (
        '[project]\ndependencies = ["click>=8.5", "ruamel.yaml>=0.18"]\n'
        "[project.optional-dependencies]\n"
        'dev = ["av1rules[top]", "ruff>=0.9; python_version > \'3\'"]\n'
        'top = ["textual"]\n'
    )
    lock = "click==8.5.1 \\\n    --hash=sha256:00\nruamel-yaml==0.19.1 ; python_version < '4' \\\n"
    assert unlocked(project, lock, ("dev",)) == ['ruff>=0.9; python_version > "3"']
    assert unlocked(project, f"{lock}\nruff==0.9.1", ("dev",)) == []
    assert unlocked(project, lock.replace("8.5.1", "8.1"), ()) == ["click>=8.5"]


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


def test_the_tag_and_the_code_say_the_same_version(tmp_path: Path) -> None:
    package = tmp_path / "av1rules"
    package.mkdir()
    (package / "__init__.py").write_text('__version__ = "0.2.0"\n', encoding="utf-8")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "Release")
    with pytest.raises(ReleaseError, match=r"the tags of this commit are none"):
        version_of(tmp_path, rehearse=False)
    assert version_of(tmp_path, rehearse=True) == "0.2.0"
    git(tmp_path, "tag", "-am", "x", "v0.1.0")
    with pytest.raises(ReleaseError, match=r"says 0\.2\.0, the tags of this commit are \['v0\.1"):
        version_of(tmp_path, rehearse=False)
    git(tmp_path, "tag", "-am", "x", "v0.2.0")
    assert version_of(tmp_path, rehearse=False) == "0.2.0"
    (package / "new.py").touch()
    with pytest.raises(ReleaseError, match=r"commit or put away first:\n\?\? av1rules/new.py"):
        version_of(tmp_path, rehearse=False)
