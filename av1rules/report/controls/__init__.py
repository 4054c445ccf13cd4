"""What users told runs: lines and JSON."""
