# mypy: disable-error-code="no-any-return,no-untyped-call"
"""CTAL: features of every task diffuse along one affinity of all pixels, learned across tasks.

Sinodinos and Armanfard, WACV 2025 (first called EMA-Net): initial predictions, 1×1 reduction, the
joint affinity M, F'_t = γ M V_t + (1 − γ) F_t with γ = 0.05, and heads at twice the resolution.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hydra_mono.core.errors import ConfigError
from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.interface import Method, TrainingMaps, Width
from hydra_mono.perception.networks.methods.blocks import bottlenecks, conv_block
from hydra_mono.perception.networks.methods.ctal.affinity import JointAffinity, attended
from hydra_mono.perception.networks.methods.pad_net import InitialPredictions
from hydra_mono.perception.networks.methods.pyramid import (
    Pyramid,
    PyramidConfig,
    PyramidNetwork,
    joined,
)

DIFFUSION = 0.05  # γ, published
BLOCK = 512  # query pixels at a time: 42 MB a sample in place of 573 (72×96 pixels, three tasks)


@dataclass(frozen=True)
class CtalConfig(PyramidConfig):
    """``width``: channels of a task's features; ``reduced``: of those that the affinity is of.

    ``any_size``: one kernel for all pixels in place of one each (ours). ``stride``: pixels of the
    image to one of the affinity; published: 4.
    """

    width: Width = 256
    reduced: Width = 128
    any_size: bool = False
    stride: Literal[4, 8, 16, 32] = 4

    @property
    def affinity_size(self) -> tuple[int, int]:
        """Height and width of the map whose pixels the affinity is of, for images of ``feed``."""
        return affinity_size(self.feed, self.stride)

    @property
    def pixels(self) -> int | None:
        """That the weights are tied to."""
        height, width = self.affinity_size
        return None if self.any_size else height * width


def affinity_size(image: tuple[int, int], stride: int, multiple: int = 32) -> tuple[int, int]:
    """Of an image padded to the backbone's multiple."""
    height, width = (-(-side // multiple) * multiple // stride for side in image)
    return height, width


class Ctal(PyramidNetwork):
    """The whole network."""

    def __init__(self, config: CtalConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        wide = sum(self.widths)
        self.fuse = conv_block(wide, wide)
        self.first = InitialPredictions(wide, config.width, self.tasks)
        self.exchange = AffinityExchange(config, config.width, self.tasks)

    def check_size(self, height: int, width: int) -> None:
        self.exchange.check_size(height, width)

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        features, early = self.first(self.fuse(joined(pyramid)))
        final = self.exchange(features)
        return TrainingMaps(final, (early,) if self.training else ())


class AffinityExchange(nn.Module):
    """Reduction, joint affinity, diffusion and heads: what CTAL adds to features by task."""

    def __init__(self, config: CtalConfig, wide: int, tasks: Mapping[str, int]) -> None:
        super().__init__()
        self.config = config
        c = config.reduced
        self.reduce = nn.ModuleDict({task: nn.Conv2d(wide, c, 1) for task in tasks})
        self.affinity = JointAffinity(len(tasks), config.pixels)
        self.value = nn.ModuleDict({task: nn.Conv2d(c, c, 3, padding=1) for task in tasks})
        self.up = nn.ModuleDict({task: doubling(c) for task in tasks})
        self.heads = nn.ModuleDict(
            {t: nn.Sequential(bottlenecks(c, c), nn.Conv2d(c, n, 1)) for t, n in tasks.items()}
        )

    def check_size(self, height: int, width: int) -> None:
        """Of the image.

        Raises:
            ConfigError: the weights are tied to another.
        """
        found = affinity_size((height, width), self.config.stride)
        if self.config.pixels is not None and found[0] * found[1] != self.config.pixels:
            built = "×".join(map(str, self.config.feed))
            raise ConfigError(f"ctal was built for images of {built}, not of {height}×{width}")

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        narrow = {task: conv(features[task]) for task, conv in self.reduce.items()}
        spread = self.diffused(narrow)
        return {task: head(self.up[task](spread[task])) for task, head in self.heads.items()}

    def diffused(self, narrow: dict[str, Tensor]) -> dict[str, Tensor]:
        """F'_t by task, at the size of F_t."""
        whole = next(iter(narrow.values()))
        size = (int(whole.shape[2]), int(whole.shape[3]))
        self.check_size(4 * size[0], 4 * size[1])
        step = self.config.stride // 4
        at = (size[0] // step, size[1] // step)
        maps = [resized(x, at) for x in narrow.values()]
        values = [conv(x) for conv, x in zip(self.value.values(), maps, strict=True)]
        taken = attended(self.affinity, maps, values, BLOCK)
        return {
            task: torch.lerp(x, resized(other, size), DIFFUSION)
            for (task, x), other in zip(narrow.items(), taken, strict=True)
        }


def doubling(width: int) -> nn.Sequential:
    """Twice the resolution."""
    return nn.Sequential(
        nn.ConvTranspose2d(width, width, 2, stride=2),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1),
    )


METHOD = Method(
    config=CtalConfig,
    build=Ctal,
    variants={
        "published": CtalConfig(),
        # ours, for two CPU cores: a quarter of the channels, the affinity at half the scale
        "compact": CtalConfig(width=64, reduced=32, stride=8),
    },
)
