"""What a run does when users, hours or the machine ask it to wait."""
