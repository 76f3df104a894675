"""What voxels are told of the surface in them besides where it is: colour, label and stamps."""

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from hydra_mono.mapping.tsdf.blocks import VoxelArrays
from hydra_mono.mapping.tsdf.semantics import vote

_COLOR_FRAMES = 16  # a colour is the mean of about so many frames


def paint(
    voxels: VoxelArrays, voxel: Int64[np.ndarray, " m"], seen: UInt8[np.ndarray, "m 3"]
) -> None:
    """Mixes the colours seen at the places ``voxel`` of the flat arrays into those there."""
    colors = voxels.color.reshape(-1, 3)
    weight = np.clip(voxels.weight.reshape(-1)[voxel], 1, _COLOR_FRAMES)
    fresh = voxels.first_seen.reshape(-1)[voxel] < 0
    share = np.where(fresh, np.float32(1), 1 / weight)
    old = np.take(colors, voxel, axis=0)
    colors[voxel] = old + (seen - old) * share[:, None]


def name(
    voxels: VoxelArrays,
    voxel: Int64[np.ndarray, " m"],
    seen: UInt8[np.ndarray, " m"],
    trust: Float32[np.ndarray, " m"],
    max_weight: float,
) -> None:
    """One vote each; see ``semantics.vote``."""
    labels, weights = voxels.label.reshape(-1), voxels.label_weight.reshape(-1)
    labels[voxel], weights[voxel] = vote(labels[voxel], weights[voxel], seen, trust, max_weight)


def stamp(voxels: VoxelArrays, voxel: Int64[np.ndarray, " m"], frame_number: int) -> None:
    """Notes that frame ``frame_number`` saw a surface there."""
    first = voxels.first_seen.reshape(-1)
    known = first[voxel]
    first[voxel] = np.where(known < 0, np.int32(frame_number), known)
    voxels.last_seen.reshape(-1)[voxel] = frame_number
