"""Reads YAML as nodes with places, without running anything."""
