"""Which blocks a depth image observes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int, Int32
from scipy.ndimage import maximum_filter

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import inverse, shared_rays
from hydra_mono.mapping.tsdf.tiles import TILE, Tiles

_COARSEST_STRIDE = 8  # pixels between samples: those of a tile


@dataclass(frozen=True, slots=True)
class DepthView:
    """A cleaned depth image (0: none) and the camera that saw it."""

    depth_m: Float32[np.ndarray, "h w"]
    intrinsics: Intrinsics
    world_from_camera: Float64[np.ndarray, "4 4"]

    @property
    def camera_from_world(self) -> Float64[np.ndarray, "4 4"]:
        return inverse(self.world_from_camera)


def surface_blocks(
    view: DepthView, block_size_m: float, band_m: float, margin_m: float
) -> Int32[np.ndarray, "n 3"]:
    """Keys of the blocks within ``band_m`` of the surface along the rays, sorted.

    Each sample also takes the blocks ``margin_m`` around it, so that every cell the surface
    may cut has all eight corners.
    """
    count = 3 if band_m > block_size_m / 4 else 2
    samples = _samples(view, band_m, count) / np.float32(block_size_m)
    if not samples.size:
        return np.zeros((0, 3), np.int32)
    blocks = np.floor(samples).astype(np.int32)
    inner, margin = samples - blocks, np.float32(margin_m / block_size_m)
    sides = (inner > 1 - margin).astype(np.int32) - (inner < margin)
    lower, upper = blocks.min(axis=1) - 1, blocks.max(axis=1) + 1
    shape = tuple(int(n) for n in upper - lower + 1)
    # Samples differ only by their block and by the sides of it they are close to: 27 kinds.
    kinds = np.zeros((np.prod(shape), 27), np.bool_)
    kinds.reshape(-1)[
        _ravel((blocks - lower[:, None]).T, shape) * 27 + _ravel((sides + 1).T, (3, 3, 3))
    ] = True
    home, kind = np.divmod(np.flatnonzero(kinds), 27)
    home, side = _unravel(home, shape), _unravel(kind, (3, 3, 3)) - 1
    touched = np.zeros(np.prod(shape), np.bool_)
    for corner in np.ndindex(2, 2, 2):
        touched[_ravel(home + side * corner, shape)] = True
    return np.asarray(_unravel(np.flatnonzero(touched), shape) + lower, dtype=np.int32)


def _ravel(index: Int[np.ndarray, "n 3"], shape: tuple[int, ...]) -> Int[np.ndarray, " n"]:
    return np.asarray((index[:, 0] * shape[1] + index[:, 1]) * shape[2] + index[:, 2])


def _unravel(flat: Int[np.ndarray, " n"], shape: tuple[int, ...]) -> Int[np.ndarray, "n 3"]:
    return np.stack(np.unravel_index(flat, shape), axis=-1)


def _samples(view: DepthView, band_m: float, count: int) -> Float32[np.ndarray, "3 n"]:
    """World points along the rays, ``count`` of each from in front of the surface to behind it.

    Rays, too, are at most about a band apart. By axis, which is many times faster to search.
    """
    farthest = max(float(view.depth_m.max(initial=0)), band_m)
    stride = min(_COARSEST_STRIDE, max(1, int(view.intrinsics.fx * band_m / farthest)))
    depth = np.ascontiguousarray(view.depth_m[::stride, ::stride]).reshape(-1)
    seen = np.flatnonzero(depth > 0)
    rays = shared_rays(view.intrinsics, stride).reshape(-1, 3).take(seen, axis=0)
    pose = view.world_from_camera.astype(np.float32)
    axes = pose[:3, :3] @ rays.T
    middle, band = axes * depth.take(seen) + pose[:3, 3:], axes * np.float32(band_m)
    places = np.linspace(-1, 1, count, dtype=np.float32)
    return np.concatenate([middle + band * place for place in places], axis=1)


def in_view(
    view: DepthView,
    tiles: Tiles,
    keys: Int32[np.ndarray, "n 3"],
    block_size_m: float,
    behind_m: float,
) -> Bool[np.ndarray, " n"]:
    """Which blocks lie in the frustum and not wholly deeper than ``behind_m`` behind a surface.

    A few more than the image observes, hardly ever fewer.
    """
    world = (keys + 0.5) * block_size_m
    pose = view.camera_from_world
    x, y, z = pose[:3, :3] @ world.T + pose[:3, 3:4]
    radius = block_size_m * 0.9  # half a diagonal is 0.87 of the edge
    camera = view.intrinsics
    inside = z > -radius
    for a, near, far, focal in (
        (x, camera.cx + 0.5, camera.width - 0.5 - camera.cx, camera.fx),
        (y, camera.cy + 0.5, camera.height - 0.5 - camera.cy, camera.fy),
    ):
        inside &= (focal * a + near * z) > -radius * np.hypot(focal, near)
        inside &= (far * z - focal * a) > -radius * np.hypot(focal, far)
    deepest = np.where(tiles.farthest_m > 0, tiles.farthest_m + behind_m / tiles.cos_incidence, 0)
    inside[inside] = _reached(camera, deepest, np.stack([x, y, z])[:, inside], radius)
    return np.asarray(inside)


def _reached(
    camera: Intrinsics,
    deepest_m: Float32[np.ndarray, "r c"],
    center_m: Float64[np.ndarray, "3 n"],
    radius_m: float,
) -> Bool[np.ndarray, " n"]:
    """Whether balls have points no deeper than the deepest of the tiles they cover."""
    x, y, z = center_m
    z_safe = np.maximum(z, 2 * radius_m)
    radius_px = max(camera.fx, camera.fy) * radius_m / (z_safe - radius_m)
    u = camera.fx * x / z_safe + camera.cx
    v = camera.fy * y / z_safe + camera.cy
    limit = np.full(len(z), deepest_m.max(initial=0))
    size, level = TILE, deepest_m
    while min(level.shape) > 2:
        size, level = 2 * size, _halved(level)
        around = maximum_filter(level, size=3, mode="nearest")
        row = np.clip(v // size, 0, level.shape[0] - 1).astype(np.intp)
        column = np.clip(u // size, 0, level.shape[1] - 1).astype(np.intp)
        # The finest level whose tiles, with their neighbours, cover the ball.
        fits = (z > 2 * radius_m) & (radius_px <= size) & (radius_px > size / 2)
        limit = np.where(fits, around[row, column], limit)
    return np.asarray((limit > 0) & (z - radius_m <= limit))


def _halved(tiles: Float32[np.ndarray, "r c"]) -> Float32[np.ndarray, "s d"]:
    """The maximum of every two by two."""
    rows, columns = (side + side % 2 for side in tiles.shape)
    even = np.zeros((rows, columns), tiles.dtype)
    even[: tiles.shape[0], : tiles.shape[1]] = tiles
    paired = np.maximum(even[::2], even[1::2])
    return np.maximum(paired[:, ::2], paired[:, 1::2])
