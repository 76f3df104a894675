"""Observed free space around the camera, with the distance to the nearest surface."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, UInt8


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """A box of the Euclidean signed distance field (its positive side), world-aligned.

    Voxel (i, j, k) is centred at ``(lower + (i, j, k) + 0.5) * voxel_size_m``: ``lower`` is an
    integer offset on one fixed world grid, so boxes of different updates share voxels.
    ``observed_free``: seen empty by a camera and not a surface. ``distance_m``: from the centre
    of a free voxel to the nearest surface, capped at ``max_distance_m``; 0 at other voxels.
    ``parent``: world-grid index of that nearest surface voxel (the basis point of the GVD),
    valid where distance < max_distance_m.
    ``changed_lower``/``changed_upper``: sub-box (voxel indices relative to ``lower``, upper
    exclusive) outside which no voxel became free, solid or unknown since the last update;
    distances may have changed wherever they reach into it.
    ``surface_offset``: where in a surface voxel the surface lies, in 1/256 of a voxel on each
    axis; None: in the middle.
    ``exact_lower_m``/``exact_upper_m``: the box inside which every surface was taken into
    account; a distance that reaches out of it is only an upper bound. None: unbounded.
    ``unseen``: neither observed free nor a surface; None where that is not known.
    ``window_center_m``/``window_radius_m``: the ball outside which nothing will change soon;
    no centre means that everything may.
    """

    voxel_size_m: float
    max_distance_m: float
    lower: Int32[np.ndarray, "3"]
    observed_free: Bool[np.ndarray, "x y z"]
    distance_m: Float32[np.ndarray, "x y z"]
    parent: Int32[np.ndarray, "x y z 3"]
    changed_lower: Int32[np.ndarray, "3"]
    changed_upper: Int32[np.ndarray, "3"]
    surface_offset: UInt8[np.ndarray, "x y z 3"] | None = None
    unseen: Bool[np.ndarray, "x y z"] | None = None
    exact_lower_m: Float64[np.ndarray, "3"] | None = None
    exact_upper_m: Float64[np.ndarray, "3"] | None = None
    window_center_m: Float64[np.ndarray, "3"] | None = None
    window_radius_m: float = float("inf")

    def voxel_of(self, points_m: Float64[np.ndarray, "n 3"]) -> Int32[np.ndarray, "n 3"]:
        """Box-relative voxel index of world points (may lie outside the box)."""
        grid = np.floor(points_m / self.voxel_size_m).astype(np.int32)
        return np.asarray(grid - self.lower, dtype=np.int32)

    def is_free(self, points_m: Float64[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
        """Whether points were seen to be empty; nothing is known outside the box."""
        voxels = self.voxel_of(points_m)
        inside = np.all((voxels >= 0) & (voxels < self.observed_free.shape), axis=1)
        free = np.zeros(len(points_m), np.bool_)
        free[inside] = self.observed_free[tuple(voxels[inside].T)]
        return free

    def centre_of(self, voxels: Int32[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """World centre of box-relative voxels, metres."""
        return np.asarray((voxels + self.lower + 0.5) * self.voxel_size_m)

    def exact_up_to_m(self, points_m: Float64[np.ndarray, "n 3"]) -> Float64[np.ndarray, " n"]:
        """Up to which value ``distance_m`` is exact at points; beyond, it is an upper bound."""
        if self.exact_lower_m is None or self.exact_upper_m is None:
            return np.full(len(points_m), np.inf)
        gaps = np.minimum(points_m - self.exact_lower_m, self.exact_upper_m - points_m)
        return np.asarray(np.maximum(gaps.min(axis=1), 0.0))
