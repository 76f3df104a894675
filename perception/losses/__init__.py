"""Losses of multi-task dense prediction and their weights."""
