"""Finished work that an edit of the policy leaves as it was made."""
