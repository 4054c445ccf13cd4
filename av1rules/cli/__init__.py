"""The command line: one file per command; `main` is the only module that exits."""
