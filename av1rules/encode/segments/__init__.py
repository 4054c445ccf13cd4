"""An encode made of segments, each of which outlives a crash: planned, made, accepted, joined."""
