"""Asks ffprobe about one file and reads its answer."""
