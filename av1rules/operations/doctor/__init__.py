"""Checks of programs and places."""
