"""Box completion: unseen backs against walls, undersides on floors, the far side of round objects.

An unseen side close to a wall or the floor is taken to reach there, unless the gap was seen into;
farther where nothing but a front was seen. What still is narrower than its class's minimum width is
extended away from the side that was seen, else symmetrically.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.core.box import BoundingBox
from hydra_mono.graph.objects.box_fit import (
    is_outline_round,
    seen_share,
)
from hydra_mono.graph.objects.structure import AROUND_M, Structure

_FACING = 0.9  # cosine between structure's normal and the side it faces
_INWARD_M = 0.06  # how far a box may reach into a wall by labels that bleed
_THROUGH_SHARE = 0.02  # of an object's surface; no wall has more of it on its far side
_MIN_WALL = 8  # vertices that make a wall or a floor
_SEEN_SHARE = 0.25  # of a side's area; a side seen so well is where it is
_GAP_END_M = 0.1  # how far past a gap's end the surface that closes it is looked for
_MIN_GAP = 4  # vertices that show a gap to be open
_MOUNTED_CLEARANCE = 0.5  # of the clearance, left behind what is mounted on a wall
_BOTH_SEEN = 0.3  # of the surface on one side, on the other: more, and neither hides anything
_UNTOLD_GAP_M = 0.025  # between an object and its wall, that contours do not tell from none
_TOLD_SHARE = 0.3  # of a wider gap, that contours leave open: they show backs a little early
_LEAST_DEPTH_M = 0.025  # that contours must show: in half a voxel they are all of the front
_FRONT_M = 0.15  # a standing object that seems no deeper showed its front alone
NO_ENDS: Mapping[tuple[int, int], float] = {}
_SIDES = ((0, -1), (0, 1), (1, -1), (1, 1), (2, -1))  # axis and sign; tops stay as they are


@dataclass(frozen=True, slots=True)
class CompletionRule:
    """Metres: how far off the wall or the floor may be, and what is left free before a wall.

    Pictures are nearer than that. The wall may be ``back_reach_m`` off behind a front.
    """

    wall_reach_m: float = 0.08  # skirting boards and pipes
    back_reach_m: float = 0.6  # as deep as wardrobes are
    floor_reach_m: float = 0.15  # legs and plinths too low to be seen under
    clearance_m: float = 0.025  # half a skirting board and half a voxel


@dataclass(frozen=True, slots=True)
class _Scene:
    """An object and the structure near it, in axes along its box, origin at the box's centre."""

    half: Float64[np.ndarray, "3"]
    points: Float64[np.ndarray, "n 3"]
    normals: Float64[np.ndarray, "n 3"]
    near_points: Float64[np.ndarray, "m 3"]
    near_normals: Float64[np.ndarray, "m 3"]


def complete_box(
    box: BoundingBox,
    points_m: Float64[np.ndarray, "n 3"],
    normals: Float64[np.ndarray, "n 3"],
    structure: Structure,
    rule: CompletionRule,
    *,
    is_sure: Bool[np.ndarray, " n"] | None = None,
    least_width_m: float = 0.0,
    ends_m: Mapping[tuple[int, int], float] = NO_ENDS,
) -> BoundingBox:
    """The box with its unseen sides moved to the wall or floor close behind them.

    ``points_m`` and ``normals`` are the object's own surface; they tell which sides were seen.
    ``is_sure``: what of it tells whether the object is round; None: all of it does.
    ``least_width_m``: nothing of the kind is narrower, in any level direction. ``ends_m``: how far
    past a level side, by (axis, sign), contours show the object's end.
    """
    scene = _Scene(
        half=np.array(box.dimensions_m) / 2,
        points=box.to_box_frame(points_m),
        normals=box.turn_to_box_frame(normals),
        near_points=box.to_box_frame(structure.points_m.astype(np.float64)),
        near_normals=box.turn_to_box_frame(structure.normals.astype(np.float64)),
    )
    lower, upper = -scene.half, scene.half.copy()
    told = slice(None) if is_sure is None else is_sure
    is_round = is_outline_round(scene.points[told], scene.normals[told], scene.half)
    for axis, sign, step_m in _steps(scene, rule):
        end_m = max(ends_m.get((axis, sign), step_m), 0.0)
        is_told = 2 * scene.half[axis] + end_m > _LEAST_DEPTH_M
        if is_told and end_m + _UNTOLD_GAP_M < step_m < rule.wall_reach_m:
            step_m = end_m + _TOLD_SHARE * (step_m - end_m)
        if step_m < 0 or axis == 2 or not is_round:
            (upper if sign > 0 else lower)[axis] += sign * step_m
    if is_round:
        _round_off(scene, lower, upper)
    _fill_out(scene, lower, upper, least_width_m)
    return box.with_corners(lower, upper)


