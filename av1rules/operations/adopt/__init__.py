"""Rebuilding the ledger from the tags in outputs."""
