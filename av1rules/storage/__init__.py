"""Publishes, replaces and trashes files on disk. Knows nothing of the ledger."""
