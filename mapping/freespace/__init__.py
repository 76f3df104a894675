"""Observed free space and its distance field."""
