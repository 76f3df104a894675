"""Dynamic 3D scene graphs from posed images: mesh, objects, places, rooms, building."""

__version__ = "0.1.0"
