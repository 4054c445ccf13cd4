"""Ground floor: errors, units, programs, files on disk. Knows nothing of video, rules or doit."""
