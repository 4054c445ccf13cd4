"""The watcher: rounds of plan and run, again and again."""
