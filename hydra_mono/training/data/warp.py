"""Many crops at once, turned about the optical axis, on any device; ``augment.Crop`` in tensors.

Positions are continuous: pixel i covers i to i + 1. A turn about the optical axis is a roll of the
camera: depth stays, normals and the image turn alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Int64, UInt8
from torch import Tensor

from hydra_mono.training.data.crops import Crop
from hydra_mono.training.samples import NO_EDGE_KNOWN

Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class Warp:
    """How b images are cut. ``side``: -1 where mirrored; ``roll_rad``: turn of the camera.

    ``camera``: fx, fy, cx, cy of the whole images.
    """

    left: Float32[Tensor, " b"]
    top: Float32[Tensor, " b"]
    width: Float32[Tensor, " b"]
    height: Float32[Tensor, " b"]
    side: Float32[Tensor, " b"]
    roll_rad: Float32[Tensor, " b"]
    camera: Float32[Tensor, "b 4"]

    def cropped_camera(self, size: Size) -> Float32[Tensor, "b 4"]:
        """fx, fy, cx, cy of the crops at ``size``."""
        fx, fy, cx, cy = self.camera.unbind(1)
        sx, sy = size[1] / self.width, size[0] / self.height
        u = (cx + 0.5 - self.left) * sx
        u = torch.where(self.side < 0, size[1] - u, u)
        v = (cy + 0.5 - self.top) * sy
        return torch.stack([fx * sx, fy * sy, u - 0.5, v - 0.5], dim=1)

    def sources(self, size: Size) -> tuple[Float32[Tensor, "b h w"], Float32[Tensor, "b h w"]]:
        """Where in the whole images the pixels of crops at ``size`` lie."""
        device = self.left.device
        u = (torch.arange(size[1], device=device) + 0.5) / size[1]
        v = (torch.arange(size[0], device=device) + 0.5) / size[0]
        u = torch.where(self.side[:, None] < 0, 1 - u, u)
        x = (self.left[:, None] + u * self.width[:, None])[:, None]
        y = (self.top[:, None] + v * self.height[:, None])[:, :, None]
        return self._rolled(x, y, 1.0)

    def targets(
        self, whole: Size, size: Size
    ) -> tuple[Float32[Tensor, "b h w"], Float32[Tensor, "b h w"]]:
        """Where in crops at ``size`` the pixels of the whole images fall, inside or not."""
        device = self.left.device
        x = torch.arange(whole[1], device=device)[None, None] + 0.5
        y = torch.arange(whole[0], device=device)[None, :, None] + 0.5
        x, y = self._rolled(x, y, -1.0)
        u = (x - self.left[:, None, None]) / self.width[:, None, None]
        v = (y - self.top[:, None, None]) / self.height[:, None, None]
        u = torch.where(self.side[:, None, None] < 0, 1 - u, u)
        return u * size[1], v * size[0]

    def turned(self, normals: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        """Directions of the whole images' camera in the crops' axes."""
        x, y, z = normals.unbind(1)
        cos, sin = (v[:, None, None] for v in (self.roll_rad.cos(), self.roll_rad.sin()))
        side = self.side[:, None, None]
        return torch.stack([side * (cos * x + sin * y), cos * y - sin * x, z], dim=1)

    def _rolled(self, x: Tensor, y: Tensor, sign: float) -> tuple[Tensor, Tensor]:
        """Turned about the principal point."""
        cos, sin = (v[:, None, None] for v in (self.roll_rad.cos(), sign * self.roll_rad.sin()))
        cx, cy = (self.camera[:, k, None, None] + 0.5 for k in (2, 3))
        x, y = x - cx, y - cy
        return cx + cos * x - sin * y, cy + sin * x + cos * y


def make_warp(
    crops: Sequence[Crop], roll_rad: Sequence[float], camera: Float32[Tensor, "b 4"]
) -> Warp:
    """The crops of as many images, on the device of ``camera``."""
    rows = [
        (c.left, c.top, c.width, c.height, -1.0 if c.flip else 1.0, roll)
        for c, roll in zip(crops, roll_rad, strict=True)
    ]
    left, top, width, height, side, roll = torch.tensor(rows).to(camera.device).unbind(1)
    return Warp(left, top, width, height, side, roll, camera)


def warped_image(
    rgb: UInt8[Tensor, "b h w 3"], warp: Warp, size: Size
) -> Float32[Tensor, "b 3 a c"]:
    """Colours 0..255, blended between pixels; the rim goes on beyond the image."""
    height, width = rgb.shape[1:3]
    x, y = warp.sources(size)
    grid = torch.stack([2 * x / width - 1, 2 * y / height - 1], dim=3)
    whole = rgb.permute(0, 3, 1, 2).float()
    return F.grid_sample(whole, grid, padding_mode="border", align_corners=False)


def nearest(
    warp: Warp, whole: Size, size: Size
) -> tuple[Int64[Tensor, "b a c"], Bool[Tensor, "b a c"]]:
    """Numbers of the whole images' pixels that are nearest to the crops', and which are inside."""
    x, y = warp.sources(size)
    column, row = x.floor().long(), y.floor().long()
    inside = (column >= 0) & (column < whole[1]) & (row >= 0) & (row < whole[0])
    column, row = column.clamp(0, whole[1] - 1), row.clamp(0, whole[0] - 1)
    return row * whole[1] + column, inside


def marked(edges: UInt8[Tensor, "b h w"], warp: Warp, size: Size) -> UInt8[Tensor, "b a c"]:
    """Edges with none lost: a pixel that any edge falls into is one; unknown beyond the image."""
    whole = (edges.shape[1], edges.shape[2])
    index, inside = nearest(warp, whole, size)
    picked = edges.flatten(1).gather(1, index.flatten(1)).reshape(index.shape)
    picked = torch.where(picked == 1, 0, picked).masked_fill(~inside, NO_EDGE_KNOWN)
    u, v = (at.floor().long() for at in warp.targets(whole, size))
    shown = (edges == 1) & (u >= 0) & (u < size[1]) & (v >= 0) & (v < size[0])
    place = torch.where(shown, v * size[1] + u, math.prod(size))  # one place more, for the rest
    hit = torch.zeros(len(edges), math.prod(size) + 1, dtype=torch.uint8, device=edges.device)
    hit.scatter_(1, place.flatten(1), 1)
    return torch.where(hit[:, :-1].reshape(index.shape) > 0, 1, picked).to(torch.uint8)
