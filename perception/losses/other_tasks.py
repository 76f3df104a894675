# mypy: disable-error-code="no-any-return"
"""Losses of tasks that other data sets than ours have: parts, saliency, disparity.

As Brüggemann et al., ICCV 2021, and Ye and Xu, ECCV 2022, train them. b images of h×w pixels.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

UNKNOWN = 255  # label of pixels without truth; 0 is the background, which is a class


def parts_loss(
    logits: Float[Tensor, "b k h w"], labels: Int64[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """Cross-entropy over the known pixels."""
    value = F.cross_entropy(logits, labels, ignore_index=UNKNOWN, reduction="sum")
    return value / (labels != UNKNOWN).sum().clamp(min=1)


def saliency_loss(
    logits: Float[Tensor, "b 2 h w"], labels: Int64[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """Cross-entropy in which what stands out weighs as much as the rest: with ρ the share of the
    background in the batch, 1 − ρ for it and ρ for what stands out."""
    known = labels != UNKNOWN
    background = (labels == 0).sum() / known.sum().clamp(min=1)
    weight = torch.stack([1 - background, background]).to(logits.dtype)
    value = F.cross_entropy(logits, labels, weight, ignore_index=UNKNOWN, reduction="sum")
    return value / known.sum().clamp(min=1)


def disparity_loss(
    disparity: Float[Tensor, "b 1 h w"], truth: Float[Tensor, "b h w"]
) -> Float[Tensor, ""]:
    """Mean |d − d*| over pixels with truth; negative truth is unknown."""
    known = truth >= 0
    error = torch.where(known, (disparity[:, 0] - truth).abs(), 0.0)
    return error.sum() / known.sum().clamp(min=1)


LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "parts": parts_loss,
    "saliency": saliency_loss,
    "disparity": disparity_loss,
}
