"""Boxes round noisy surface: which way they are turned, and where their sides are."""

import math

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64
from scipy.spatial import ConvexHull, QhullError

from hydra_mono.core.box import BoundingBox

FRINGE_M = 0.1  # where labels meet, surface counts so far beyond the sure surface only
ARTIFACT_M = 0.11  # occlusion artifacts reach so far past a contour: its band and a voxel
CLEARLY_SMALLER = 0.95  # a turned box is chosen when its footprint is below this share
_AGREEMENT = 0.5  # cosine of four times the angle: normals within 15° of a side
_AGREEING_SHARE = 0.8  # of the normals that agree with the best turn
_LEAST_MEAN = 0.15  # of the cosines, that tells a direction: round surface has none
_SIDE_NOISE_M = 0.015  # by which surface noise moves a side: of 5 cm voxels, a third
TURN_BINS = 90  # a degree each: boxes turned by 90° are the same
_PEAK_BINS = 4  # normals so many degrees off a direction still belong to it: noise of the mesh
_PEAK_SHARE = 0.15  # of the walls' vertices, that make a direction one
_ENOUGH_WALL = 60  # vertices, a third of a square metre at 5 cm voxels
_UPRIGHT = 0.2  # |z| of the normals of what stands upright
_MOST_DIRECTIONS = 3  # of walls near one object
_ROUND = 0.2  # agreement of the level normals modulo 90° below which an object is round
_ROUND_WIDTHS = 0.72  # least depth of what is seen of a round object, in its widths
_OUTLINE = 0.5  # of half the width; surface farther out belongs to the outline
_MIN_ROUND = 20  # level normals, fewer tell nothing
_SIDE_DEPTH_M = 0.08  # own surface so close to a side is that side
_SEEN_CELL_M = 0.1  # grid on which a side's seen area is counted
_LEVEL = 0.5  # |z| of the normals of what stands up, roughly
_FEW_POINTS = 200  # whose hull is found sooner than points are left out
_TINY = 1e-12  # against division by zero, and m² that rounding may move a point outward
_ENOUGH = 0.2  # share of the surface that must be sure, for the rest to be doubted


def fit_box(
    points_m: Float64[np.ndarray, "n 3"],
    normals: Float64[np.ndarray, "n 3"],
    is_fringe: Bool[np.ndarray, " n"],
    is_occlusion_artifact: Bool[np.ndarray, " n"],
    trim: float,
    wall_yaws_rad: tuple[float, ...] = (0.0,),
) -> BoundingBox:
    """An upright box round the points, but for the outermost share ``trim`` at each side.

    A round object touches its box with little surface, all of which counts. The box's sides lie
    along one of the directions ``wall_yaws_rad`` of the walls about, or as the surface itself is
    turned where that is clearly smaller. Surface where labels meet (``is_fringe``) cannot draw a
    side out far, and surface that nobody saw (``is_occlusion_artifact``) cannot at all.
    """
    everything = np.ones(len(points_m), np.bool_)
    solid, sure = (
        _unless_too_few(~is_occlusion_artifact, everything),
        _unless_too_few(~is_fringe, everything),
    )
    certain = _unless_too_few(solid & sure, sure)
    normals = normals[certain]
    turns = quadruple_angles(normals)
    extents = _Extents(points_m, solid, sure, trim)
    boxes = [extents.box(yaw_rad) for yaw_rad in _agreeing(wall_yaws_rad, turns)]
    best = min(boxes, key=_footprint_m2)
    half = np.array(best.dimensions_m) / 2
    facing = best.turn_to_box_frame(normals)
    if is_outline_round(best.to_box_frame(points_m[certain]), facing, half):
        return _Extents(points_m, solid, sure, 0.0).box(best.yaw_rad)
    own = _own_yaws(points_m[certain], normals)
    agreeing = _agreeing((best.yaw_rad, *own), turns)
    for turned in map(extents.box, (yaw_rad for yaw_rad in own if yaw_rad in agreeing)):
        if _is_clearly_smaller(turned, best):
            best = turned
    return best


def _agreeing(yaws_rad: tuple[float, ...], turns: Float64[np.ndarray, "2 n"]) -> tuple[float, ...]:
    """Those turns that nearly as many level normals agree with as with the best of them.

    Of a box that showed two sides only, the rectangle along its diagonal is as small as its own.
    ``turns``: see ``quadruple_angles``.
    """
    if len(yaws_rad) < 2 or not turns.shape[1]:
        return yaws_rad
    quadruple = 4 * np.array(yaws_rad)
    cosines = np.stack([np.cos(quadruple), np.sin(quadruple)], axis=1) @ turns
    shares, means = np.mean(cosines > _AGREEMENT, axis=1), np.mean(cosines, axis=1)
    agrees = shares >= _AGREEING_SHARE * shares.max()
    if means.max() > _LEAST_MEAN:
        agrees &= means >= _AGREEING_SHARE * means.max()
    return tuple(yaws_rad[i] for i in np.flatnonzero(agrees)) or yaws_rad[:1]


