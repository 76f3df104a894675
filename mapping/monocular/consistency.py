"""What the frames before contradict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from hydra_mono.core.geometry import inverse
from hydra_mono.mapping.monocular.low_res import LowResEstimate

_NEAREST_M = 0.05  # points nearer to the other camera are not looked up


@dataclass(frozen=True, slots=True)
class Witnesses:
    """How many earlier frames say the same of a pixel, and how many the contrary.

    Of depth a frame that saw through the point contradicts; one that saw something before it
    knows nothing. Of labels only frames that saw the same surface speak.
    """

    same_depth: UInt8[np.ndarray, "h w"]
    other_depth: UInt8[np.ndarray, "h w"]
    same_label: UInt8[np.ndarray, "h w"]
    other_label: UInt8[np.ndarray, "h w"]


def ask(draft: LowResEstimate, past: Sequence[LowResEstimate], tolerance: float) -> Witnesses:
    """Looks the draft's points up in earlier drafts; ``tolerance`` is relative to depth."""
    counts = [np.zeros(draft.usable.shape, np.uint8) for _ in range(4)]
    points_m = draft.rays * draft.depth_m[..., None]
    for other in past:
        z, seen, at = _look_up(points_m, draft, other)
        ratio = z / np.where(seen, other.depth_m[at], 1)
        same = seen & (np.abs(ratio - 1) <= tolerance)
        counts[0] += same
        counts[1] += seen & (ratio < 1 - tolerance)
        if draft.labels is not None and other.labels is not None:
            labelled = same & (draft.labels > 0) & (other.labels[at] > 0)
            alike = other.labels[at] == draft.labels
            counts[2] += labelled & alike
            counts[3] += labelled & ~alike
    return Witnesses(*counts)


def _look_up(
    points_m: Float32[np.ndarray, "h w 3"], draft: LowResEstimate, other: LowResEstimate
) -> tuple[Float32[np.ndarray, "h w"], Bool[np.ndarray, "h w"], tuple[np.ndarray, np.ndarray]]:
    """Depth of the draft's points for the other camera, whether it has depth there, and where."""
    relative = (inverse(other.world_from_camera) @ draft.world_from_camera).astype(np.float32)
    points = points_m @ relative[:3, :3].T + relative[:3, 3]
    camera, z = other.camera, points[..., 2]
    safe = np.maximum(z, np.float32(_NEAREST_M))
    column = np.rint(camera.fx * points[..., 0] / safe + camera.cx).astype(np.intp)
    row = np.rint(camera.fy * points[..., 1] / safe + camera.cy).astype(np.intp)
    inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    at = (np.where(inside, row, 0), np.where(inside, column, 0))
    return z, draft.usable & inside & (z > _NEAREST_M) & other.usable[at], at
