"""Which films a user means: names as printed, paths, globs and parts of names."""
