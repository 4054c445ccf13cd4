"""All that a plan reads of a library, in one file: written from the library, read in its place."""
