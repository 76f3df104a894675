"""Several maps as one: symbols by robot, what is seen twice reconciled."""
