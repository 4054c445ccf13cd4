"""What a run does at this moment, from its events and the ledger: for the monitor and the page."""
