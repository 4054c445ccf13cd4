"""Keeps Matroska's structure in a target: decides, writes and compares it."""
