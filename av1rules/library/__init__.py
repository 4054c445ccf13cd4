"""What is on disk: tools, files, probes. Knows nothing of rules, settings or the ledger."""
