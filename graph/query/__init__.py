"""Questions to a scene graph: pure functions on a snapshot of it, with typed answers."""
