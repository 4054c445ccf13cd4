"""What earlier commits wrote is still read: see README.md."""
