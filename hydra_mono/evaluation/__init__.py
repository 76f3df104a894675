"""Scores of a run against known truth."""
