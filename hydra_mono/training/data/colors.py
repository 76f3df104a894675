"""Images as other cameras show them in other light: hue, saturation, contrast, gamma, noise."""

import math
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class ColorChange:
    """How the colours of b images change; ``noise`` is its deviation, of colours 0..1."""

    matrix: Float[Tensor, "b 3 3"]
    contrast: Float[Tensor, "b 1 1 1"]
    gamma: Float[Tensor, "b 1 1 1"]
    noise: Float[Tensor, "b 1 1 1"]

    def to(self, device: torch.device) -> "ColorChange":
        return ColorChange(*(getattr(self, f.name).to(device) for f in fields(self)))


def random_color_change(rng: np.random.Generator, count: int) -> ColorChange:
    one = (count, 1, 1, 1)
    return ColorChange(
        matrix=_tensor(_color_matrices(rng, count)),
        contrast=_tensor(rng.uniform(0.7, 1.3, one)),
        gamma=_tensor(np.exp(rng.normal(0, 0.2, one))),
        noise=_tensor(rng.random(one) ** 3 * 0.04),
    )


def recoloured(
    image: Float[Tensor, "b 3 h w"], change: ColorChange, noise: Float[Tensor, "b 3 h w"]
) -> Float[Tensor, "b 3 h w"]:
    """Colours 0..1 after the change, with ``noise`` of deviation 1 scaled to each image's."""
    mean = image.mean((1, 2, 3), keepdim=True)
    mixed = torch.einsum("bij,bjhw->bihw", change.matrix, image)
    mixed = (mixed - mean) * change.contrast + mean
    mixed = mixed.clamp(1e-4, 1) ** change.gamma
    return (mixed + change.noise * noise).clamp(0, 1)


def _color_matrices(rng: np.random.Generator, count: int) -> np.ndarray:
    """Each a turn about the grey axis, a change of saturation, and a gain for each colour."""
    angle, saturation = rng.normal(0, 0.12, count), rng.uniform(0.5, 1.5, count)
    gains = np.exp(rng.normal(0, 0.18, (count, 1)) + rng.normal(0, 0.06, (count, 3)))
    x = 1 / math.sqrt(3)
    cross = np.array([[0, -x, x], [x, 0, -x], [-x, x, 0]])
    cos, sin, part = (v[:, None, None] for v in (np.cos(angle), np.sin(angle), saturation))
    turn = cos * np.eye(3) + sin * cross + (1 - cos) / 3
    saturate = part * np.eye(3) + (1 - part) * np.array(LUMA)
    return np.asarray(gains[:, :, None] * (saturate @ turn))


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))
