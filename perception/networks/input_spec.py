"""How an image is shown to a network, and how its maps come back to the image's size."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from hydra_mono.core.frame import Intrinsics

Triple = tuple[float, float, float]
COLOUR_MEAN: Triple = (0.4803, 0.4800, 0.4723)
COLOUR_STD: Triple = (0.2594, 0.2573, 0.2641)


@dataclass(frozen=True)
class InputSpec:
    """What a network wants to be shown.

    The image is resized to fit ``size`` (height and width, pixels): in proportion, or with
    ``squashed`` to exactly that size. Its colours, 0..1, are normalised by ``mean`` and ``std``.
    The network's depth is true for a camera whose focal length at that size is ``focal_px``;
    ``None``: for any camera.
    """

    size: tuple[int, int] = (224, 224)
    focal_px: float | None = None
    mean: Triple = COLOUR_MEAN
    std: Triple = COLOUR_STD
    squashed: bool = False

    def shown_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width that an image of ``size`` is resized to."""
        return self.size if self.squashed else fitted(size, self.size)

    def shown(
        self, rgb: UInt8[np.ndarray, "h w 3"], device: torch.device | None = None
    ) -> Float[Tensor, "1 3 fh fw"]:
        """The image as the network wants it."""
        pixels = torch.from_numpy(np.array(rgb)).to(device)
        image = pixels.permute(2, 0, 1)[None].float() / 255
        size = self.shown_size((rgb.shape[0], rgb.shape[1]))
        image = F.interpolate(image, size, mode="bilinear", antialias=True)
        mean, std = (torch.tensor(v, device=device).view(3, 1, 1) for v in (self.mean, self.std))
        return (image - mean) / std

    def depth_factor(self, camera: Intrinsics) -> float:
        """What the network's depth has to be multiplied by to be true for this camera.

        The image of an object at a depth is as large as the focal length is long.
        """
        if self.focal_px is None:
            return 1.0
        width = self.shown_size((camera.height, camera.width))[1]
        return (camera.fx + camera.fy) / 2 * width / camera.width / self.focal_px


def fitted(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """The largest height and width in proportion to ``size`` that fit the box."""
    scale = min(box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
