"""Borders of objects from all that an image's truth holds: labels, instances, depth."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, Int32, UInt8, UInt16
from torch import Tensor

from hydra_mono.training.samples import NO_EDGE_KNOWN

DEPTH_STEP = 0.08  # relative; twice the noise of a depth camera at 5 m, so that walls stay whole


def edge_map(
    labels: UInt8[np.ndarray, "h w"],
    instances: UInt16[np.ndarray, "h w"] | None,
    depth_m: Float32[np.ndarray, "h w"],
) -> UInt8[np.ndarray, "h w"]:
    """``edge_maps`` of one image that lies in numpy arrays; without instances labels alone tell."""
    numbers = np.zeros(labels.shape, np.int32) if instances is None else instances.astype(np.int32)
    images = (np.ascontiguousarray(image)[None] for image in (labels, numbers, depth_m))
    found = edge_maps(*(torch.from_numpy(image) for image in images))
    return np.asarray(found[0].numpy())


def edge_maps(
    labels: UInt8[Tensor, "b h w"],
    instances: Int32[Tensor, "b h w"],
    depth_m: Float32[Tensor, "b h w"],
) -> UInt8[Tensor, "b h w"]:
    """1 where a pixel's right or lower neighbour is another object, or much nearer or farther.

    255 where that cannot be told: no step in depth, and the pixel or a neighbour without a label.
    Depth is planar z in metres, 0 where nothing was measured.
    """
    border, doubt = torch.zeros_like(labels, dtype=torch.bool), labels == 0
    for axis in (1, 2):
        first, second = _neighbours(labels, axis)
        known = (first > 0) & (second > 0)
        other = (first != second) | torch.ne(*_neighbours(instances, axis))
        size = labels.shape[axis] - 1
        border.narrow(axis, 0, size).logical_or_((other & known) | _jumps(depth_m, axis))
        doubt.narrow(axis, 0, size).logical_or_(~known)
    return border.to(torch.uint8).masked_fill_(doubt & ~border, NO_EDGE_KNOWN)


def _neighbours(image: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    size = image.shape[axis] - 1
    return image.narrow(axis, 0, size), image.narrow(axis, 1, size)


def _jumps(depth_m: Float32[Tensor, "b h w"], axis: int) -> Bool[Tensor, "b i j"]:
    """A step between neighbours that a plane does not explain: curvature counts, slopes do not."""
    rim = (0, 0, 1, 1) if axis == 1 else (1, 1, 0, 0)
    wide = F.pad(depth_m[:, None], rim, mode="replicate")[:, 0]
    curvature = wide.diff(n=2, dim=axis).abs()
    size = depth_m.shape[axis]
    lowest = torch.stack([wide.narrow(axis, k, size) for k in range(3)]).amin(dim=0)
    curvature = torch.where(lowest > 0, curvature, 0)
    curvature = torch.maximum(*_neighbours(curvature, axis))
    first, second = _neighbours(depth_m, axis)
    nearer = torch.minimum(first, second)
    least = DEPTH_STEP * nearer
    return (nearer > 0) & ((first - second).abs() > least) & (curvature > least)
