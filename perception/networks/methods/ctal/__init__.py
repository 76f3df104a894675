"""CTAL: one affinity of all pixels, learned across tasks."""
