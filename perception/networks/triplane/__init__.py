"""The 3D-aware regularizer: a volume made of shared features, and the rays through it."""
