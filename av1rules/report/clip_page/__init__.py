"""The HTML page that compares a test clip with its source."""
