"""A film in segments against the same film in one piece: processor time and bytes.

`python -m tests.bench.bench_segments CLIPS [SECONDS] [PRESET...]` joins all clips in the folder
CLIPS that are H.264 in MP4 to one film of SECONDS at 1280x720, encodes it whole and in segments of
eight key frame distances and of one, and prints the ratios. Processor time of all programs counts,
verification and all: it is the same on a busy machine, wall time is not.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from av1rules.execute.startup import start_session
from av1rules.ledger.ledger import Ledger
from av1rules.plan.context import PlanRequest
from av1rules.plan.plan import build_plan
from av1rules.plan.workspace import open_workspace
from tests.runs import run_plan

RULES = """\
version: 1
library: {{roots: [films], settle: 0}}
output: {{mode: mirror, root: out}}
run: {{reserve: 0, segments: {segments}}}
rules:
  - name: all
    encode: {{crf: 32, preset: {preset}, film_grain: 0, bit_depth: 10, max_size_ratio: 99}}
    review: never
"""
WAYS = {
    "whole": "never",
    "8 distances": "{from: 0, length: 8}",
    "1 distance": "{from: 0, length: 1}",
}
SHORTEST_CLIP_S = 8


def make_film(folder: Path, clips: Path, seconds: int) -> None:
    """Real pictures, cut every few seconds, in groups of up to 250."""
    (folder / "films").mkdir()
    (folder / "rules.yaml").write_text(RULES.format(segments="never", preset=8))
    with open_workspace(folder / "rules.yaml", write=False) as workspace:
        ffmpeg = workspace.tools.ffmpeg
    chosen = sorted(clips.glob("h264-*p*.mp4"))
    same = "scale=1280:720:force_original_aspect_ratio=increase,crop=1280:720,fps=24,setsar=1"
    inputs = [part for clip in chosen for part in ("-t", str(SHORTEST_CLIP_S), "-i", str(clip))]
    chains = [f"[{n}:v:0]{same},format=yuv420p[v{n}]" for n in range(len(chosen))]
    joined = "".join(f"[v{n}]" for n in range(len(chosen)))
    graph = f"{';'.join(chains)};{joined}concat=n={len(chosen)}[out]"
    once = folder / "once.mkv"
    x264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "14", "-x264-params", "open-gop=1"]
    first = [ffmpeg, "-v", "error", *inputs, "-filter_complex", graph, "-map", "[out]", *x264]
    subprocess.run([*first, str(once)], check=True, stdin=subprocess.DEVNULL)
    again = [ffmpeg, "-v", "error", "-stream_loop", "-1", "-i", str(once), "-t", str(seconds)]
    subprocess.run(
        [*again, "-c", "copy", str(folder / "films/film.mkv")], check=True, stdin=subprocess.DEVNULL
    )


def build(folder: Path, segments: str, preset: int) -> tuple[float, int]:
    """Processor seconds and bytes of one target."""
    (folder / "rules.yaml").write_text(RULES.format(segments=segments, preset=preset))
    before = os.times()
    with (
        open_workspace(folder / "rules.yaml", write=False) as workspace,
        start_session(workspace, lambda event: None) as session,
    ):
        run_plan(build_plan(session.workspace, PlanRequest(force=True)), session, jobs=1)
    after = os.times()
    ledger = Ledger.read(folder / ".av1rules")
    try:
        (row,) = ledger.rows()
    finally:
        ledger.close()
    children = after.children_user + after.children_system
    return children - before.children_user - before.children_system, row.target_bytes


def main() -> None:
    clips = Path(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 108
    presets = [int(word) for word in sys.argv[3:]] or [8, 6]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_film(folder, clips, seconds)
        for preset in presets:
            whole_s, whole_bytes = 0.0, 0
            for way, segments in WAYS.items():
                cpu_s, size = build(folder, segments, preset)
                if way == "whole":
                    whole_s, whole_bytes = cpu_s, size
                sys.stdout.write(
                    f"preset {preset}, {way}: {cpu_s:.1f} s of processor time "
                    f"({cpu_s / whole_s - 1:+.1%}), {size} bytes ({size / whole_bytes - 1:+.2%})\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