def quadruple_angles(normals: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, "2 m"]:
    """Cosine and sine of four times the angle of those normals that are level: turns modulo 90°."""
    level = normals[np.abs(normals[:, 2]) < _LEVEL, :2].T
    squared = np.stack([level[0] ** 2 - level[1] ** 2, 2 * level[0] * level[1]])
    squared /= np.maximum(np.hypot(squared[0], squared[1]), _TINY)
    return np.stack([squared[0] ** 2 - squared[1] ** 2, 2 * squared[0] * squared[1]])


def _own_yaws(
    points_m: Float64[np.ndarray, "n 3"], normals: Float64[np.ndarray, "n 3"]
) -> list[float]:
    """Turns that the surface itself suggests: of its normals, and of its least rectangle."""
    yaws = [find_yaw(normals), least_rectangle_yaw(points_m[:, :2])]
    return [yaw_rad for yaw_rad in yaws if yaw_rad is not None]


def _is_clearly_smaller(box: BoundingBox, than: BoundingBox) -> bool:
    """By a share of the footprint, and by more than noise on its sides can make it."""
    before, after = _footprint_m2(than), _footprint_m2(box)
    return after < min(CLEARLY_SMALLER * before, before - _SIDE_NOISE_M * sum(box.dimensions_m[:2]))


def least_rectangle_yaw(points_m: Float64[np.ndarray, "n 2"]) -> float | None:
    """The turn of the smallest rectangle round the points; None where they are on one line.

    One of its sides lies on the convex hull (Freeman and Shapira, CACM 1975).
    """
    outer = _near_hull(points_m)
    try:
        corners = outer[ConvexHull(outer).vertices]
    except QhullError:
        return None
    edges = np.roll(corners, -1, axis=0) - corners
    angles = np.arctan2(edges[:, 1], edges[:, 0])
    along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    areas = np.ptp(corners @ along.T, axis=0) * np.ptp(corners @ across.T, axis=0)
    return _within_45(float(angles[np.argmin(areas)]))


def _near_hull(points_m: Float64[np.ndarray, "n 2"]) -> Float64[np.ndarray, "m 2"]:
    """All points but those inside the polygon of the outermost in sixteen directions.

    What is left has the same convex hull (Akl and Toussaint, Inf. Proc. Letters 1978).
    """
    if len(points_m) < _FEW_POINTS:
        return points_m
    angles = np.arange(8) * math.pi / 8
    along = np.stack([np.cos(angles), np.sin(angles)]).T @ points_m.T
    corners = points_m[np.concatenate([along.argmax(axis=1), along.argmin(axis=1)])]
    edges = np.roll(corners, -1, axis=0) - corners
    outward = np.stack([edges[:, 1], -edges[:, 0]], axis=1)
    beyond = outward @ points_m.T >= np.sum(outward * corners, axis=1)[:, None] - _TINY
    return np.asarray(points_m[beyond[np.any(edges != 0, axis=1)].any(axis=0)])


def _within_45(yaw_rad: float) -> float:
    """The same box's turn within ±45°."""
    return (yaw_rad + math.pi / 4) % (math.pi / 2) - math.pi / 4


def is_outline_round(
    points_m: Float64[np.ndarray, "n 3"],
    normals: Float64[np.ndarray, "n 3"],
    half_m: Float64[np.ndarray, "3"],
) -> bool:
    """Whether the level normals of the outline agree on no turn modulo 90°.

    Points in axes along the box, origin in its middle; how it is turned changes nothing else. A
    pole in the middle is too thin for its normals to mean anything. What is much longer than wide,
    like a toilet, is not round as a whole.
    """
    if half_m[:2].min() < _ROUND_WIDTHS * half_m[:2].max():
        return False
    outer = np.any(np.abs(points_m[:, :2]) > _OUTLINE * half_m[:2], axis=1)
    turns = quadruple_angles(normals[outer])
    enough = turns.shape[1] >= _MIN_ROUND
    return enough and bool(np.hypot(*turns.mean(axis=1)) <= _ROUND)


def seen_share(
    points_m: Float64[np.ndarray, "n 3"],
    normals: Float64[np.ndarray, "n 3"],
    half_m: Float64[np.ndarray, "3"],
    axis: int,
    sign: int,
) -> float:
    """How much of a side's area is covered by surface that faces outward.

    In axes along the box, origin in its middle. On a grid, so a side that cuts many cells may
    seem more than covered, and one smaller than a cell counts as one.
    """
    facing = np.flatnonzero(sign * normals[:, axis] > 0.7)
    facing = facing[sign * points_m[facing, axis] > half_m[axis] - _SIDE_DEPTH_M]
    others = [other for other in range(3) if other != axis]
    cells = np.floor(points_m[facing][:, others] / _SEEN_CELL_M).astype(np.int64)
    seen_m2 = len(set((cells[:, 0] * 100_000 + cells[:, 1]).tolist())) * _SEEN_CELL_M**2
    return float(seen_m2 / max(4 * np.prod(half_m[others]), _SEEN_CELL_M**2))


