"""Euclidean distance to the nearest surface, finer than the voxels it is kept on."""

import numpy as np
from jaxtyping import Bool, Float32, Int32
from scipy import ndimage


def distance_field(
    is_solid: Bool[np.ndarray, "x y z"],
    surface_point: Float32[np.ndarray, "x y z 3"],
    *,
    voxel_size_m: float,
    max_distance_m: float,
) -> tuple[Float32[np.ndarray, "x y z"], Int32[np.ndarray, "x y z 3"]]:
    """Distance of every voxel's centre to the surface in the nearest solid voxel, and that voxel.

    ``surface_point``: where in its voxel the surface lies, 0..1 on each axis; read at solid
    voxels. The nearest solid voxel comes from the exact Euclidean feature transform (Maurer,
    Qi and Raghavan, PAMI 2003); the distance is then taken to the surface point in it, so a
    plane is met to a few millimetres on voxels of 10 cm.
    Where nothing is solid, distances are ``max_distance_m`` and parents the voxels themselves.
    """
    grid = np.indices(is_solid.shape, np.int32)
    if not is_solid.any():
        return (
            np.full(is_solid.shape, max_distance_m, np.float32),
            np.ascontiguousarray(np.moveaxis(grid, 0, -1)),
        )
    parent = ndimage.distance_transform_edt(~is_solid, return_distances=False, return_indices=True)
    nearest = np.ravel_multi_index(tuple(parent), is_solid.shape)
    points = surface_point.reshape(-1, 3)
    square = np.zeros(is_solid.shape, np.float32)
    for axis in range(3):
        gap = parent[axis] - grid[axis] + (points[:, axis][nearest] - np.float32(0.5))
        square += gap * gap
    distance = np.minimum(np.sqrt(square) * np.float32(voxel_size_m), np.float32(max_distance_m))
    distance[is_solid] = 0
    return distance, np.ascontiguousarray(np.moveaxis(parent, 0, -1))
