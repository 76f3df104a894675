"""Positions of a map with an origin of its own, as documents tell them: in the world's axes."""

from typing import Any

Origin = tuple[float, float, float]

AT_WORLD_ORIGIN: Origin = (0.0, 0.0, 0.0)
_POINTS = frozenset({"position_m", "center_m", "position", "world_P_center", "ellipse_centroid"})
_POINT_LISTS = frozenset({"boundary", "positions_m", "trajectory_positions"})
_HEIGHTS = "storey_heights_m"
_OUTLINE = "outline_m"  # of points seen from above


def moved(value: Any, offset_m: Origin) -> Any:
    """A plain document with the offset added, in double precision, to every point in it.

    Points are known by their keys, at any depth, so that what nodes remember moves with them.
    """
    if not any(offset_m):
        return value
    if isinstance(value, list):
        return [moved(item, offset_m) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _moved_field(key, item, offset_m) for key, item in value.items()}


def _moved_field(key: str, value: Any, offset_m: Origin) -> Any:
    if key in _POINTS and isinstance(value, list | tuple) and len(value) == len(offset_m):
        return [number + offset for number, offset in zip(value, offset_m, strict=True)]
    if key == _HEIGHTS and isinstance(value, list | tuple):
        return [height + offset_m[2] for height in value]
    if key in _POINT_LISTS and isinstance(value, list | tuple):
        return [_moved_field("position", point, offset_m) for point in value]
    if key == _OUTLINE and isinstance(value, list | tuple):
        return [[x + offset_m[0], y + offset_m[1]] for x, y in value]
    return moved(value, offset_m)


def negative(offset_m: Origin) -> Origin:
    x, y, z = offset_m
    return -x, -y, -z
