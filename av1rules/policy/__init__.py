"""The rules file: reading, checking, matching, and the settings it resolves to."""
