"""What the ledger keeps of films that are encoded in segments."""
