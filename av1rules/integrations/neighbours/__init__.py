"""One module for each kind of neighbour: what it is sent, and how."""
