"""Paths over places, and where to stand to look at something or to grasp it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.sparse.csgraph import dijkstra

from hydra_mono.graph.model.nodes import Position
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.answers import Answer, Path, Pose
from hydra_mono.graph.query.gaps import points_to_box_m
from hydra_mono.graph.query.objects import camera_position
from hydra_mono.graph.query.snapshot.index import GraphIndex
from hydra_mono.graph.query.snapshot.names import find_node
from hydra_mono.graph.query.snapshot.net import Net

SOMEWHERE = (Layer.OBJECTS, Layer.ROOMS, Layer.PLACES)
Where = str | Position


@dataclass(frozen=True, slots=True)
class RouteRule:
    """How wide a path has to be, and how near to stand, in metres.

    ``clearance_m``: half a small robot, or a person sideways. ``stand_m``: level distance to the
    box from which an arm reaches it and a camera sees it whole; ``farthest_m``: no longer
    standing at it. ``storey_m``: places so far above or below are on another storey.
    ``highest_m``: above the floor; air higher up is nobody's to stand in. ``apart_m``: poses that
    are nearer to one another are one. ``most``: poses that are told.
    """

    clearance_m: float = 0.2
    stand_m: float = 0.6
    farthest_m: float = 2.0
    storey_m: float = 2.0
    highest_m: float = 1.6
    apart_m: float = 0.3
    most: int = 6


RULE = RouteRule()


def path(
    index: GraphIndex, start: Where | None, end: Where, rule: RouteRule = RULE
) -> Answer[Path]:
    """The shortest path over places that keeps the clearance, between any two nodes or points.

    To an object it ends where one can stand at it; ``start`` None is where the camera was last.
    Dijkstra's algorithm over the edges that are wide enough.

    Raises:
        QueryError: there is no such start or end.
    """
    sources, goals = _rows(index, start, rule), _rows(index, end, rule)
    if not index.net.symbols:
        return Answer("not seen yet", (), "no free space was seen")
    if not sources or not goals:
        which = end if sources else start
        return Answer("none", (), f"no place to stand at {_named(index, which)}")
    found = _shortest(index.net, sources, goals, rule.clearance_m)
    if found is None:
        return Answer("none", (), _why_none(index.net, sources, goals, rule))
    rows, length_m = found
    pose = _pose_at(index, _object_of(index, end), rows[-1], rule)
    return Answer("found", (_path(index, rows, length_m, pose),))


def _rows(index: GraphIndex, where: Where | None, rule: RouteRule) -> list[int]:
    """The rows of the places that may stand for a node, a point, or the camera."""
    net = index.net
    if where is None:
        return net.nearest(camera_position(index))
    if isinstance(where, tuple):
        return net.nearest(where)
    symbol = find_node(index, where, SOMEWHERE)
    if symbol in net.row_of:
        return [net.row_of[symbol]]
    if symbol in index.rooms:
        members = [net.row_of[place] for place in index.places_in.get(symbol, ())]
        centers_m = net.centers_m[members]
        middle_m = np.array(index.rooms[symbol].position_m)
        away_m = np.linalg.norm(centers_m - middle_m, axis=1)
        return [members[int(np.argmin(away_m))]] if members else []
    return _standing_rows(index, symbol, rule)


def _named(index: GraphIndex, where: Where | None) -> str:
    return "the camera" if where is None else f"'{where}'"


def _object_of(index: GraphIndex, where: Where | None) -> NodeSymbol | None:
    if not isinstance(where, str):
        return None
    symbol = find_node(index, where, SOMEWHERE)
    return symbol if symbol in index.objects else None


def _shortest(
    net: Net, sources: Sequence[int], goals: Sequence[int], clearance_m: float
) -> tuple[list[int], float] | None:
    lengths_m, before, _ = dijkstra(
        net.within(clearance_m),
        directed=True,  # the matrix is symmetric: to have that found out costs as much again
        indices=list(sources),
        return_predecessors=True,
        min_only=True,
    )
    nearest = min(goals, key=lambda row: (lengths_m[row], row))
    if not np.isfinite(lengths_m[nearest]):
        return None
    rows = [nearest]
    while before[rows[-1]] >= 0:
        rows.append(int(before[rows[-1]]))
    return rows[::-1], float(lengths_m[nearest])


def _why_none(net: Net, sources: Sequence[int], goals: Sequence[int], rule: RouteRule) -> str:
    found = _shortest(net, sources, goals, 0.0)
    if found is None:
        return "no way between them was seen"
    narrow_m = _clearance_m(net, found[0])
    return f"the way is too narrow: {narrow_m:.2f} m of clearance, wanted {rule.clearance_m:.2f}"


def _path(index: GraphIndex, rows: list[int], length_m: float, end: Pose | None) -> Path:
    net = index.net
    places = [net.symbols[row] for row in rows]
    names = [index.room_name(place) for place in places]
    rooms = [name for i, name in enumerate(names) if name and name not in names[:i][-1:]]
    return Path(
        points_m=tuple(_position(net.centers_m[row]) for row in rows),
        place_ids=tuple(places),
        length_m=length_m,
        clearance_m=_clearance_m(net, rows),
        rooms=tuple(rooms),
        end=end,
    )


def _clearance_m(net: Net, rows: Sequence[int]) -> float:
    """Of the narrowest edge along the rows; of the place where there is but one."""
    if len(rows) == 1:
        return float(net.radius_m[rows[0]])
    ends = (sorted(pair) for pair in pairwise(rows))
    return min(net.clearance_of[low, high] for low, high in ends)


def approach(index: GraphIndex, name: str, rule: RouteRule = RULE) -> Answer[Pose]:
    """Where to stand to look at an object or to grasp it: free, reachable, facing it; best first.

    Each pose lies within the ball of a place, so that nothing solid is within
    ``rule.clearance_m`` of it, on the storey of the object and, where one can, in its room.

    Raises:
        QueryError: there is no object of that name, or there are several.
    """
    symbol = find_node(index, name, (Layer.OBJECTS,))
    if not index.objects[symbol].is_present:
        return Answer("was there until", (), "it is not there any more")
    poses: list[Pose] = []
    for row in _standing_rows(index, symbol, rule):
        pose = _pose_at(index, symbol, row, rule)
        if pose is not None and len(poses) < rule.most and _is_apart(pose, poses, rule):
            poses.append(pose)
    if poses:
        return Answer("found", tuple(poses))
    status = "none" if index.net.symbols else "not seen yet"
    return Answer(status, (), "no free space within reach of it was seen")  # type: ignore[arg-type]


def _is_apart(pose: Pose, others: Sequence[Pose], rule: RouteRule) -> bool:
    """Whether a pose is on another spot of the floor than all others."""
    gaps_m = [math.dist(pose.position_m[:2], other.position_m[:2]) for other in others]
    return min(gaps_m, default=math.inf) >= rule.apart_m


def _standing_rows(index: GraphIndex, symbol: NodeSymbol, rule: RouteRule) -> list[int]:
    """Places to stand at an object in, best first; in its room if any is."""
    net, box = index.net, index.objects[symbol].box
    if not net.symbols:
        return []
    reach_m = float(np.linalg.norm(box.dimensions_m)) / 2 + rule.farthest_m + rule.storey_m
    assert net.tree is not None
    rows = np.sort(net.tree.query_ball_point(np.array(box.center_m), reach_m)).astype(int)
    fit = net.radius_m[rows] >= rule.clearance_m
    fit &= np.abs(net.centers_m[rows, 2] - box.center_m[2]) <= rule.storey_m
    fit &= net.part[rows] == _part_reached(index)
    rows = rows[fit]
    stands_m = _stands(index, symbol, rows, rule)
    gap_m = points_to_box_m(stands_m, box)
    fit = (gap_m <= rule.farthest_m) & _is_floor_free(index, rows, stands_m, rule)
    rows, gap_m = rows[fit], gap_m[fit]
    inside = net.room[rows] == index.room_rows.get(index.room_of.get(symbol), -1)
    if inside.any():
        rows, gap_m = rows[inside], gap_m[inside]
    order = np.argsort(np.abs(gap_m - rule.stand_m), kind="stable")
    return [int(row) for row in rows[order]]


def _is_floor_free(
    index: GraphIndex,
    rows: Int64[np.ndarray, " n"],
    stands_m: Float64[np.ndarray, "n 3"],
    rule: RouteRule,
) -> Bool[np.ndarray, " n"]:
    """Where somebody could stand: not too high over the floor, and over no furniture."""
    floor_m = index.net.floor_m[rows]
    free = (stands_m[:, 2] - floor_m <= rule.highest_m) | ~np.isfinite(floor_m)
    if not len(rows):
        return np.asarray(free, bool)
    boxes = index.boxes
    middle, spread = stands_m.mean(axis=0), float(np.ptp(stands_m, axis=0).max())
    others = boxes.rows_near(_position(middle), spread + rule.storey_m)
    bottoms_m = boxes.centers_m[others, 2] - boxes.half_m[others, 1]
    below = bottoms_m < stands_m[:, 2:]
    low = bottoms_m - floor_m[:, None] < rule.highest_m
    return np.asarray(free & ~(below & low & boxes.is_over(others, stands_m)).any(axis=1))


def _part_reached(index: GraphIndex) -> int:
    """The part of the places that the camera is in; without a camera, the largest."""
    if index.camera_m is None:
        return index.net.main_part
    return int(index.net.part[index.net.nearest(camera_position(index))[0]])


def _stands(
    index: GraphIndex, symbol: NodeSymbol, rows: Int64[np.ndarray, " n"], rule: RouteRule
) -> Float64[np.ndarray, "n 3"]:
    """For each place the point, as near as wanted to the object, that its ball keeps free."""
    net, box = index.net, index.objects[symbol].box
    centers_m = net.centers_m[rows]
    toward = np.array(box.center_m)[:2] - centers_m[:, :2]
    away_m = np.maximum(np.linalg.norm(toward, axis=1), 1e-9)
    free_m = net.radius_m[rows] - rule.clearance_m
    too_far_m = points_to_box_m(centers_m, box) - rule.stand_m
    step_m = np.clip(too_far_m, -free_m, free_m)
    stands = centers_m.copy()
    stands[:, :2] += toward / away_m[:, None] * step_m[:, None]
    return np.asarray(stands)


def _pose_at(
    index: GraphIndex, symbol: NodeSymbol | None, row: int, rule: RouteRule
) -> Pose | None:
    if symbol is None or not index.objects[symbol].is_present:
        return None
    net, box = index.net, index.objects[symbol].box
    stand = _stands(index, symbol, np.array([row]), rule)
    toward = np.array(box.center_m)[:2] - stand[0, :2]
    moved_m = float(np.linalg.norm(stand[0] - net.centers_m[row]))
    return Pose(
        position_m=_position(stand[0]),
        yaw_rad=math.atan2(toward[1], toward[0]),
        place_id=net.symbols[row],
        clearance_m=float(net.radius_m[row]) - moved_m,
        gap_m=float(points_to_box_m(stand, box)[0]),
        room=index.room_name(net.symbols[row]),
    )


def _position(point_m: Float64[np.ndarray, "3"]) -> Position:
    return float(point_m[0]), float(point_m[1]), float(point_m[2])
