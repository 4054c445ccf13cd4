"""Readers of events: what a user sees during a run."""
