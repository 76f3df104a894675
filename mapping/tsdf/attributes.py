"""What a voxel stores of the surface in it besides its distance: colour, label and timestamps."""

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from hydra_mono.mapping.tsdf.blocks import VoxelArrays
from hydra_mono.mapping.tsdf.semantics import vote

_COLOR_FRAMES = 16  # a colour is the mean of about so many frames: noise is down to a quarter


def fuse_color(
    voxels: VoxelArrays, voxel: Int64[np.ndarray, " m"], seen: UInt8[np.ndarray, "m 3"]
) -> None:
    """Averages observed colours into those of voxels, given as indices into the flat arrays."""
    colors = voxels.color.reshape(-1, 3)
    weight = np.clip(voxels.weight.reshape(-1).take(voxel), 1, _COLOR_FRAMES)
    weight[voxels.first_seen.reshape(-1).take(voxel) < 0] = 1
    old = np.take(colors, voxel, axis=0)
    mean = old + (seen - old) * (1 / weight)[:, None]
    colors.view("V12")[voxel, 0] = mean.view("V12")[:, 0]  # three floats at once


def fuse_label(
    voxels: VoxelArrays,
    voxel: Int64[np.ndarray, " m"],
    seen: UInt8[np.ndarray, " m"],
    weight: Float32[np.ndarray, " m"],
    max_weight: float,
) -> None:
    """One weighted vote each; see ``semantics.vote``."""
    labels, weights = voxels.label.reshape(-1), voxels.label_weight.reshape(-1)
    known = labels.take(voxel), weights.take(voxel)
    labels[voxel], weights[voxel] = vote(*known, seen, weight, max_weight)


def update_timestamps(
    voxels: VoxelArrays, voxel: Int64[np.ndarray, " m"], frame_number: int
) -> None:
    """Records that frame ``frame_number`` saw a surface in voxels."""
    first = voxels.first_seen.reshape(-1)
    first[voxel[first.take(voxel) < 0]] = frame_number
    voxels.last_seen.reshape(-1)[voxel] = frame_number
