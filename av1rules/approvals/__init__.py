"""What was decided on clips: the file approvals.yaml, and what it means for each source."""
