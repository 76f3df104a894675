"""Which depth and labels earlier frames confirm, and which they contradict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from hydra_mono.core.geometry import inverse
from hydra_mono.mapping.monocular.low_res import LowResEstimate

_NEAREST_M = 0.05  # m; points nearer to the other camera are not compared


@dataclass(frozen=True, slots=True)
class ConsistencyCounts:
    """How many earlier frames agree with a pixel, and how many contradict it.

    A frame contradicts depth when it saw beyond the point; one that saw something in front of it
    says nothing. Labels are compared by frames that saw the same surface.
    """

    same_depth: UInt8[np.ndarray, "h w"]
    other_depth: UInt8[np.ndarray, "h w"]
    same_label: UInt8[np.ndarray, "h w"]
    other_label: UInt8[np.ndarray, "h w"]


def check_multiview_consistency(
    estimate: LowResEstimate, past: Sequence[LowResEstimate], tolerance: float
) -> ConsistencyCounts:
    """Compares the points with earlier estimates; ``tolerance`` is relative to depth."""
    counts = [np.zeros(estimate.usable.shape, np.uint8) for _ in range(4)]
    points_m = estimate.rays * estimate.depth_m[..., None]
    for other in past:
        z, seen, at = _project(points_m, estimate, other)
        ratio = z / np.where(seen, other.depth_m[at], 1)
        same = seen & (np.abs(ratio - 1) <= tolerance)
        counts[0] += same
        counts[1] += seen & (ratio < 1 - tolerance)
        if estimate.labels is not None and other.labels is not None:
            labelled = same & (estimate.labels > 0) & (other.labels[at] > 0)
            alike = other.labels[at] == estimate.labels
            counts[2] += labelled & alike
            counts[3] += labelled & ~alike
    return ConsistencyCounts(*counts)


def _project(
    points_m: Float32[np.ndarray, "h w 3"], estimate: LowResEstimate, other: LowResEstimate
) -> tuple[Float32[np.ndarray, "h w"], Bool[np.ndarray, "h w"], tuple[np.ndarray, np.ndarray]]:
    """Depth of the points for the other camera, whether it has depth there, and where."""
    relative = (inverse(other.world_from_camera) @ estimate.world_from_camera).astype(np.float32)
    points = points_m @ relative[:3, :3].T + relative[:3, 3]
    camera, z = other.camera, points[..., 2]
    safe = np.maximum(z, np.float32(_NEAREST_M))
    column = np.rint(camera.fx * points[..., 0] / safe + camera.cx).astype(np.intp)
    row = np.rint(camera.fy * points[..., 1] / safe + camera.cy).astype(np.intp)
    inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    at = (np.where(inside, row, 0), np.where(inside, column, 0))
    return z, estimate.usable & inside & (z > _NEAREST_M) & other.usable[at], at
