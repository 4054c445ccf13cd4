"""The policy: a rules file as typed values, and what it decides for one source."""
