"""Limits read out of units, and the units that a migration writes."""
