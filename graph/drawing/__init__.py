"""Floor plans of a graph: as pictures, and as data for maps."""
