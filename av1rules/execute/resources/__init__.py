"""What jobs share: disk space, memory, and turns."""
