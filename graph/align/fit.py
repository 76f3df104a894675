"""How well two maps agree at a pose, and the pose nearby at which they agree best."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.spatial import KDTree

from hydra_mono.graph.align.transform import (
    Matrix,
    inverse,
    moved_points,
    turned_vectors,
    upright_pose,
    yaw_of,
)
from hydra_mono.graph.align.views import CELL_M, MapView

SAME_SIDE = 0.7  # cosine between two normals of one surface: 45°
FREE_MARGIN_M = 0.15  # a surface so deep in free space of the other map is not there
BEFORE_M = 0.3  # before a surface: past what noise and a wall's skirting take from free space
NEAREST = 4  # points looked at: at an edge, the nearest one faces another direction
SAMPLE = 4_000  # sides that are judged; their shares are good to 1 %
QUICK_SAMPLE = 500  # of many poses: good to 3 %
FIT_SAMPLE = 6_000  # points that are fitted: poses are good to millimetres
REACHES_M = (0.5, 0.2, 0.1)  # to the matching surface, step by step
STEPS = 6  # at each reach


@dataclass(frozen=True, slots=True)
class Agreement:
    """``share``: of the sides that both maps know, those on which they agree; of the map with the
    smaller share. ``overlap``: agreeing sides of all, of the map with the larger overlap.
    """

    share: float
    overlap: float

    @property
    def quality(self) -> float:
        return self.share * self.overlap


class Surfaces:
    """A map with what is needed to look up its nearest surface and free space."""

    def __init__(self, view: MapView) -> None:
        self.view = view
        self.tree = KDTree(view.surface_m)
        self._free = KDTree(view.free_m) if len(view.free_m) else None
        self.sides = _spread(np.flatnonzero(view.upright), SAMPLE)
        self.few = _spread(self.sides, QUICK_SAMPLE)
        self.fitted = _spread(np.arange(len(view.surface_m)), FIT_SAMPLE)

    def holds(
        self,
        points_m: Float64[np.ndarray, "n 3"],
        normals: Float64[np.ndarray, "n 3"],
        tolerance_m: float,
    ) -> Bool[np.ndarray, " n"]:
        """Which points lie on a surface of the map that faces the same direction."""
        count = min(NEAREST, self.tree.n)
        _, rows = self.tree.query(points_m, k=count, distance_upper_bound=tolerance_m + CELL_M)
        rows = rows.reshape(len(points_m), count)
        found = rows < self.tree.n
        rows = np.minimum(rows, self.tree.n - 1)
        planes = self.view.normals[rows]
        off_m = ((points_m[:, None] - self.view.surface_m[rows]) * planes).sum(axis=2)
        facing = (normals[:, None] * planes).sum(axis=2)
        on = found & (np.abs(off_m) <= tolerance_m) & (facing > SAME_SIDE)
        return np.asarray(on.any(axis=1))

    def is_free(
        self, points_m: Float64[np.ndarray, "n 3"], margin_m: float
    ) -> Bool[np.ndarray, " n"]:
        """Which points lie so deep in free space of the map."""
        if self._free is None:
            return np.zeros(len(points_m), bool)
        count = min(2 * NEAREST, self._free.n)  # balls overlap: the nearest may be a small one
        away_m, rows = self._free.query(points_m, k=count)
        radius_m = self.view.free_radius_m[rows] - margin_m
        return np.asarray((away_m < radius_m).reshape(len(points_m), -1).any(axis=1))


def agreement(
    a: Surfaces, b: Surfaces, b_from_a: Matrix, tolerance_m: float, *, is_quick: bool = False
) -> Agreement:
    """How well two maps agree at a pose; ``is_quick``: of fewer points."""
    ours = _one_sided(a, b, b_from_a, tolerance_m, is_quick)
    theirs = _one_sided(b, a, inverse(b_from_a), tolerance_m, is_quick)
    return Agreement(min(ours[0], theirs[0]), max(ours[1], theirs[1]))


def _one_sided(
    a: Surfaces, b: Surfaces, b_from_a: Matrix, tolerance_m: float, is_quick: bool
) -> tuple[float, float]:
    rows = a.few if is_quick else a.sides
    points_m = moved_points(b_from_a, a.view.surface_m[rows])
    normals = turned_vectors(b_from_a, a.view.normals[rows])
    agrees = b.holds(points_m, normals, tolerance_m)
    before_m = points_m + BEFORE_M * normals  # who saw this free saw what is behind it
    refuted = (b.is_free(points_m, FREE_MARGIN_M) | b.is_free(before_m, 0.0)) & ~agrees
    known = int(agrees.sum() + refuted.sum())
    return float(agrees.sum()) / max(known, 1), float(agrees.mean()) if len(agrees) else 0.0


def refined(a: Surfaces, b: Surfaces, b_from_a: Matrix) -> Matrix:
    """The pose nearby at which a's surface lies on b's: point to plane, turn about z and shift.

    Iterated closest points (Chen and Medioni, 1992) with Tukey's weights. Open3D's has six degrees
    of freedom; gravity is known here, and floors would tilt to fit furniture that was moved.
    """
    pose = b_from_a
    for reach_m in REACHES_M:
        for _ in range(STEPS):
            step = _step(a, b, pose, reach_m)
            if step is None:
                return pose
            pose = step @ pose
            if np.linalg.norm(step[:3, 3]) < 1e-4 and abs(yaw_of(step)) < 1e-5:  # 0.1 mm
                break
    return pose


def _step(a: Surfaces, b: Surfaces, pose: Matrix, reach_m: float) -> Matrix | None:
    points_m = moved_points(pose, a.view.surface_m[a.fitted])
    normals = turned_vectors(pose, a.view.normals[a.fitted])
    _, rows = b.tree.query(points_m, distance_upper_bound=reach_m)
    found = np.flatnonzero(rows < b.tree.n)
    planes = b.view.normals[rows[found]]
    found = found[(normals[found] * planes).sum(axis=1) > SAME_SIDE]
    if len(found) < 50:  # too few to say four numbers by
        return None
    planes, middle_m = b.view.normals[rows[found]], points_m[found].mean(axis=0)
    offset_m = ((b.view.surface_m[rows[found]] - points_m[found]) * planes).sum(axis=1)
    arm_m = points_m[found] - middle_m
    turning = planes[:, 1] * arm_m[:, 0] - planes[:, 0] * arm_m[:, 1]
    weight = np.maximum(1 - (offset_m / reach_m) ** 2, 0.0) ** 2
    rows_of = np.column_stack([turning, planes])
    normal = rows_of.T @ (weight[:, None] * rows_of) + 1e-6 * np.eye(4)  # stays solvable
    yaw_rad, *shift = np.linalg.solve(normal, rows_of.T @ (weight * offset_m))
    turn = upright_pose(float(yaw_rad), np.zeros(3))
    turn[:3, 3] = middle_m - turn[:3, :3] @ middle_m + np.array(shift)
    return turn


def _spread(rows: Int64[np.ndarray, " n"], most: int) -> Int64[np.ndarray, " m"]:
    """At most so many rows, drawn evenly, the same every time."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
