"""The page on which a test clip is compared with its source and its variants."""
