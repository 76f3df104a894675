"""Crops that keep geometry true, and colours that do not stay."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.samples import NO_EDGE_KNOWN

LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Crop:
    """A part of an image, in pixels of that image, mirrored or not."""

    left: float
    top: float
    width: float
    height: float
    flip: bool

    def camera(self, whole: Intrinsics, size: tuple[int, int]) -> Intrinsics:
        """The camera of the crop after resizing it to ``size`` (height, width)."""
        sy, sx = size[0] / self.height, size[1] / self.width
        cx = (whole.cx + 0.5 - self.left) * sx - 0.5
        return Intrinsics(
            fx=whole.fx * sx,
            fy=whole.fy * sy,
            cx=size[1] - 1 - cx if self.flip else cx,
            cy=(whole.cy + 0.5 - self.top) * sy - 0.5,
            width=size[1],
            height=size[0],
        )

    def image(
        self, rgb: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]
    ) -> Float[Tensor, "3 a b"]:
        """Colours 0..255, averaged where the crop shrinks."""
        top, left = round(self.top), round(self.left)
        bottom, right = round(self.top + self.height), round(self.left + self.width)
        part = torch.from_numpy(np.array(rgb[top:bottom, left:right]))
        part = part.permute(2, 0, 1)[None].float()
        if tuple(part.shape[2:]) != size:
            part = F.interpolate(part, size, mode="bilinear", antialias=True)
        return part[0].flip(2) if self.flip else part[0]

    def picked(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """The nearest pixels; for what cannot be mixed."""
        rows = (self.top + (np.arange(size[0]) + 0.5) * self.height / size[0]).astype(np.int64)
        columns = (self.left + (np.arange(size[1]) + 0.5) * self.width / size[1]).astype(np.int64)
        if self.flip:
            columns = columns[::-1]
        rows, columns = rows.clip(0, len(image) - 1), columns.clip(0, image.shape[1] - 1)
        return np.asarray(np.asarray(image[rows[0] : rows[-1] + 1])[rows - rows[0]][:, columns])

    def marked(
        self, edges: UInt8[np.ndarray, "h w"], size: tuple[int, int]
    ) -> UInt8[np.ndarray, "a b"]:
        """Edges with none lost: a pixel that any edge falls into is one."""
        result = self.picked(edges, size).copy()
        result[result == 1] = 0
        rows, columns = np.nonzero(np.asarray(edges) == 1)
        rows = np.floor((rows + 0.5 - self.top) * size[0] / self.height).astype(np.int64)
        columns = np.floor((columns + 0.5 - self.left) * size[1] / self.width).astype(np.int64)
        inside = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])
        rows, columns = rows[inside], columns[inside]
        result[rows, size[1] - 1 - columns if self.flip else columns] = 1
        assert result.max(initial=0) in (0, 1, NO_EDGE_KNOWN)
        return result


def recoloured(
    image: Float[Tensor, "b 3 h w"], rng: np.random.Generator
) -> Float[Tensor, "b 3 h w"]:
    """Colours 0..1 under other lights and cameras: hue, saturation, contrast, gamma, noise."""
    count = len(image)
    matrices = np.stack([_color_matrix(rng) for _ in range(count)]).astype(np.float32)
    mean = image.mean((2, 3), keepdim=True).mean(1, keepdim=True)  # b 1 1 1
    contrast = torch.from_numpy(rng.uniform(0.7, 1.3, (count, 1, 1, 1)).astype(np.float32))
    mixed = torch.einsum("bij,bjhw->bihw", torch.from_numpy(matrices), image)
    mixed = (mixed - mean) * contrast + mean
    gamma = np.exp(rng.normal(0, 0.2, (count, 1, 1, 1))).astype(np.float32)
    mixed = mixed.clamp(1e-4, 1) ** torch.from_numpy(gamma)
    sigma = torch.from_numpy((rng.random((count, 1, 1, 1)) ** 3 * 0.04).astype(np.float32))
    noise = torch.from_numpy(rng.standard_normal(mixed.shape, dtype=np.float32))
    return (mixed + sigma * noise).clamp(0, 1)


def _color_matrix(rng: np.random.Generator) -> np.ndarray:
    """A turn about the grey axis, a change of saturation, and a gain for each colour."""
    angle, saturation = rng.normal(0, 0.12), rng.uniform(0.5, 1.5)
    grey = np.full((3, 3), 1 / 3)
    axis = np.ones(3) / math.sqrt(3)
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    turn = math.cos(angle) * np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * grey
    luma = np.tile(np.array(LUMA), (3, 1))
    saturate = saturation * np.eye(3) + (1 - saturation) * luma
    gains = np.exp(rng.normal(0, 0.18) + rng.normal(0, 0.06, 3))
    return np.asarray(np.diag(gains) @ saturate @ turn)
