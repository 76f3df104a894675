"""Readers: one file, one class, one on-disk layout."""
