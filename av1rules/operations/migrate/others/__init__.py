"""Exports of HandBrake, Tdarr and Unmanic."""
