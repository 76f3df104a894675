"""Scores of what moves and what changes, on plain values; ``run.py`` reads these of a run."""
