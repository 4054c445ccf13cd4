"""The commands that maintain a library, besides plan and run."""
