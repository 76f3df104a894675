"""Places: balls of free space on the generalised Voronoi diagram and the edges between them."""
