"""One encode, from settings to a verified file. Knows neither ledger nor doit."""
