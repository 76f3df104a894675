# mypy: disable-error-code="no-any-return"
"""A loss on pairs of pixels: features are as alike as the truth is, task by task.

Zhang et al., *Pattern-Affinitive Propagation*, CVPR 2019, train the affinities that they diffuse
along. What makes two pixels alike in each task is here: the same class, the ratio of depths, the
cosine of normals; which pairs are drawn is ours. b images, n pixels of each.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor

PIXELS = 256  # drawn of an image: 65,000 pairs cost less than one convolution

Affinity = tuple[Float[Tensor, "b n n"], Bool[Tensor, "b n n"]]  # and where it is known


def pair_loss(
    features: Float[Tensor, "b c h w"], task: str, truth: Shaped[Tensor, "b k th tw"]
) -> Float[Tensor, ""]:
    """Mean |cosine of the features − affinity of the truth| over known pairs of drawn pixels.

    ``truth``: of any size with the features' proportions; of one channel, but for normals.
    """
    height, width = int(features.shape[2]), int(features.shape[3])
    chosen = torch.randperm(height * width, device=features.device)[:PIXELS]
    units = F.normalize(features.flatten(2)[:, :, chosen].float(), dim=1)  # b c n
    seen = picked(truth, chosen, (height, width))
    affinity, known = AFFINITIES[task](seen)
    error = (torch.einsum("bci,bcj->bij", units, units) - affinity).abs()
    return (error * known).sum() / known.sum().clamp(min=1)


def picked(
    truth: Shaped[Tensor, "b k th tw"], chosen: Int64[Tensor, " n"], size: tuple[int, int]
) -> Shaped[Tensor, "b k n"]:
    """The truth at pixels of a map of ``size``, numbered row by row."""
    rows = (2 * (chosen // size[1]) + 1) * truth.shape[2] // (2 * size[0])
    columns = (2 * (chosen % size[1]) + 1) * truth.shape[3] // (2 * size[1])
    return truth[:, :, rows, columns]


def _same_class(labels: Shaped[Tensor, "b 1 n"]) -> Affinity:
    known = labels[:, 0] > 0
    return (labels[:, 0, :, None] == labels[:, 0, None]).float(), _both(known)


def _depth_ratio(depth_m: Float[Tensor, "b 1 n"]) -> Affinity:
    """The smaller depth by the larger."""
    known = depth_m[:, 0] > 0
    logarithm = depth_m[:, 0].clamp(min=1e-3).log()  # 1 mm; below is no depth
    return (-(logarithm[:, :, None] - logarithm[:, None]).abs()).exp(), _both(known)


def _normal_cosine(normals: Float[Tensor, "b 3 n"]) -> Affinity:
    """None below 0: the features that are compared are not negative."""
    cosine = torch.einsum("bci,bcj->bij", normals, normals).clamp(min=0)
    return cosine, _both(normals.abs().sum(1) > 0)


def _both(known: Bool[Tensor, "b n"]) -> Bool[Tensor, "b n n"]:
    return known[:, :, None] & known[:, None]


AFFINITIES: Mapping[str, Callable[[Tensor], Affinity]] = {
    "semantics": _same_class,
    "depth": _depth_ratio,
    "normals": _normal_cosine,
}
