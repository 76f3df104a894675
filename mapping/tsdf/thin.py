"""Things too thin for the voxels: poles, taps, rods.

A distance field loses what is thinner than a voxel: most rays through its voxels pass it by and
say that they are free. So such things are looked for in the depth images, where they stand out
from what is behind them on both sides, and are counted in the voxels they run through. A voxel
that held one in enough frames shows in the mesh, whatever its distance says, until cameras have
seen through all of it as often.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int, Int32, Int64

from hydra_mono.core.geometry import points_of_pixels
from hydra_mono.mapping.tsdf.attributes import name, paint, stamp
from hydra_mono.mapping.tsdf.blocks import RESOLUTION, VOXELS, BlockPool, VoxelArrays
from hydra_mono.mapping.tsdf.frustum import DepthView
from hydra_mono.mapping.tsdf.fusion import Pixels, Samples

_STRIDE_FOCAL_PX = 175.0  # of the images that are looked at, about; of larger ones not every pixel
_LEAST_PIXELS = 2  # of those looked at, in a voxel
_MOST_FRAMES = 10  # more are not remembered, so that what is gone goes soon
_WEIGHT = 3.0  # of the voxels of thin things: enough that the mesh takes none for a veil
_NEIGHBOURS = np.array([d for d in np.ndindex(3, 3, 3) if d != (1, 1, 1)], np.int32) - 1
_GRID_ORIGIN = 1 << 20  # so that packed voxel numbers are positive
_LOOKS = np.linspace(-1, 1, 7, dtype=np.float32)  # where in a voxel it is looked through


@dataclass(frozen=True, slots=True)
class ThinRule:
    """Metres: how wide and how far off a thing may be, and how much farther what is beside it is.

    One frame of ``every`` is looked at, and ``frames`` of those must show a thing before it is in
    the mesh. ``free_m``: the distance of voxels that were not observed otherwise.
    ``max_label_weight``: see ``semantics.vote``.
    """

    voxel_size_m: float
    free_m: float
    width_m: float
    reach_m: float
    gap_m: float
    frames: int
    every: int
    max_label_weight: float


def thin_pixels(
    depth_m: Float32[np.ndarray, "h w"], focal_px: float, rule: ThinRule
) -> Int64[np.ndarray, " n"]:
    """Flat indices of the pixels, of every so many rows and columns, that show thin things.

    On both sides, along the row or along the column and the width of a thin thing away, the
    depth is greater by a gap.
    """
    stride = max(1, round(focal_px / _STRIDE_FOCAL_PX))
    depth = np.ascontiguousarray(depth_m[::stride, ::stride])
    rows, columns = depth.shape
    flat = depth.ravel()
    near = np.flatnonzero((flat > 0) & (flat < np.float32(rule.reach_m)))
    reach_px = focal_px * rule.width_m / stride
    away = np.ceil(np.float32(reach_px) / flat[near]).astype(np.int32)
    row, column = np.divmod(near.astype(np.int32), np.int32(columns))
    is_thin = _stands_out(flat, near, column, away, (1, columns), rule.gap_m)
    is_thin |= _stands_out(flat, near, row, away, (columns, rows), rule.gap_m)
    row, column = row[is_thin], column[is_thin]
    return np.asarray((row.astype(np.int64) * depth_m.shape[1] + column) * stride)


def _stands_out(
    depth_m: Float32[np.ndarray, " p"],
    pixel: Int64[np.ndarray, " n"],
    place: Int32[np.ndarray, " n"],
    away: Int32[np.ndarray, " n"],
    line: tuple[int, int],
    gap_m: float,
) -> Bool[np.ndarray, " n"]:
    """Whether depth is greater both ways along a line; ``line``: its step and its length."""
    step, length = line
    result = np.zeros(len(pixel), np.bool_)
    chosen = np.flatnonzero((place >= away) & (place < length - away))
    for sign in (-1, 1):
        beside = depth_m[pixel[chosen] + sign * step * away[chosen]]
        chosen = chosen[beside > depth_m[pixel[chosen]] + np.float32(gap_m)]
    result[chosen] = True
    return result


def fuse_thin(
    pool: BlockPool,
    view: DepthView,
    samples: Samples,
    pixels: Pixels,
    rule: ThinRule,
    frame_number: int,
) -> None:
    """Counts the thin things of a frame, and what of those counted before was seen through."""
    if frame_number % rule.every:
        return
    _wear(pool.voxels, samples, pixels, rule)
    pixel = thin_pixels(view.depth_m, pixels.focal_px, rule)
    voxel, first = _voxels_of(pool, view, pixel, rule.voxel_size_m)
    voxels, pixel = pool.voxels, pixel[first]
    evidence = voxels.thin.reshape(-1)
    evidence[voxel] = np.minimum(evidence[voxel] + 1, _MOST_FRAMES)
    weight, sdf_m = voxels.weight.reshape(-1), voxels.sdf_m.reshape(-1)
    sdf_m[voxel[weight[voxel] == 0]] = rule.free_m
    weight[voxel] = np.maximum(weight[voxel], np.float32(_WEIGHT))
    paint(voxels, voxel, np.take(pixels.color, pixel, axis=0))
    if pixels.label is not None:
        votes = np.ones(len(voxel), np.float32)
        name(voxels, voxel, pixels.label[pixel], votes, rule.max_label_weight)
    stamp(voxels, voxel, frame_number)
    pool.touched[voxel // VOXELS] = True


def _voxels_of(
    pool: BlockPool, view: DepthView, pixel: Int64[np.ndarray, " n"], voxel_size_m: float
) -> tuple[Int64[np.ndarray, " m"], Int64[np.ndarray, " m"]]:
    """The voxels next to pixels, of open blocks, each with the first pixel that shows it."""
    camera, pose = view.intrinsics, view.world_from_camera
    row, column = np.divmod(pixel, view.depth_m.shape[1])
    depth_m = view.depth_m.ravel()[pixel].astype(np.float64)
    points_m = points_of_pixels(camera, row, column, depth_m) @ pose[:3, :3].T + pose[:3, 3]
    grid = np.rint(points_m / voxel_size_m).astype(np.int32)
    packed = (grid.astype(np.int64) + _GRID_ORIGIN) @ np.array([1 << 42, 1 << 21, 1])
    _, first, number = np.unique(packed, return_index=True, return_counts=True)
    first = first[number >= _LEAST_PIXELS]
    place = _places(pool, grid[first])
    return place[place >= 0], first[place >= 0]


def _places(pool: BlockPool, grid: Int[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
    """Where in the flat arrays the voxels of a grid are, -1 for those of no open block."""
    block, inside = np.divmod(grid.astype(np.int32), np.int32(RESOLUTION))
    slot = pool.find(np.ascontiguousarray(block))
    place = slot * VOXELS + inside @ np.array([1, RESOLUTION, RESOLUTION**2])
    return np.where(slot >= 0, place, -1)


def _wear(voxels: VoxelArrays, samples: Samples, pixels: Pixels, rule: ThinRule) -> None:
    """Takes back a frame from the voxels that were seen through, wherever one looks in them."""
    chosen = np.flatnonzero(voxels.thin[samples.slots].reshape(-1))
    chosen = chosen[samples.sdf_m[chosen] > rule.gap_m]
    pixel = samples.pixel[chosen]
    z = pixels.depth_m[pixel] - samples.sdf_m[chosen]
    radius_px = np.float32(pixels.focal_px * rule.voxel_size_m) / z
    row, column = np.divmod(pixel, np.int32(pixels.stride))
    rows = _around(row, radius_px, len(pixels.depth_m) // pixels.stride)
    columns = _around(column, radius_px, pixels.stride)
    nearest = pixels.depth_m[rows[:, :, None] * pixels.stride + columns[:, None]].min(axis=(1, 2))
    empty = samples.voxel(chosen[nearest > z + np.float32(rule.gap_m)])
    voxels.thin.reshape(-1)[empty] -= 1


def _around(
    place: Int32[np.ndarray, " n"], radius_px: Float32[np.ndarray, " n"], length: int
) -> Int32[np.ndarray, "n 7"]:
    steps = np.rint(radius_px[:, None] * _LOOKS).astype(np.int32)
    return np.asarray(np.clip(place[:, None] + steps, 0, length - 1))


def lost_things(
    pool: BlockPool,
    keys: Int32[np.ndarray, "n 3"],
    slots: Int64[np.ndarray, " n"],
    sdf_m: Float32[np.ndarray, "n 512"],
    frames: int,
) -> Int64[np.ndarray, " m"]:
    """The voxels (flat, of the given blocks) of thin things that are next to no surface at all.

    ``sdf_m``: the distances of the blocks' voxels. Where a neighbour is solid the map knows the
    thing, or what it stands on, well enough.
    """
    voxel = np.flatnonzero((pool.voxels.thin[slots] >= frames) & (sdf_m > 0))
    block, inside = np.divmod(voxel, VOXELS)
    x, y, z = inside % RESOLUTION, inside // RESOLUTION % RESOLUTION, inside // RESOLUTION**2
    grid = keys[block] * RESOLUTION + np.stack([x, y, z], axis=-1)
    place = _places(pool, (grid[:, None] + _NEIGHBOURS).reshape(-1, 3))
    is_solid = (place >= 0) & (pool.voxels.sdf_m.reshape(-1)[place] < 0)
    is_solid &= pool.voxels.weight.reshape(-1)[place] > 0
    return np.asarray(voxel[~is_solid.reshape(-1, len(_NEIGHBOURS)).any(axis=1)])
