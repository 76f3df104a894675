"""The truncated signed distance field on voxel blocks: fusion, labels, mesh, archive."""
