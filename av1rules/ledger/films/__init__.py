"""The films of a ledger as lists: the queue of the last run, and all of them a page at a time."""
