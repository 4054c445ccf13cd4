"""Saved plans as files: recognised, read, shown."""
