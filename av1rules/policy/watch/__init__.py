"""What the rules file says of the watcher."""
