"""What a run would do and why. A pure read."""
