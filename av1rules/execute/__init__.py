"""Doing what the plan says: one target at a time, verified, published, recorded."""
