"""Other programs that are told of the work, or asked who is watching."""
