"""Files written whole or not at all, meshes and trajectories."""