def _steps(scene: _Scene, rule: CompletionRule) -> Iterator[tuple[int, int, float]]:
    """(axis, sign, metres outward) of the sides that move."""
    stands = _room_behind(scene, 2, -1, rule.floor_reach_m) is not None
    clearance_m = rule.clearance_m * (1.0 if stands else _MOUNTED_CLEARANCE)
    for axis, sign in _SIDES:
        is_wall = axis < 2
        is_front = is_wall and stands and 2 * scene.half[axis] < _FRONT_M
        wall_reach_m = rule.back_reach_m if is_front else rule.wall_reach_m
        room_m = _room_behind(scene, axis, sign, wall_reach_m if is_wall else rule.floor_reach_m)
        if room_m is None:
            continue
        step_m = room_m - (clearance_m if is_wall else 0.0)
        kept = _is_seen(scene, axis, sign) or (is_wall and _is_open(scene, axis, sign, step_m))
        if step_m < 0 or not kept:
            yield axis, sign, step_m


def _room_behind(scene: _Scene, axis: int, sign: int, reach_m: float) -> float | None:
    """Metres from a side out to the structure that faces it; below 0 where that is within."""
    facing = np.flatnonzero(sign * scene.near_normals[:, axis] < -_FACING)
    points = scene.near_points[facing]
    beyond = sign * points[:, axis] - scene.half[axis]
    is_near = (np.abs(beyond) < reach_m) & (beyond > -_INWARD_M)
    for other in range(3):
        if other != axis:
            is_near &= np.abs(points[:, other]) < scene.half[other] + AROUND_M
    if np.count_nonzero(is_near) < _MIN_WALL:
        return None
    room_m = float(np.median(beyond[is_near]))
    through = np.mean(sign * scene.points[:, axis] - scene.half[axis] > room_m + 0.01)
    return None if through > _THROUGH_SHARE else room_m


def _is_seen(scene: _Scene, axis: int, sign: int) -> bool:
    return seen_share(scene.points, scene.normals, scene.half, axis, sign) > _SEEN_SHARE


def _is_open(scene: _Scene, axis: int, sign: int, gap_m: float) -> bool:
    """Whether the camera saw into the gap: the floor or another wall that closes it."""
    beyond = sign * scene.near_points[:, axis] - scene.half[axis]
    inside = (beyond > 0.01) & (beyond < gap_m)
    first, second = (other for other in range(3) if other != axis)
    seen = 0
    for end, along in ((first, second), (second, first)):
        seen += int(np.count_nonzero(inside & _closes(scene, end, along)))
    return seen >= _MIN_GAP


def _closes(scene: _Scene, end: int, along: int) -> Bool[np.ndarray, " m"]:
    """Structure across the ``end`` of the box, not past its other end."""
    across = np.abs(scene.near_normals[:, end]) > _FACING
    across &= np.abs(scene.near_points[:, end]) < scene.half[end] + _GAP_END_M
    return np.asarray(across & (np.abs(scene.near_points[:, along]) < scene.half[along] - 0.03))


def _round_off(
    scene: _Scene, lower: Float64[np.ndarray, "3"], upper: Float64[np.ndarray, "3"]
) -> None:
    """Makes a round object as deep as it is wide, on the side that was seen less."""
    size = upper - lower
    short = int(np.argmin(size[:2]))
    missing = size[1 - short] - size[short]
    towards = scene.normals[:, short]
    above, below = np.count_nonzero(towards > 0.5), np.count_nonzero(towards < -0.5)
    if min(above, below) > _BOTH_SEEN * max(above, below):
        return
    if above < below:
        upper[short] += missing
    else:
        lower[short] -= missing


def _fill_out(
    scene: _Scene,
    lower: Float64[np.ndarray, "3"],
    upper: Float64[np.ndarray, "3"],
    least_width_m: float,
) -> None:
    """Makes an object as wide as its kind is at least, behind the one side that was seen of two.

    Where that tells nothing it is extended to both sides, half as far.
    """
    for axis in (0, 1):
        missing = least_width_m - (upper[axis] - lower[axis])
        if missing <= 0:
            continue
        before, behind = _is_seen(scene, axis, -1), _is_seen(scene, axis, 1)
        share_above = 0.5 * (1 + before - behind)
        upper[axis] += share_above * missing
        lower[axis] -= (1 - share_above) * missing
