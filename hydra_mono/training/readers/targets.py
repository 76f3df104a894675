"""Truth that a data set does not bring: borders from labels, normals from depth."""

import numpy as np
from jaxtyping import Float32, UInt8
from scipy import ndimage

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.training.samples import NO_EDGE_KNOWN

MAX_JUMP = 0.06  # relative depth across a window; more means two surfaces


def label_edges(labels: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """1 where the right, lower or lower-right neighbour has another label (the field's way).

    Where either side is unlabelled (0), the border is unknown: 255.
    """
    edges = np.zeros(labels.shape, np.uint8)
    doubt = labels == 0
    for rows, columns in ((0, 1), (1, 0), (1, 1)):
        here = labels[: labels.shape[0] - rows, : labels.shape[1] - columns]
        there = labels[rows:, columns:]
        view = edges[: here.shape[0], : here.shape[1]]
        view[(here != there) & (here > 0) & (there > 0)] = 1
        doubt[: here.shape[0], : here.shape[1]] |= (here != there) & (there == 0)
    edges[doubt] = NO_EDGE_KNOWN
    return edges


def closed_gaps(labels: UInt8[np.ndarray, "h w"], reach_px: int = 5) -> UInt8[np.ndarray, "h w"]:
    """Labels dilated into the unlabelled seams that annotators leave between objects."""
    distance, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    return np.asarray(np.where(distance <= reach_px, labels[tuple(nearest)], labels))


def normals_from_depth(
    depth_m: Float32[np.ndarray, "h w"], camera: Intrinsics, window: int = 9
) -> Float32[np.ndarray, "h w 3"]:
    """Normals of planes fitted to inverse depth over a window; 0 where it holds two surfaces.

    Seen by a pinhole, a plane n·X = d is linear in the image: 1/z = (n·ray)/d, so that the slopes
    of 1/z along x and y are nx/(fx d) and ny/(fy d).
    """
    valid = depth_m > 0
    inverse = np.where(valid, 1 / np.maximum(depth_m, 1e-3), 0).astype(np.float64)
    a, b, mean = _slopes(inverse, window)
    rays = camera_rays(camera).astype(np.float64)
    nx, ny = a * camera.fx, b * camera.fy
    nz = mean - nx * rays[..., 0] - ny * rays[..., 1]
    normals = -np.stack([nx, ny, nz], axis=2)
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-12)
    far = ndimage.maximum_filter(depth_m, window)
    near = ndimage.minimum_filter(np.where(valid, depth_m, 0), window)
    steady = (near > 0) & (far - near < MAX_JUMP * window / 3 * near)
    return np.where(steady[..., None], normals, 0).astype(np.float32)


def _slopes(values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least-squares slope along x and y, and the mean, over a square window."""
    offsets = np.arange(window) - window // 2
    slope = offsets / float((offsets**2).sum())
    flat = np.full(window, 1 / window)

    def fitted(along_rows: np.ndarray, along_columns: np.ndarray) -> np.ndarray:
        rows = ndimage.correlate1d(values, along_rows, axis=1)
        return np.asarray(ndimage.correlate1d(rows, along_columns, axis=0))

    return fitted(slope, flat), fitted(flat, slope), fitted(flat, flat)
