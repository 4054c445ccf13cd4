"""FFmpeg and ffprobe as programs: find, run and monitor them, and read their output."""
