"""Which other programs are told of the work, and how."""
