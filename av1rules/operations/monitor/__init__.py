"""What monitors ask of a library while a run may be at work: figures, films, details, actions."""