def _unless_too_few(
    chosen: Bool[np.ndarray, " n"], otherwise: Bool[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    return chosen if np.count_nonzero(chosen) >= _ENOUGH * len(chosen) else otherwise


def _footprint_m2(box: BoundingBox) -> float:
    return box.dimensions_m[0] * box.dimensions_m[1]


def find_yaw(normals: Float64[np.ndarray, "n 3"]) -> float | None:
    """The turn, within ±45°, that most level normals agree on modulo 90°; None without one.

    Mean of unit vectors of four times the angle; a round object has no mean.
    """
    weight = normals[:, 0] ** 2 + normals[:, 1] ** 2
    angle = np.arctan2(normals[:, 1], normals[:, 0])
    mean = np.sum(weight * np.exp(4j * angle))
    if np.abs(mean) < 0.4 * np.sum(weight) or np.sum(weight) < 1:
        return None
    return float(np.angle(mean)) / 4


class _Extents:
    """How far points reach at any turn, but for the outermost share ``trim`` at each side.

    What takes a side farther out than an occlusion artifact can is surface that was seen flatly.
    """

    def __init__(
        self,
        points_m: Float64[np.ndarray, "n 3"],
        is_solid: Bool[np.ndarray, " n"],
        is_sure: Bool[np.ndarray, " n"],
        trim: float,
    ) -> None:
        self._columns = np.ascontiguousarray(points_m.T)
        self._is_solid, self._is_sure, self._trim = is_solid, is_sure, trim
        self._height = self._ends(self._columns[2:])

    def box(self, yaw_rad: float) -> BoundingBox:
        """The trimmed box with its sides turned by ``yaw_rad``."""
        cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
        box_from_world = np.array([[cos, sin], [-sin, cos]])
        level = self._ends(box_from_world @ self._columns[:2])
        lower, upper = np.concatenate([level, self._height], axis=1)
        x, y = (lower + upper)[:2] / 2 @ box_from_world
        size = upper - lower
        return BoundingBox(
            center_m=(float(x), float(y), float(lower[2] + upper[2]) / 2),
            dimensions_m=(float(size[0]), float(size[1]), float(size[2])),
            yaw_rad=yaw_rad,
        )

    def _ends(self, along_m: Float64[np.ndarray, "a n"]) -> Float64[np.ndarray, "2 a"]:
        """Lower and upper ends along some axes."""
        lower, upper = _trimmed(along_m, self._trim)
        sure_lower, sure_upper = _trimmed(along_m[:, self._is_sure], self._trim)
        lower = np.maximum(lower, sure_lower - FRINGE_M)
        upper = np.minimum(upper, sure_upper + FRINGE_M)
        solid_lower, solid_upper = _trimmed(along_m[:, self._is_solid], self._trim)
        lower = np.where(solid_lower - lower < ARTIFACT_M, np.maximum(lower, solid_lower), lower)
        upper = np.where(upper - solid_upper < ARTIFACT_M, np.minimum(upper, solid_upper), upper)
        return np.stack([lower, upper])


def _trimmed(along_m: Float64[np.ndarray, "a n"], trim: float) -> Float64[np.ndarray, "2 a"]:
    """The quantiles ``trim`` and one less that, of each row."""
    last = along_m.shape[1] - 1
    place = trim * last
    low = int(place)
    high, share = min(low + 1, last), place - low
    ordered = np.partition(along_m, sorted({low, high, last - high, last - low}), axis=1)
    return np.stack(
        [
            (1 - share) * ordered[:, low] + share * ordered[:, high],
            (1 - share) * ordered[:, last - low] + share * ordered[:, last - high],
        ]
    )


def count_turns(
    normals: Float32[np.ndarray, "n 3"],
    group: Int64[np.ndarray, " n"] | None = None,
    groups: int = 1,
) -> Int64[np.ndarray, "g 90"]:
    """How many of the upright surfaces' normals point where, by degree modulo 90, by group."""
    upright = np.flatnonzero(np.abs(normals[:, 2]) < _UPRIGHT)
    degrees = np.degrees(np.arctan2(normals[upright, 1], normals[upright, 0]))
    bins = np.floor(degrees).astype(np.int64) % TURN_BINS
    if group is not None:
        bins += TURN_BINS * group[upright]
    return np.bincount(bins, minlength=groups * TURN_BINS).reshape(groups, TURN_BINS)


def wall_yaws(counts: Int64[np.ndarray, "90"]) -> tuple[float, ...]:
    """Directions that walls run in, radians within ±45°, the commonest first; maybe none."""
    left = counts.astype(np.float64)
    found: list[float] = []
    while len(found) < _MOST_DIRECTIONS:
        around = np.arange(-_PEAK_BINS, _PEAK_BINS + 1)
        near = left[(np.arange(TURN_BINS)[:, None] + around) % TURN_BINS]
        peak = int(np.argmax(near.sum(axis=1)))
        total = float(near[peak].sum())
        if total < max(_PEAK_SHARE * counts.sum(), _ENOUGH_WALL):
            break
        degrees = peak + 0.5 + float(near[peak] @ around) / total
        found.append(math.radians((degrees + 45) % 90 - 45))
        left[(peak + np.arange(-2 * _PEAK_BINS, 2 * _PEAK_BINS + 1)) % TURN_BINS] = 0
    return tuple(found)
