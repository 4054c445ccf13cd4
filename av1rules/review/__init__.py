"""Looks at a film before it is encoded: its hard passages for a test clip, and its grain."""
