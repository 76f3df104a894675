"""Settings of older versions whose numbers nobody had a reason to turn, and where those are now."""

FIXED = {
    "places.min_node_distance": "in graph/places/voronoi.py (VoronoiRule.min_distance_m)",
    "viewer.image_stride": "in viz/rerun_viewer.py (IMAGE_STRIDE)",
    "viewer.mesh_interval": "in viz/rerun_viewer.py (mesh_interval_s, by viewer.image_interval)",
    "training.clip": "in training/trainer.py (LARGEST_NORM)",
}
"""The dotted name of each, and the file and name of its number."""


def fixed_key(path: list[str], value: object) -> str | None:
    """The fixed setting that an unknown key is; ``value``: what it was given, or its section."""
    key = ".".join(path)
    names = [f"{key}.{name}" for name in value] if isinstance(value, dict) else [key]
    return next((name for name in names if name in FIXED), None)
