"""Encodes in segments as a run sees them: when, where, recorded, swept if nobody wants them."""
