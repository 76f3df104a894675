"""Images of cast rays in the form of the cached ones: smaller types, averaged colour, edges."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, Int32, UInt8
from torch import Tensor

from hydra_mono.training.data.edges import DEPTH_STEP
from hydra_mono.training.render.raycast import Hits
from hydra_mono.training.samples import NO_EDGE_KNOWN

Batch = dict[str, Tensor]


def cached_form(hits: Hits, rgb: UInt8[Tensor, "b h w 3"], scale: int) -> Batch:
    """The arrays of ``cache_world`` from images drawn at ``scale`` times their size.

    Colour is averaged over ``scale`` × ``scale`` pixels; of the others the first one is taken.
    """
    labels, instances, depth_m, normals = (
        image[:, ::scale, ::scale]
        for image in (hits.labels, hits.instances, hits.depth_m, hits.normals)
    )
    return {
        "rgb": _averaged(rgb, scale),
        "depth_m": depth_m.half(),
        "labels": labels,
        "edges": edge_maps(labels, instances, depth_m),
        "normals": (normals * 127).round().to(torch.int8),
    }


def _averaged(rgb: UInt8[Tensor, "b h w 3"], scale: int) -> UInt8[Tensor, "b i j 3"]:
    if scale == 1:
        return rgb
    b, h, w, _ = rgb.shape
    blocks = rgb.reshape(b, h // scale, scale, w // scale, scale, 3).int()
    return ((blocks.sum(dim=(2, 4)) + scale**2 // 2) // scale**2).to(torch.uint8)


def edge_maps(
    labels: UInt8[Tensor, "b h w"],
    instances: Int32[Tensor, "b h w"],
    depth_m: Float32[Tensor, "b h w"],
) -> UInt8[Tensor, "b h w"]:
    """``edges.edge_map`` of several images at once, on their device."""
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
    """A step between neighbours that a plane does not explain."""
    rim = (0, 0, 1, 1) if axis == 1 else (1, 1, 0, 0)
    wide = F.pad(depth_m[:, None], rim, mode="replicate")[:, 0]
    bend = wide.diff(n=2, dim=axis).abs()
    bend = torch.maximum(*_neighbours(bend, axis))
    first, second = _neighbours(depth_m, axis)
    least = DEPTH_STEP * torch.minimum(first, second)
    return ((first - second).abs() > least) & (bend > least)
