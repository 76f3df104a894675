"""Which blocks a depth image can say something about."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32
from scipy.ndimage import maximum_filter

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays, inverse

_TOUCH_STRIDE = 6  # pixels; at 5 m and a focal length of 525 six pixels are 6 cm apart
_TILE = 32  # pixels


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

    Each sample also claims the blocks ``margin_m`` around it, so that every cell the surface
    may cut has all eight corners.
    """
    samples = _samples(view, band_m)
    if not len(samples):
        return np.zeros((0, 3), np.int32)
    blocks = [np.floor((samples + d) / block_size_m).astype(np.int32) for d in _corners(margin_m)]
    lower = np.min([b.min(axis=0) for b in blocks], axis=0)
    upper = np.max([b.max(axis=0) for b in blocks], axis=0)
    touched = np.zeros(upper - lower + 1, np.bool_)
    for block in blocks:
        touched[tuple((block - lower).T)] = True
    return np.asarray(np.argwhere(touched) + lower, dtype=np.int32)


def _corners(margin_m: float) -> Float64[np.ndarray, "8 3"]:
    signs = np.stack(np.meshgrid([-1, 1], [-1, 1], [-1, 1], indexing="ij"), axis=-1)
    return margin_m * signs.reshape(8, 3).astype(np.float64)


def _samples(view: DepthView, band_m: float) -> Float64[np.ndarray, "n 3"]:
    depth = view.depth_m[::_TOUCH_STRIDE, ::_TOUCH_STRIDE]
    rays = camera_rays(view.intrinsics, _TOUCH_STRIDE)[depth > 0].astype(np.float64)
    depths = depth[depth > 0].astype(np.float64)
    along = np.concatenate([rays * (depths + d)[:, None] for d in (-band_m, 0.0, band_m)])
    rotation, translation = view.world_from_camera[:3, :3], view.world_from_camera[:3, 3]
    return np.asarray(along @ rotation.T + translation)


def in_view(
    view: DepthView, keys: Int32[np.ndarray, "n 3"], block_size_m: float, band_m: float
) -> Bool[np.ndarray, " n"]:
    """Which blocks lie in the frustum and not wholly more than ``band_m`` behind what was seen.

    May say yes to a few too many, never no to one that the image concerns.
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
    inside[inside] = _reached(view, np.stack([x, y, z])[:, inside], radius, band_m)
    return np.asarray(inside)


def _reached(
    view: DepthView, center_m: Float64[np.ndarray, "3 n"], radius_m: float, band_m: float
) -> Bool[np.ndarray, " n"]:
    """Whether a ball may hold points in front of, or little behind, the measured depth."""
    camera = view.intrinsics
    x, y, z = center_m
    z_safe = np.maximum(z, 2 * radius_m)
    radius_px = max(camera.fx, camera.fy) * radius_m / (z_safe - radius_m)
    farthest = np.full(len(z), view.depth_m.max())
    u = camera.fx * x / z_safe + camera.cx
    v = camera.fy * y / z_safe + camera.cy
    fits = z > 2 * radius_m
    tiles = _tile_maximum(view.depth_m)
    for size in (4 * _TILE, 2 * _TILE, _TILE):
        level = tiles if size == _TILE else _coarser(tiles, size // _TILE)
        around = maximum_filter(level, size=3, mode="nearest")
        row = np.clip(v // size, 0, level.shape[0] - 1).astype(np.intp)
        column = np.clip(u // size, 0, level.shape[1] - 1).astype(np.intp)
        farthest = np.where(fits & (radius_px <= size), around[row, column], farthest)
    return np.asarray((farthest > 0) & (z - radius_m <= farthest + band_m))


def _tile_maximum(depth_m: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "r c"]:
    return _coarser(depth_m, _TILE)


def _coarser(image: Float32[np.ndarray, "h w"], factor: int) -> Float32[np.ndarray, "r c"]:
    height, width = (-(-side // factor) * factor for side in image.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: image.shape[0], : image.shape[1]] = image
    shape = (height // factor, factor, width // factor, factor)
    return np.asarray(padded.reshape(shape).max(axis=(1, 3)))
