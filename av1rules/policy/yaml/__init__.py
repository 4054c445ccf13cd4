"""YAML as nodes with places: reading without running anything."""
