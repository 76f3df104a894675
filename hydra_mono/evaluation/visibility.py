"""Which points of the true world came into the camera's view."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt8, UInt16

from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.truth import GroundTruth
from hydra_mono.evaluation.inputs import RunInputs
from hydra_mono.evaluation.surface import Surface

_MIN_PERIOD_NS = 300_000_000
_CELL_M = 0.5
_ALWAYS_ALL_POSES = 100
_MIN_COS_INCIDENCE = float(np.cos(np.radians(85.0)))  # flatter than that no depth camera measures


@dataclass(frozen=True, slots=True)
class Targets:
    """Points that may come into view: normal and label of their surface, and whose it is."""

    points_m: Float32[np.ndarray, "n 3"]
    normals: Float64[np.ndarray, "n 3"]
    labels: UInt8[np.ndarray, " n"]
    instances: UInt16[np.ndarray, " n"]


def faces_at(truth: GroundTruth, stamp_ns: int) -> Bool[np.ndarray, " f"]:
    """Triangles of the building and of the objects that are there at a stamp."""
    absent = [
        obj.instance
        for obj in truth.objects
        if (obj.appeared_ns is not None and obj.appeared_ns > stamp_ns)
        or (obj.disappeared_ns is not None and obj.disappeared_ns <= stamp_ns)
    ]
    return ~np.isin(truth.mesh.face_instances, absent)


def seen_targets(targets: Targets, truth: GroundTruth, run: RunInputs) -> Bool[np.ndarray, " n"]:
    """Points inside some view, within range, unhidden, and not at a grazing angle."""
    points_m, normals = targets.points_m, targets.normals
    cells_m, cell_of = _cells(points_m)
    seen = np.zeros(len(points_m), dtype=bool)
    for surface, present, poses in _epochs(truth, run.trajectory):
        candidates = np.isin(targets.instances, present)
        for world_from_camera in poses:
            planes, eye = _frustum(world_from_camera, run), world_from_camera[:3, 3]
            cells = _inside(planes, cells_m, _CELL_M)  # a cell's corners are nearer than that
            near = np.flatnonzero(candidates & ~seen & cells[cell_of])
            near = near[_inside(planes, points_m[near], 0.0)]
            near = near[_is_faced(points_m[near], normals[near], eye)]
            seen[near[surface.unhidden(eye, points_m[near])]] = True
    return seen


def _cells(
    points_m: Float32[np.ndarray, "n 3"],
) -> tuple[Float32[np.ndarray, "c 3"], Int64[np.ndarray, " n"]]:
    """Centres of the cubes of a coarse grid that hold points, and each point's cube."""
    corners = np.floor(points_m / _CELL_M).astype(np.int64)
    keys = (corners << (0, 21, 42)).sum(axis=1)  # one integer sorts faster than three
    _, first, cell_of = np.unique(keys, return_index=True, return_inverse=True)
    centres = ((corners[first] + 0.5) * _CELL_M).astype(np.float32)
    return centres, np.asarray(cell_of, dtype=np.int64)


def chosen_poses(stamps_ns: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " k"]:
    """Indices of poses at least 0.3 s apart; of a short run, all."""
    if len(stamps_ns) <= _ALWAYS_ALL_POSES:
        return np.arange(len(stamps_ns), dtype=np.int64)
    kept = [0]
    for index, stamp in enumerate(stamps_ns):
        if stamp - stamps_ns[kept[-1]] >= _MIN_PERIOD_NS:
            kept.append(index)
    return np.array(kept, dtype=np.int64)


def _epochs(
    truth: GroundTruth, trajectory: Trajectory
) -> Iterator[tuple[Surface, UInt16[np.ndarray, " i"], Float64[np.ndarray, "k 4 4"]]]:
    """Spans in which nothing comes or goes: the surface, who is there, the poses."""
    changes = [
        stamp
        for obj in truth.objects
        for stamp in (obj.appeared_ns, obj.disappeared_ns)
        if stamp is not None
    ]
    chosen = chosen_poses(trajectory.stamps_ns)
    epochs = np.searchsorted(np.unique(changes), trajectory.stamps_ns[chosen], side="right")
    for epoch in np.unique(epochs):
        members = chosen[epochs == epoch]
        faces = faces_at(truth, int(trajectory.stamps_ns[members[0]]))
        surface = Surface(truth.mesh.vertices_m, truth.mesh.faces[faces])
        present = np.unique(truth.mesh.face_instances[faces])
        yield surface, present, trajectory.world_from_camera[members]


def _frustum(
    world_from_camera: Float64[np.ndarray, "4 4"], run: RunInputs
) -> Float64[np.ndarray, "6 4"]:
    """Planes (unit normal inwards, offset) round what the camera sees: sides, eye, range."""
    camera: Intrinsics = run.intrinsics
    normals = np.array(
        [
            [camera.fx, 0.0, camera.cx + 0.5],
            [-camera.fx, 0.0, camera.width - 0.5 - camera.cx],
            [0.0, camera.fy, camera.cy + 0.5],
            [0.0, -camera.fy, camera.height - 0.5 - camera.cy],
            [0.0, 0.0, 1.0],
            [0.0, 0.0, -1.0],
        ]
    )
    normals = normals / np.linalg.norm(normals, axis=1)[:, None]
    normals = normals @ world_from_camera[:3, :3].T
    offsets = -normals @ world_from_camera[:3, 3]
    offsets[-1] += run.max_depth_m
    return np.column_stack([normals, offsets])


def _inside(
    planes: Float64[np.ndarray, "6 4"], points_m: Float32[np.ndarray, "n 3"], margin_m: float
) -> Bool[np.ndarray, " n"]:
    """Points inside all planes, or outside by no more than the margin."""
    x, y, z = points_m.T
    inside = np.ones(len(points_m), dtype=bool)
    for a, b, c, d in planes.astype(np.float32):
        inside &= a * x + b * y + c * z + d >= -margin_m
    return inside


def _is_faced(
    points_m: Float32[np.ndarray, "n 3"],
    normals: Float64[np.ndarray, "n 3"],
    eye_m: Float64[np.ndarray, "3"],
) -> Bool[np.ndarray, " n"]:
    """Sides are not told apart: a sheet without thickness is seen from both."""
    toward = points_m - eye_m
    cos = np.abs(np.sum(toward * normals, axis=1)) / np.maximum(
        np.linalg.norm(toward, axis=1), 1e-9
    )
    return np.asarray(cos >= _MIN_COS_INCIDENCE)
