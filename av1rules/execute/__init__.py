"""Executes a plan: its jobs, the gates on their results, delivery, and recovery after a crash."""
