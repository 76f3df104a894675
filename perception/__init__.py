"""Estimates from images: depth, labels, normals, edges."""
