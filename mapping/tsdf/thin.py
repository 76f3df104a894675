"""Structures thinner than a voxel: poles, taps, rods.

A distance field loses what is thinner than a voxel: most rays through its voxels miss it and
observe free space. So thin structures are found in the depth images, as strips of foreground with
background on both sides, and counted in the voxels they run through. A voxel that held one in
enough frames is meshed, whatever its distance, until it was seen to be free all over in as many.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int, Int32, Int64

from hydra_mono.core.geometry import points_of_pixels
from hydra_mono.core.map import voxel_keys
from hydra_mono.mapping.tsdf.attributes import fuse_color, fuse_label, update_timestamps
from hydra_mono.mapping.tsdf.blocks import RESOLUTION, VOXELS, BlockPool, VoxelArrays
from hydra_mono.mapping.tsdf.frustum import DepthView
from hydra_mono.mapping.tsdf.fusion import Pixels, Samples

_STRIDE_FOCAL_PX = 175.0  # of the subsampled image: a voxel of 5 cm at 4 m is 2 px wide
_LEAST_PIXELS = 2  # in a voxel: one alone may be noise
_MOST_FRAMES = 10  # remembered, so that what is gone is gone after as many
_WEIGHT = 3.0  # of voxels with thin structures: above 2.5, below which remesh sees artifacts
_NEIGHBOURS = np.array([d for d in np.ndindex(3, 3, 3) if d != (1, 1, 1)], np.int32) - 1
_SAMPLES = np.linspace(-1, 1, 7, dtype=np.float32)  # across a voxel and its neighbours: 1.7 cm


@dataclass(frozen=True, slots=True)
class ThinRule:
    """How wide and how far away thin structures are, and how far in front of their background."""

    voxel_size_m: float
    free_m: float = 0.15  # m; distance of voxels that were not observed otherwise: the truncation
    width_m: float = 0.05  # m; wider ones leave a trace in voxels of 5 cm
    max_depth_m: float = 4.0  # m; beyond, a pole of 2 cm is under 1 px wide
    gap_m: float = 0.06  # m; four deviations of a depth camera at 3 m
    every: int = 3  # one frame of so many: neighbours at 30 Hz show the same
    max_label_weight: float = 10.0  # see semantics.vote


def thin_pixels(
    depth_m: Float32[np.ndarray, "h w"], focal_px: float, rule: ThinRule
) -> Int64[np.ndarray, " n"]:
    """Flat indices of the pixels of the subsampled image that show thin structures.

    On both sides, along the row or along the column and ``width_m`` away, the depth is greater by
    ``gap_m``.
    """
    stride = max(1, round(focal_px / _STRIDE_FOCAL_PX))
    depth = np.ascontiguousarray(depth_m[::stride, ::stride])
    rows, columns = depth.shape
    flat = depth.ravel()
    near = np.flatnonzero((flat > 0) & (flat < np.float32(rule.max_depth_m)))
    width_px = focal_px * rule.width_m / stride
    away = np.ceil(np.float32(width_px) / flat[near]).astype(np.int32)
    row, column = np.divmod(near.astype(np.int32), np.int32(columns))
    is_thin = _is_foreground_strip(flat, near, column, away, (1, columns), rule.gap_m)
    is_thin |= _is_foreground_strip(flat, near, row, away, (columns, rows), rule.gap_m)
    row, column = row[is_thin], column[is_thin]
    return np.asarray((row.astype(np.int64) * depth_m.shape[1] + column) * stride)


def _is_foreground_strip(
    depth_m: Float32[np.ndarray, " p"],
    pixel: Int64[np.ndarray, " n"],
    place: Int32[np.ndarray, " n"],
    away: Int32[np.ndarray, " n"],
    line: tuple[int, int],
    gap_m: float,
) -> Bool[np.ndarray, " n"]:
    """Whether depth is greater on both sides along a line; ``line``: its step and its length."""
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
    """Counts the thin structures of a frame, and takes back those it shows to be free space."""
    if frame_number % rule.every:
        return
    _decay_evidence(pool.voxels, samples, pixels, rule)
    pixel = thin_pixels(view.depth_m, pixels.focal_px, rule)
    voxel, first = _voxels_of(pool, view, pixel, rule.voxel_size_m)
    voxels, pixel = pool.voxels, pixel[first]
    evidence = voxels.thin.reshape(-1)
    evidence[voxel] = np.minimum(evidence[voxel] + 1, _MOST_FRAMES)
    weight, sdf_m = voxels.weight.reshape(-1), voxels.sdf_m.reshape(-1)
    sdf_m[voxel[weight[voxel] == 0]] = rule.free_m
    weight[voxel] = np.maximum(weight[voxel], np.float32(_WEIGHT))
    fuse_color(voxels, voxel, np.take(pixels.color, pixel, axis=0))
    if pixels.label is not None:
        votes = np.ones(len(voxel), np.float32)
        fuse_label(voxels, voxel, pixels.label[pixel], votes, rule.max_label_weight)
    update_timestamps(voxels, voxel, frame_number)
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
    _, first, number = np.unique(voxel_keys.pack(grid), return_index=True, return_counts=True)
    first = first[number >= _LEAST_PIXELS]
    place = _places(pool, grid[first])
    return place[place >= 0], first[place >= 0]


def _places(pool: BlockPool, grid: Int[np.ndarray, "n 3"]) -> Int64[np.ndarray, " n"]:
    """Where in the flat arrays the voxels of a grid are, -1 for those of no open block."""
    block, inside = np.divmod(grid.astype(np.int32), np.int32(RESOLUTION))
    slot = pool.find(np.ascontiguousarray(block))
    place = slot * VOXELS + inside @ np.array([1, RESOLUTION, RESOLUTION**2])
    return np.where(slot >= 0, place, -1)


def _decay_evidence(voxels: VoxelArrays, samples: Samples, pixels: Pixels, rule: ThinRule) -> None:
    """Takes back a frame from the voxels all of whose samples were seen to be free."""
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
    steps = np.rint(radius_px[:, None] * _SAMPLES).astype(np.int32)
    return np.asarray(np.clip(place[:, None] + steps, 0, length - 1))


def thin_voxels_to_mesh(
    pool: BlockPool,
    keys: Int32[np.ndarray, "n 3"],
    slots: Int64[np.ndarray, " n"],
    sdf_m: Float32[np.ndarray, "n 512"],
    frames: int,
) -> Int64[np.ndarray, " m"]:
    """The voxels (flat, of the given blocks) of thin structures that no surface is next to.

    ``sdf_m``: the distances of the blocks' voxels. Where a neighbour is solid, the distance field
    has the structure already, or what it stands on.
    """
    voxel = np.flatnonzero((pool.voxels.thin[slots] >= frames) & (sdf_m > 0))
    block, inside = np.divmod(voxel, VOXELS)
    x, y, z = inside % RESOLUTION, inside // RESOLUTION % RESOLUTION, inside // RESOLUTION**2
    grid = keys[block] * RESOLUTION + np.stack([x, y, z], axis=-1)
    place = _places(pool, (grid[:, None] + _NEIGHBOURS).reshape(-1, 3))
    is_solid = (place >= 0) & (pool.voxels.sdf_m.reshape(-1)[place] < 0)
    is_solid &= pool.voxels.weight.reshape(-1)[place] > 0
    return np.asarray(voxel[~is_solid.reshape(-1, len(_NEIGHBOURS)).any(axis=1)])
