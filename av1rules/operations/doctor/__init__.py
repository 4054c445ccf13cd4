"""Checks of the set-up: programs, rules, folders, the ledger."""
