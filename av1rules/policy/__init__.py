"""The policy: a rules file as typed values, and its decision for one source."""
