"""mkvpropedit is found, refused with the reason, or left out; stubs run as real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from av1rules.base.errors import ToolError
from av1rules.ffmpeg.mkvtoolnix import find_mkvpropedit
from tests.fakes.stub import Answer, Stub


class Memo(dict[str, str]):
    def put(self, key: str, value: str) -> None:
        self[key] = value


@pytest.fixture(autouse=True)
def _only_stubs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "stubs"))


def program(stub: Stub, says: str) -> Path:
    return stub.make("mkvpropedit", Answer(stdout=says))


def test_auto_takes_the_one_in_path_and_asks_it_once(stub: Stub) -> None:
    path, memo = program(stub, "mkvpropedit v74.0.0 ('You Oughta Know') 64-bit\n"), Memo()
    for _ in range(2):
        found = find_mkvpropedit("auto", memo)
        assert found is not None
        assert (found.path, found.version) == (str(path), "v74.0.0 ('You Oughta Know') 64-bit")
    assert len(stub.calls(path)) == 1


def test_off_asks_nothing(stub: Stub) -> None:
    path = program(stub, "mkvpropedit v74.0.0\n")
    assert find_mkvpropedit("off") is None
    assert stub.calls(path) == []


@pytest.mark.parametrize(
    ("says", "why"), [("mkvpropedit v68.0.0 ('x')\n", "69 or later"), ("hello\n", "no mkvpropedit")]
)
def test_auto_leaves_out_what_a_configured_program_is_refused_for(
    stub: Stub, says: str, why: str
) -> None:
    path = program(stub, says)
    assert find_mkvpropedit("auto") is None
    with pytest.raises(ToolError, match=why):
        find_mkvpropedit(str(path))


def test_a_missing_program_is_refused_only_where_it_is_configured(tmp_path: Path) -> None:
    assert find_mkvpropedit("auto") is None
    with pytest.raises(ToolError, match="not found") as caught:
        find_mkvpropedit(str(tmp_path / "mkvpropedit"))
    assert "tools.mkvpropedit" in (caught.value.hint or "")


def test_a_program_that_does_not_start_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mkvpropedit"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    with pytest.raises(ToolError, match="can't be started"):
        find_mkvpropedit(str(path))
