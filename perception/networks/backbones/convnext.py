# mypy: disable-error-code="no-any-return,no-untyped-call"
"""A small convolutional backbone, for the compact network: ConvNeXt blocks (Liu et al. 2022)."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import FeatureMap
from hydra_mono.perception.networks.interface import REFUSE_UNKNOWN, Count, Width


@dataclass(frozen=True)
class ConvConfig:
    """Sizes of the four stages, at strides 4, 8, 16 and 32."""

    __pydantic_config__: ClassVar = REFUSE_UNKNOWN

    widths: tuple[Width, Width, Width, Width] = (48, 96, 192, 384)
    depths: tuple[Count, Count, Count, Count] = (2, 2, 6, 2)


class ConvBackbone(nn.Module):
    """Four stages of depthwise 7×7 and pointwise convolutions; a pyramid without class tokens."""

    def __init__(self, config: ConvConfig) -> None:
        super().__init__()
        self.config = config
        self.multiple = 32
        self.widths = config.widths
        self.has_class_token = False
        sources = (3, *config.widths[:3])
        self.downs = nn.ModuleList(
            nn.Conv2d(c_in, c_out, 4 if c_in == 3 else 2, stride=4 if c_in == 3 else 2)
            for c_in, c_out in zip(sources, config.widths, strict=True)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(ConvBlock(width) for _ in range(depth)))
            for width, depth in zip(config.widths, config.depths, strict=True)
        )

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[FeatureMap]:
        taps, x = [], image
        for index in range(len(self.stages)):
            x = self.stage(index, x)  # b 3 h w -> b w0 h/4 w/4 -> b w1 h/8 w/8 -> ...
            taps.append(FeatureMap(x, None))
        return taps

    def stage(self, index: int, x: Tensor) -> Tensor:
        """The map of a stage from that of the one before; of the first from the image."""
        return self.stages[index](self.downs[index](x))


class ConvBlock(nn.Module):
    """Depthwise 7×7, norm, a pointwise perceptron twice as wide, scaled, beside a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.BatchNorm2d(width)
        self.widen = nn.Conv2d(width, 2 * width, 1)
        self.narrow = nn.Conv2d(2 * width, width, 1)
        self.scale = nn.Parameter(torch.full((width, 1, 1), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        inner = F.gelu(self.widen(self.norm(self.depthwise(x))))  # b 2w h w
        return x + self.scale * self.narrow(inner)
