"""Units of service managers that start av1rules: their texts, and how they are put in place."""
