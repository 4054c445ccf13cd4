"""Doing what a plan says: jobs, the gates on their results, delivery, and what a crash left."""
