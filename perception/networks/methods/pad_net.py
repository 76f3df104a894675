# mypy: disable-error-code="no-any-return,no-untyped-call"
"""PAD-Net: tasks are predicted once, their features exchanged through gates, predicted again.

Xu et al., *PAD-Net: Multi-Tasks Guided Prediction-and-Distillation Network*, CVPR 2018, with the
attention-gated distillation (its module C), in the form in which multi-task work compares it:
out_t = F_t + Σ_{s≠t} W_ts F_s ⊙ σ(G_ts F_s).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.interface import Method, TrainingMaps, Width
from hydra_mono.perception.networks.methods.blocks import bottlenecks
from hydra_mono.perception.networks.methods.pyramid import (
    Pyramid,
    PyramidConfig,
    PyramidNetwork,
    joined,
)

COMPACT_WIDTH = 64  # a sixteenth of the published cost: two CPU cores can train it


@dataclass(frozen=True)
class PadNetConfig(PyramidConfig):
    """``width``: channels of a task's features."""

    width: Width = 256


class PadNet(PyramidNetwork):
    """The whole network."""

    def __init__(self, config: PadNetConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        self.first = InitialPredictions(sum(self.widths), config.width, self.tasks)
        self.distillation = Distillation(config.width, tuple(self.tasks))
        self.heads = nn.ModuleDict(
            {t: prediction_head(config.width, count) for t, count in self.tasks.items()}
        )

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        features, early = self.first(joined(pyramid))  # by task b 256 h/4 w/4
        mixed = self.distillation(features)
        final = {task: head(mixed[task]) for task, head in self.heads.items()}
        return TrainingMaps(final, (early,) if self.training else ())


class InitialPredictions(nn.Module):
    """Per task two bottlenecks, and a 1×1 convolution that supervises them."""

    def __init__(self, wide: int, width: int, tasks: Mapping[str, int]) -> None:
        super().__init__()
        self.features = nn.ModuleDict({task: bottlenecks(wide, width) for task in tasks})
        self.predict = nn.ModuleDict({t: nn.Conv2d(width, n, 1) for t, n in tasks.items()})

    def forward(self, shared: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Features and predictions by task."""
        features = {task: block(shared) for task, block in self.features.items()}
        return features, {task: conv(features[task]) for task, conv in self.predict.items()}


class Distillation(nn.Module):
    """Every task takes gated features from every other: two 3×3 convolutions an ordered pair."""

    def __init__(self, width: int, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.tasks = tasks
        self.takes = nn.ModuleDict(
            {f"{t}_{s}": _conv(width) for t in tasks for s in tasks if s != t}
        )
        self.gates = nn.ModuleDict(
            {f"{t}_{s}": _conv(width) for t in tasks for s in tasks if s != t}
        )

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        mixed = {}
        for target in self.tasks:
            total = features[target]
            for source in self.tasks:
                if source != target:
                    pair = f"{target}_{source}"
                    gate = torch.sigmoid(self.gates[pair](features[source]))
                    total = total + self.takes[pair](features[source]) * gate
            mixed[target] = total
        return mixed


def prediction_head(width: int, channels: int) -> nn.Sequential:
    """Two bottlenecks and a 1×1 convolution."""
    return nn.Sequential(bottlenecks(width, width), nn.Conv2d(width, channels, 1))


def _conv(width: int) -> nn.Conv2d:
    return nn.Conv2d(width, width, 3, padding=1, bias=False)


METHOD = Method(
    config=PadNetConfig,
    build=PadNet,
    variants={"published": PadNetConfig(), "compact": PadNetConfig(width=COMPACT_WIDTH)},
)
