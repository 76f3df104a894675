"""What moves: space that was free before, clusters of points in it, and tracks through time."""
