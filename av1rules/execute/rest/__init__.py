"""Puts the rest of a mirror in place, takes it out again, and lets targets take its place."""
