"""Reads what Matroska holds beyond what FFmpeg shows."""
