"""Commands that look after the library, beside plan and run."""
