"""One label per voxel with a weight: the weighted majority vote in constant memory."""

import numpy as np
from jaxtyping import Float32, UInt8

_LEAST = 0.53  # log odds 0.12: a label of a lower probability still breaks a tie
_SURE = 0.95  # log odds 2.9 are a whole vote: networks are overconfident above


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
