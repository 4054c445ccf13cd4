"""The configuration, job state and files of av1d, the predecessor."""
