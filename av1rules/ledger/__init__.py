"""The ledger: the record of what was built from what, in one SQLite file."""
