"""Worlds of the simulator as training data: where cameras stand, views drawn once or live."""
