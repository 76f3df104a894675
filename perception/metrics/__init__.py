"""Scores of multi-task dense prediction."""
