"""Which tracks a rule keeps: what it says, what kinds of tracks there are, what it comes to."""
