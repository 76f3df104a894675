"""The camera's walk through every room."""
