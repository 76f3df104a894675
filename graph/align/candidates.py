"""Where a map may lie in another: turns by the walls, shifts by objects and walls.

Walls vote by cross-correlation of their plans (Bracewell, The Fourier Transform and its
Applications), objects by pairs of one class (Ballard, Generalizing the Hough transform, 1981).
"""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Complex128, Float64
from scipy import fft, ndimage
from scipy.spatial import KDTree

from hydra_mono.graph.align.transform import Matrix, moved_points, turned_vectors, upright_pose
from hydra_mono.graph.align.views import MapView

CELL_M = 0.1  # of the plans that are correlated
PER_TURN = 6  # shifts tried for each turn by walls, and as many by objects
APART_M = 0.5  # between two of them: refinement reaches as far
VOTE_M = 0.3  # two pairs of objects say the same shift: boxes of half-seen objects are so far off
STEP_DEG = 1  # of the histogram of walls' directions
SPREAD_DEG = 5  # round its peak, from which the direction is averaged


def candidates(source: MapView, target: MapView) -> Iterator[Matrix]:
    """Poses ``target_from_source`` to be looked at more closely; both maps have upright surface."""
    turn_rad = main_heading(target) - main_heading(source)
    lifts_m = [b - a for a in source.floors_m for b in target.floors_m] or [0.0]
    for quarter in range(4):
        turn = upright_pose(turn_rad + quarter * math.pi / 2, np.zeros(3))
        for x, y in [*_by_walls(source, target, turn), *_by_objects(source, target, turn)]:
            for lift_m in lifts_m:
                shift = np.eye(4)
                shift[:3, 3] = (x, y, lift_m)
                yield shift @ turn


def main_heading(view: MapView) -> float:
    """The direction of most sides, within a quarter turn, from the x axis."""
    normals = view.normals[view.upright]
    degrees = np.degrees(np.arctan2(normals[:, 1], normals[:, 0])) % 90
    counts = np.bincount((degrees / STEP_DEG).astype(np.int64) % 90, minlength=90)
    smooth = ndimage.uniform_filter1d(counts.astype(np.float64), 3, mode="wrap")
    peak = (float(np.argmax(smooth)) + 0.5) * STEP_DEG
    off = (degrees - peak + 45) % 90 - 45
    return math.radians(peak + float(off[np.abs(off) <= SPREAD_DEG].mean()))


def _by_walls(source: MapView, target: MapView, turn: Matrix) -> list[tuple[float, float]]:
    """Shifts at which most sides lie on sides that face the same direction."""
    a_m = moved_points(turn, source.surface_m[source.upright])
    b_m = target.surface_m[target.upright]
    normals = turned_vectors(turn, source.normals[source.upright])
    lowest, first = a_m[:, :2].min(axis=0), b_m[:, :2].min(axis=0)
    extent = (np.ptp(a_m[:, :2], axis=0) + np.ptp(b_m[:, :2], axis=0)) / CELL_M
    shape = tuple(fft.next_fast_len(int(n) + 4) for n in extent)
    total = np.zeros(shape)
    for facing in np.arange(4) * math.pi / 2:
        ours = _plan(a_m, normals, facing, lowest, shape)
        theirs = _plan(b_m, target.normals[target.upright], facing, first, shape)
        theirs = ndimage.uniform_filter(theirs, 3, mode="wrap")  # a cell off is as good
        total += fft.irfft2(np.conj(_spectrum(ours)) * _spectrum(theirs), shape)
    best = total >= ndimage.maximum_filter(total, round(2 * APART_M / CELL_M), mode="wrap")
    peaks = np.argwhere(best)
    order = np.argsort(-total[tuple(peaks.T)], kind="stable")[:PER_TURN]
    steps = peaks[order].astype(np.float64)
    size = np.array(shape)
    steps = np.where(steps * CELL_M > np.ptp(b_m[:, :2], axis=0) + CELL_M, steps - size, steps)
    return [(float(x), float(y)) for x, y in steps * CELL_M + first - lowest]


def _plan(
    points_m: Float64[np.ndarray, "n 3"],
    normals: Float64[np.ndarray, "n 3"],
    facing_rad: float,
    lowest_m: Float64[np.ndarray, "2"],
    shape: tuple[int, ...],
) -> Float64[np.ndarray, "x y"]:
    """Cells with sides that face a direction within 45°."""
    along = normals[:, 0] * math.cos(facing_rad) + normals[:, 1] * math.sin(facing_rad)
    chosen = along > math.sqrt(0.5) * np.linalg.norm(normals[:, :2], axis=1)
    cells = np.floor((points_m[chosen, :2] - lowest_m) / CELL_M).astype(np.int64)
    plan = np.zeros(shape)
    plan[cells[:, 0], cells[:, 1]] = 1.0
    return plan


def _spectrum(plan: Float64[np.ndarray, "x y"]) -> Complex128[np.ndarray, "x f"]:
    return np.asarray(fft.rfft2(plan))


def _by_objects(source: MapView, target: MapView, turn: Matrix) -> list[tuple[float, float]]:
    """Shifts that most pairs of objects of one class agree on; rare classes say more."""
    ours_m = moved_points(turn, source.objects_m)[:, :2]
    votes, weights = [np.zeros((0, 2))], [np.zeros(0)]
    for name in sorted(set(source.classes) & set(target.classes)):
        a = ours_m[[c == name for c in source.classes]]
        b = target.objects_m[[c == name for c in target.classes], :2]
        votes.append((b[None] - a[:, None]).reshape(-1, 2))
        weights.append(np.full(len(a) * len(b), 1 / math.sqrt(len(a) * len(b))))
    shifts_m, weight = np.concatenate(votes), np.concatenate(weights)
    if not len(shifts_m):
        return []
    near = KDTree(shifts_m).query_ball_point(shifts_m, VOTE_M)
    support = np.array([weight[rows].sum() for rows in near])
    found: list[tuple[float, float]] = []
    for row in np.argsort(-support, kind="stable").tolist():
        x, y = np.average(shifts_m[near[row]], axis=0, weights=weight[near[row]]).tolist()
        if all(math.dist((x, y), other) > APART_M for other in found):
            found.append((x, y))
        if len(found) == PER_TURN:
            break
    return found
