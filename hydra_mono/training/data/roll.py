"""One cut image turned about its optical axis: a camera held askew."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from hydra_mono.perception.tasks import NO_TRUTH
from hydra_mono.training.data.second_view import SecondView


@dataclass(frozen=True)
class Cut:
    """One item of a batch: an image, colours 0..255, and its truth at half the size.

    ``camera``: fx, fy, cx, cy of the truth's pixels. As in ``Batch`` otherwise.
    """

    image: Float[Tensor, "3 h w"]
    depth_m: Float[Tensor, "1 th tw"]
    labels: Int64[Tensor, "th tw"]
    normals: Float[Tensor, "3 th tw"]
    edges: Float[Tensor, "1 th tw"]
    edges_known: Bool[Tensor, "1 th tw"]
    camera: Float[Tensor, "4"]
    others: Mapping[str, Tensor] = field(default_factory=dict)  # th tw, by task
    second: SecondView | None = None


def rolled(cut: Cut, roll_rad: float) -> Cut:
    """The camera turned clockwise by ``roll_rad`` about its optical axis.

    Depth stays, normals turn with the image. What comes from beyond the rim has the colour of the
    rim, and no truth.
    """
    cos, sin = math.cos(roll_rad), math.sin(roll_rad)
    cx, cy = float(cut.camera[2]), float(cut.camera[3])
    size = (cut.labels.shape[0], cut.labels.shape[1])
    factor = cut.image.shape[2] / size[1]
    whole = (cut.image.shape[1], cut.image.shape[2])
    fine = _sources(whole, (cx + 0.5) * factor, (cy + 0.5) * factor, cos, sin)
    x, y = _sources(size, cx + 0.5, cy + 0.5, cos, sin)
    column, row = x.floor().long(), y.floor().long()
    inside = (column >= 0) & (column < size[1]) & (row >= 0) & (row < size[0])
    at = (row.clamp(0, size[0] - 1), column.clamp(0, size[1] - 1))
    nx, ny, nz = (axis[at] for axis in cut.normals)
    turned = torch.stack([cos * nx + sin * ny, cos * ny - sin * nx, nz])
    axes = torch.tensor([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    return Cut(
        image=_blended(cut.image, *fine),
        depth_m=cut.depth_m[:, *at] * inside,
        labels=cut.labels[at] * inside,
        normals=turned * inside,
        edges=cut.edges[:, *at] * inside,
        edges_known=cut.edges_known[:, *at] & inside,
        camera=cut.camera,
        others={
            task: torch.where(inside, values[at], NO_TRUTH[task]).to(values.dtype)
            for task, values in cut.others.items()
        },
        second=cut.second and cut.second.turned(axes),
    )


def _sources(
    size: tuple[int, int], cx: float, cy: float, cos: float, sin: float
) -> tuple[Float[Tensor, "h w"], Float[Tensor, "h w"]]:
    """Where each pixel comes from; pixel i covers i to i + 1."""
    x = torch.arange(size[1])[None] + 0.5 - cx
    y = torch.arange(size[0])[:, None] + 0.5 - cy
    return cx + cos * x - sin * y, cy + sin * x + cos * y


def _blended(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    height, width = image.shape[1:]
    grid = torch.stack([2 * x / width - 1, 2 * y / height - 1], dim=2)[None]
    return F.grid_sample(image[None], grid, padding_mode="border", align_corners=False)[0]
