"""Runs tests of rules: what the rules say of each case, and what no case reached."""
