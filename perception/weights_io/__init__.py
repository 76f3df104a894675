"""Weights files: read without running code, checked key by key, written."""
