"""The difference between two policies, for the screen and for pull requests."""
