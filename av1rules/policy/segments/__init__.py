"""What a policy says of encodes in segments."""
