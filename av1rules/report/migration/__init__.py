"""What becomes of the configuration of other programs: as text, MIGRATION.md and JSON."""
