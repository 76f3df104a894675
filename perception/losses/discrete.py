# mypy: disable-error-code="no-any-return"
"""Losses of auxiliary heads that tell a task's value as one of a few classes.

Brüggemann et al., ICCV 2021: depth in 40 bins of equal ratio from 0.7 to 10 m, normals by the
nearest of 40 directions, edges as no and yes. b images of h×w pixels.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

NEAREST_M, FARTHEST_M = 0.7, 10.0  # of ATRC's bins
NOTHING = -1  # class of pixels without truth


def depth_bins(truth_m: Float[Tensor, "b 1 h w"], bins: int) -> Int64[Tensor, "b h w"]:
    """⌊bins · ln(z/near) / ln(far/near)⌋, cut to the first and last bin; −1 without truth."""
    depth = truth_m[:, 0]
    share = (depth.clamp(min=1e-3) / NEAREST_M).log() / math.log(FARTHEST_M / NEAREST_M)
    index = (bins * share).floor().clamp(0, bins - 1).long()
    return torch.where(depth > 0, index, NOTHING)


def normal_clusters(truth: Float[Tensor, "b 3 h w"], count: int) -> Int64[Tensor, "b h w"]:
    """The nearest of ``count`` directions; −1 where there is no normal."""
    cosine = torch.einsum("bchw,kc->bkhw", truth, directions(count).to(truth))
    return torch.where(truth.square().sum(1) > 0.25, cosine.argmax(1), NOTHING)


def directions(count: int) -> Float[Tensor, "k 3"]:
    """Unit vectors spread evenly over the half sphere that faces the camera (a Fibonacci lattice;
    ATRC's are cluster centres of its training set)."""
    index = torch.arange(count) + 0.5
    z = -index / count
    radius = (1 - z.square()).sqrt()
    turn = math.pi * (1 + math.sqrt(5)) * index
    return torch.stack([radius * turn.cos(), radius * turn.sin(), z], dim=1)


def discrete_loss(
    logits: Float[Tensor, "b k h w"], labels: Int64[Tensor, "b fh fw"]
) -> Float[Tensor, ""]:
    """Cross-entropy; the logits are resized to the labels, −1 is left out."""
    logits = F.interpolate(logits, labels.shape[1:], mode="bilinear", align_corners=False)
    count = (labels != NOTHING).sum().clamp(min=1)
    return F.cross_entropy(logits, labels, ignore_index=NOTHING, reduction="sum") / count


def edge_class_loss(
    logits: Float[Tensor, "b 2 h w"],
    truth: Float[Tensor, "b 1 fh fw"],
    known: Bool[Tensor, "b 1 fh fw"],
    *,
    positive_weight: float,
) -> Float[Tensor, ""]:
    """Cross-entropy of no and yes, weighed by 1 − w and w."""
    logits = F.interpolate(logits, truth.shape[2:], mode="bilinear", align_corners=False)
    weight = logits.new_tensor([1 - positive_weight, positive_weight])
    labels = torch.where(known[:, 0], (truth[:, 0] > 0.5).long(), NOTHING)
    value = F.cross_entropy(logits, labels, weight, ignore_index=NOTHING, reduction="sum")
    return value / known.sum().clamp(min=1)
