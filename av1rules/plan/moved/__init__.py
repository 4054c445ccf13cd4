"""Targets that a user renamed or moved: where they are now, and where they belong."""
