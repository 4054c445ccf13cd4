"""One encode: settings to command, command to verified file. Knows neither ledger nor doit."""
