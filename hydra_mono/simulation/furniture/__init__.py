"""Furniture with its usual sizes, and where it stands."""
