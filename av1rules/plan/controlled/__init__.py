"""Films that a user holds, or hours that are not theirs, in a plan."""
