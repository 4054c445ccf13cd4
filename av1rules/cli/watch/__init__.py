"""The watcher, and what wakes it from outside."""
