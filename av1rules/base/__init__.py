"""Lowest layer: errors, units, processes, files. Knows nothing of video, rules or doit."""
