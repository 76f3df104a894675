"""Images of cast rays in the form of the cached ones: smaller types, averaged colour, edges."""

import torch
from jaxtyping import UInt8
from torch import Tensor

from hydra_mono.training.data.edges import edge_maps
from hydra_mono.training.render.raycast import Hits

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
