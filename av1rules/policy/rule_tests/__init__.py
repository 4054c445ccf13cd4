"""Tests of rules: cases of stated facts, and what the rules are to say of them."""
