"""The policy of another revision beside that of now: found, planned with, tested, compared."""
