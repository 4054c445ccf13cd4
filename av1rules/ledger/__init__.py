"""The record of what was built from what, in SQLite."""
