"""One encode: settings to command, command to a verified file. Knows nothing of the ledger or doit."""
