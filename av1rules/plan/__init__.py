"""What a run would do with every file of the library, and why."""
