"""Procedural buildings with perfect truth."""
