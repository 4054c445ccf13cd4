"""Stub programs for tests: small real executables that answer by their arguments and keep a log."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from av1rules.encode.encoders.svt import PSY_ONLY_PARAMS

_PROGRAM = """#!{python} -ISs
import json, sys, time
log, answers = {log!r}, json.loads({answers!r})
arguments = sys.argv[1:]
with open(log, "a") as file:
    file.write(json.dumps(arguments) + "\\n")
for answer in answers:
    if all(wanted in arguments for wanted in answer["when"]):
        sys.stderr.write(answer["stderr"])
        sys.stderr.flush()
        time.sleep(answer["sleep_s"])
        sys.stdout.write(answer["stdout"])
        sys.stdout.flush()
        sys.exit(answer["returncode"])
sys.stderr.write("stub: no answer for " + " ".join(arguments))
sys.exit(99)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a stub does when all of `when` are among its arguments; the first that fits."""

    when: Sequence[str] = ()
    stdout: str = ""
    stderr: str = ""
    returncode: int = 0
    sleep_s: float = 0.0


@dataclass(slots=True)
class Stub:
    """Makes stubs in one folder and tells how they were called."""

    folder: Path
    logs: dict[Path, Path] = field(default_factory=dict)

    def make(self, name: str, *answers: Answer, mode: int = 0o755) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        path, log = self.folder / name, self.folder / f"{name}.log"
        output = json.dumps(
            [
                {
                    "when": list(answer.when),
                    "stdout": answer.stdout,
                    "stderr": answer.stderr,
                    "returncode": answer.returncode,
                    "sleep_s": answer.sleep_s,
                }
                for answer in answers
            ]
        )
        path.write_text(_PROGRAM.format(python=sys.executable, log=str(log), answers=output))
        path.chmod(mode)
        self.logs[path] = log
        return path

    def calls(self, path: Path) -> list[list[str]]:
        """The arguments of every call so far."""
        log = self.logs[path]
        if not log.exists():
            return []
        return [json.loads(line) for line in log.read_text().splitlines()]


NO_SUCH_KEY = "av1rules-no-such-key"


def svt_says(*unknown: str) -> str:
    """SVT's words where its parameters hold keys that it does not know."""
    named = (NO_SUCH_KEY, *unknown)
    return SVT_BANNER + "".join(
        f"[libsvtav1 @ 0x1] Error parsing option {key}: 1.\n" for key in named
    )


SVT_BANNER = "Svt[info]: SVT [version]:\tSVT-AV1 Encoder Lib v4.2.0-151-g5ed9ffbcb\n"


def ffmpeg_answers(
    *,
    version: str = "8.0.1",
    libavcodec: int = 62,
    decoders: Sequence[str] = ("png", "libdav1d"),
    encoders: Sequence[str] = ("libsvtav1",),
    trials: Mapping[str, Answer] | None = None,
) -> list[Answer]:
    """Answers of an FFmpeg (or ffprobe) to the questions of the self-test."""
    banner = f"ffmpeg version {version} Copyright (c)\nlibavcodec     {libavcodec}. 11.100\n"
    listed = "".join(f" V....D {name:<20} x\n" for name in decoders)
    coded = "".join(f" V....D {name:<20} x\n" for name in encoders)
    return [
        Answer(when=["-version"], stdout=banner),
        Answer(when=["-decoders"], stdout=listed),
        Answer(when=["-filters"], stdout=" .. libvmaf           VV->V      x\n"),
        Answer(when=["-encoders"], stdout=coded),
        *(
            Answer(
                when=[codec, *answer.when],
                stdout=answer.stdout,
                stderr=answer.stderr,
                returncode=answer.returncode,
            )
            for codec, answer in (trials or {}).items()
        ),
        Answer(when=["libsvtav1"], stderr=svt_says(*sorted(PSY_ONLY_PARAMS))),
        Answer(when=["libaom-av1"]),
        Answer(when=["librav1e"]),
    ]
