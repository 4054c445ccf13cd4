"""Listing, deciding on and varying test clips."""
