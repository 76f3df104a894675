"""Crops that keep geometry true."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.samples import NO_EDGE_KNOWN


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
