"""Plans, receipts and runs as rows, text, JSON and CSV."""
