"""The rest of a mirror: what is not encoded stands in it as links or copies."""
