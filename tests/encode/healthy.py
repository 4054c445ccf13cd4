"""Parts of films that FFmpeg makes, and what ffprobe reads back of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from av1rules.ffmpeg.tools import Tools

FAST = "force: true, encoder: libsvtav1, crf: 50, preset: 12, film_grain: 0, max_size_ratio: 50"

Arguments = tuple[str, ...]


def picture(seconds: float, *, rate: str = "25", size: str = "128x96") -> Arguments:
    return ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}")


def tone(seconds: float) -> Arguments:
    return ("-f", "lavfi", "-i", f"sine=d={seconds}")


H264: Arguments = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50")
HEVC: Arguments = ("-c:v", "libx265", "-preset", "ultrafast")
GROUPS = "log-level=none:keyint=50:min-keyint=50:scenecut=0:open-gop=1:bframes=4"
VP9: Arguments = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "50")
AAC: Arguments = ("-c:a", "aac")
CUT: Arguments = ("-bsf:v", "noise=drop=lt(n\\,12)")
"""A recording that starts between two key frames, 50 apart: 38 more frames come to nothing."""


def ffprobe(path: Path, tools: Tools, *options: str) -> dict[str, Any]:
    argv = [tools.ffprobe, "-v", "error", *options, "-of", "json", str(path)]
    done = subprocess.run(argv, check=True, capture_output=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def shown(path: Path, tools: Tools) -> list[float]:
    """When each picture of the first film in a file is shown."""
    entries = ("-select_streams", "V:0", "-show_entries", "frame=best_effort_timestamp_time")
    frames = ffprobe(path, tools, *entries)["frames"]
    return [float(frame["best_effort_timestamp_time"]) for frame in frames]
