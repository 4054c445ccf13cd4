"""FFmpeg and ffprobe as programs: finding, asking, running, and reading what they say."""
