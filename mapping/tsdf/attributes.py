"""What a voxel stores of the surface in it besides its distance: colour, label and timestamps.

One label a voxel with a weight: the weighted majority vote in constant memory.
"""

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from hydra_mono.mapping.tsdf.blocks import VoxelArrays

_COLOR_FRAMES = 16  # a colour is the mean of about so many frames: noise is down to a quarter
_LEAST = 0.53  # log odds 0.12: a label of a lower probability still breaks a tie
_SURE = 0.95  # log odds 2.9 are a whole vote: networks are overconfident above


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
    """One weighted vote each; see ``vote``."""
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


def vote(
    label: UInt8[np.ndarray, " n"],
    weight: Float32[np.ndarray, " n"],
    seen_label: UInt8[np.ndarray, " n"],
    seen_weight: Float32[np.ndarray, " n"],
    max_weight: float,
) -> tuple[UInt8[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
    """The stored vote after one observation each.

    The majority vote of Boyer and Moore (1981) with weights: the same label adds its weight;
    another subtracts, and takes over once it weighs at least what is left. Label 0 is unknown
    and changes nothing. ``max_weight`` bounds how many votes change a label.
    """
    same = label == seen_label
    known = (seen_label != 0) & (seen_weight > 0)
    takes_over = known & ~same & (seen_weight >= weight)
    votes = np.where(same, weight + seen_weight, np.abs(weight - seen_weight))
    votes = np.minimum(votes, np.float32(max_weight))
    return np.where(takes_over, seen_label, label), np.where(known, votes, weight)


def vote_weight(confidence: Float32[np.ndarray, "*size"]) -> Float32[np.ndarray, "*size"]:
    """Weight of a label by the probability a network gives it: its log odds.

    Log odds of independent observations of one label add up, so that is what votes should weigh.
    1 from a probability of 0.95 on; below one half a little still, for where nothing better is
    known.
    """
    p = np.clip(confidence, np.float32(_LEAST), np.float32(_SURE))
    return np.asarray(np.log(p / (1 - p)) / np.float32(np.log(_SURE / (1 - _SURE))), np.float32)
