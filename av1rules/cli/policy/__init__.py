"""The commands about a policy as a text: write a first one, check it, test it, lay it out."""
