"""Normals as data sets store them, brought into our axes (x right, y down, z forward)."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float32

from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays

LEAST_LENGTH = 0.5  # of a stored vector; what is shorter is no normal but grey of an image
EDGE_ON = 0.1  # cosine to the ray; a surface that looks away by less is one seen edge-on
LEAST_AGREEMENT = 0.7  # mean cosine between stored normals and those of the depth

Normals = Float32[np.ndarray, "h w 3"]


def facing_camera(vectors: np.ndarray, camera: Intrinsics) -> Normals:
    """Unit normals that face the camera, from h w 3 vectors in our axes; 0 where unknown.

    A surface seen from behind is turned round. One seen edge-on that looks away by a little is
    taken as unknown: it is a rounded or interpolated normal, and turning it would invent a wall.
    """
    finite = np.where(np.isfinite(vectors), vectors, 0).astype(np.float32)
    length = np.linalg.norm(finite, axis=2, keepdims=True)
    unit = finite / np.maximum(length, LEAST_LENGTH)
    rays = camera_rays(camera)
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    away = (unit * rays).sum(axis=2, keepdims=True)
    turned = np.where(away > EDGE_ON, -unit, unit)
    is_known = (length > LEAST_LENGTH) & ((away <= 0) | (away > EDGE_ON))
    return np.where(is_known, turned, np.float32(0))


def axis_signs(pairs: Iterable[tuple[Normals, np.ndarray]], where: str) -> Float32[np.ndarray, "3"]:
    """The sign of each axis of stored normals, found by comparison with those of the depth.

    ``pairs``: normals of the depth, in our axes, and the stored ones (h w 3). The data sets do
    not write down where their axes point; their depth settles it.

    Raises:
        DataError: no choice of signs makes the two agree; the message begins with ``where``.
    """
    agreement, count = np.zeros(3), 0
    for ours, stored in pairs:
        is_known = (np.abs(ours).sum(axis=2) > 0) & (np.linalg.norm(stored, axis=2) > LEAST_LENGTH)
        agreement += (ours[is_known].astype(np.float64) * stored[is_known]).sum(axis=0)
        count += int(is_known.sum())
    if not count or np.abs(agreement).sum() / count < LEAST_AGREEMENT:
        raise DataError(
            f"{where}: the normals fit the depth with no choice of axes "
            f"(mean cosine {np.abs(agreement).sum() / max(count, 1):.2f}, "
            f"needed {LEAST_AGREEMENT}); are both of the same data set?"
        )
    return np.where(agreement < 0, -1, 1).astype(np.float32)
