"""Saved plans on the command line: written by `plan`, done by `run`, shown by `show`."""
