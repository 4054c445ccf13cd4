"""FFmpeg and ffprobe as programs: how they are run, watched and understood."""
