"""The volumetric map: fusion, mesh, free space."""
