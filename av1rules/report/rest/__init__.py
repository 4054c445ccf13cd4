"""The rest of a mirror as text."""
