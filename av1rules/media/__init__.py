"""Video files: discovery, probing and facts."""
