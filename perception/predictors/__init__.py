"""Predictors: from a frame to depth, labels, normals and edges."""
