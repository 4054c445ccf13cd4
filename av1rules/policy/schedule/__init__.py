"""When a run may encode, and how much of the machine it may take."""
