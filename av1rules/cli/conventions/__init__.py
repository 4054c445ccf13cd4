"""What every command takes alike: rules file, quiet, verbose, log file, colour, names of films."""
