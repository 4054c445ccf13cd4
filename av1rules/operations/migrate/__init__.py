"""Policies made from the configuration of other programs."""
