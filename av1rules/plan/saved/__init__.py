"""Saved plans: which of their rows still hold, and what makes the others outdated."""
