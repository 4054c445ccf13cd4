"""The stream contract: what a target must contain, derived from its source before the encode."""
