"""The networks and their heads."""
