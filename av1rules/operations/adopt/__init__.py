"""Rebuilds the ledger from the tags in targets."""
