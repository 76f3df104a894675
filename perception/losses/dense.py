# mypy: disable-error-code="no-any-return"
"""Losses of multi-task dense prediction, each with its equation and where it comes from.

b images of h×w pixels. A mean over no pixels is 0, so that a batch without truth of one kind
trains the other tasks.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

IGNORED = 0  # label of pixels without truth


def semantic_loss(
    logits: Float[Tensor, "b k h w"],
    labels: Int64[Tensor, "b fh fw"],
    class_weight: Float[Tensor, " k"] | None = None,
) -> Float[Tensor, ""]:
    """Cross-entropy −log p(label), weighed by class; pixels with label 0 are left out.

    ``labels`` may be a whole number of times finer: each of them counts for its cell's logits.
    """
    rows, columns = (labels.shape[k] // logits.shape[k + 1] for k in (1, 2))
    b, fine_height, fine_width = labels.shape
    cells = labels.view(b, fine_height // rows, rows, fine_width // columns, columns)
    fine = cells.permute(0, 2, 4, 1, 3).flatten(1, 2)  # b n h w
    weight = (fine != IGNORED).to(logits.dtype)
    if class_weight is not None:
        weight = weight * class_weight[fine]
    share = logits.log_softmax(1).gather(1, fine)
    return -(share * weight).sum() / weight.sum().clamp(min=1e-6)


def depth_loss(
    depth_m: Float[Tensor, "b 1 h w"],
    truth_m: Float[Tensor, "b 1 h w"],
    *,
    invariance: float = 0.85,
    l1_weight: float = 0.5,
    log_weight: float = 1.0,
    ratio_weight: float = 1.0,
) -> Float[Tensor, ""]:
    """Scale-invariant log error, L1 and L1 of the logarithms; truth 0 is left out.

    With d = log z − log z*: √(mean d² − λ (mean d)²) of each image (Eigen et al., NIPS 2014,
    eq. 4; the root as in Lee et al., 2019), plus mean |z − z*|, plus mean |d|. The first hardly
    sees how large an image is as a whole, the second hardly sees near ones: only the last holds
    those to their scale.
    """
    valid = truth_m > 0
    difference = torch.where(valid, depth_m.log() - truth_m.clamp(min=1e-3).log(), 0.0)
    count, pixels = valid.sum((1, 2, 3)).clamp(min=1), valid.sum().clamp(min=1)
    mean = difference.sum((1, 2, 3)) / count
    square = difference.square().sum((1, 2, 3)) / count
    scale_invariant = (square - invariance * mean.square() + 1e-6).sqrt()
    absolute = torch.where(valid, (depth_m - truth_m).abs(), 0.0).sum() / pixels
    ratio = difference.abs().sum() / pixels
    return log_weight * scale_invariant.mean() + l1_weight * absolute + ratio_weight * ratio


def depth_gradient_loss(
    depth_m: Float[Tensor, "b 1 h w"], truth_m: Float[Tensor, "b 1 h w"], *, scales: int = 3
) -> Float[Tensor, ""]:
    """Sharp steps and flat planes: mean |∂x d| + |∂y d| of d = log z − log z*, over scales.

    Of every second, fourth … pixel at the coarser scales (Li and Snavely, MegaDepth, CVPR 2018,
    eq. 4). Pairs of which one has no truth are left out.
    """
    valid = truth_m > 0
    difference = torch.where(valid, depth_m.log() - truth_m.clamp(min=1e-3).log(), 0.0)
    total = difference.new_zeros(())
    for scale in range(scales):
        step = 2**scale
        d, known = difference[..., ::step, ::step], valid[..., ::step, ::step]
        along_u = (d[..., 1:] - d[..., :-1]).abs()
        along_v = (d[..., 1:, :] - d[..., :-1, :]).abs()
        total = total + _mean(along_u, known[..., 1:] & known[..., :-1])
        total = total + _mean(along_v, known[..., 1:, :] & known[..., :-1, :])
    return total


def berhu_loss(
    depth_m: Float[Tensor, "b 1 h w"], truth_m: Float[Tensor, "b 1 h w"], *, share: float = 0.2
) -> Float[Tensor, ""]:
    """Reverse Huber (Laina et al., 3DV 2016, eq. 1): |e| up to c, beyond it (e² + c²)/(2c).

    c is ``share`` of the largest error in the batch.
    """
    valid = truth_m > 0
    error = torch.where(valid, (depth_m - truth_m).abs(), 0.0)
    c = (share * error.max()).detach().clamp(min=1e-6)
    value = torch.where(error <= c, error, (error.square() + c.square()) / (2 * c))
    return value.sum() / valid.sum().clamp(min=1)


def normal_loss(
    normals: Float[Tensor, "b 3 h w"], truth: Float[Tensor, "b 3 h w"]
) -> Float[Tensor, ""]:
    """1 − cos of the angle between unit normals; truth of length 0 is left out."""
    valid = truth.square().sum(1) > 0.25
    cosine = (F.normalize(normals, dim=1) * F.normalize(truth, dim=1)).sum(1)
    return _mean(1 - cosine, valid)


def edge_loss(
    logits: Float[Tensor, "b 1 h w"],
    truth: Float[Tensor, "b 1 h w"],
    known: Bool[Tensor, "b 1 h w"],
    *,
    positive_weight: float | None = None,
) -> Float[Tensor, ""]:
    """Balanced binary cross-entropy −β y log p − (1−β)(1−y) log(1−p).

    β is ``positive_weight``, or the share of pixels that are no edges (Xie and Tu, ICCV 2015,
    eq. 2).
    """
    positive = (truth > 0.5) & known
    if positive_weight is None:
        beta = 1 - positive.sum() / known.sum().clamp(min=1)
    else:
        beta = torch.tensor(positive_weight, device=logits.device)
    weight = torch.where(positive, beta, 1 - beta)
    value = F.binary_cross_entropy_with_logits(logits, positive.to(logits.dtype), reduction="none")
    return _mean(weight * value, known)


def depth_normal_consistency(
    depth_m: Float[Tensor, "b 1 h w"],
    normals: Float[Tensor, "b 3 h w"],
    camera: Float[Tensor, "b 4"],
    smooth: Bool[Tensor, "b 1 h w"],
) -> Float[Tensor, ""]:
    """1 − cos between the predicted normals and those of the predicted depth's surface.

    Points X = z·ray; the normal is ∂X/∂v × ∂X/∂u, which faces the camera (Qi et al., GeoNet, CVPR
    2018, use the same tie). ``camera``: fx, fy, cx, cy in pixels of these maps. Only ``smooth``
    pixels count: across borders of objects there is no one surface.
    """
    points = depth_m * rays_of(camera, (depth_m.shape[2], depth_m.shape[3]))  # b 3 h w
    along_u = points[:, :, 1:-1, 2:] - points[:, :, 1:-1, :-2]
    along_v = points[:, :, 2:, 1:-1] - points[:, :, :-2, 1:-1]
    surface = F.normalize(torch.linalg.cross(along_v, along_u, dim=1), dim=1, eps=1e-9)
    cosine = (surface * normals[:, :, 1:-1, 1:-1]).sum(1)
    return _mean(1 - cosine, smooth[:, 0, 1:-1, 1:-1])


def edge_semantic_consistency(
    edge_logits: Float[Tensor, "b 1 h w"], logits: Float[Tensor, "b k h w"]
) -> Float[Tensor, ""]:
    """Semantics may only change where there is an edge: mean max(0, t − p).

    t is the total variation distance ½ Σ |p_k − p'_k| between a pixel's class probabilities and
    those of its right and lower neighbours, p the probability of an edge there.
    """
    share = logits.softmax(1)
    edge = edge_logits.sigmoid()[:, 0]
    right = (share[..., 1:] - share[..., :-1]).abs().sum(1) / 2
    below = (share[:, :, 1:] - share[:, :, :-1]).abs().sum(1) / 2
    across = torch.maximum(edge[..., 1:], edge[..., :-1])
    down = torch.maximum(edge[:, 1:], edge[:, :-1])
    return F.relu(right - across).mean() + F.relu(below - down).mean()


def rays_of(camera: Float[Tensor, "b 4"], size: tuple[int, int]) -> Float[Tensor, "b 3 h w"]:
    """Directions through pixel centres with z = 1."""
    fx, fy, cx, cy = (value[:, None, None] for value in camera.unbind(1))
    v = torch.arange(size[0], device=camera.device, dtype=camera.dtype)[None, :, None]
    u = torch.arange(size[1], device=camera.device, dtype=camera.dtype)[None, None]
    x = ((u - cx) / fx).expand(-1, size[0], -1)
    y = ((v - cy) / fy).expand(-1, -1, size[1])
    return torch.stack([x, y, torch.ones_like(x)], dim=1)


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(chosen, values, 0.0).sum() / chosen.sum().clamp(min=1)
