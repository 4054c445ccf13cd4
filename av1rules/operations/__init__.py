"""The commands that look after a library, beside plan and run."""
