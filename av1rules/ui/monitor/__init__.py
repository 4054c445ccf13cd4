"""`av1rules top`: a terminal monitor of a library and the run at work, from events and ledger."""
