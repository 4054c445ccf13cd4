"""Files on disk put in place, replaced and moved to the trash; knows no ledger."""
