"""What is stale and why, and the doit graph that makes it fresh."""
