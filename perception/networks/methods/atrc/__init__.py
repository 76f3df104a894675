"""ATRC: each task picks the context it takes from each other."""
