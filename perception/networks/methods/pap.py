# mypy: disable-error-code="no-any-return,no-untyped-call"
"""PAP: what is alike in one task is likely alike in the others.

Zhang et al., *Pattern-Affinitive Propagation across Depth, Surface Normal and Semantic
Segmentation*, CVPR 2019: each task has an affinity of all pairs of pixels; each target mixes
them by trained weights and lets its features diffuse along the mixture, h ← β Σ_s w_ts A_s h +
(1 − β) h₀. Here A_s is the cosine of the (non-negative) features, rows summing to 1, so that A_s h
is computed without A_s. A loss on pairs of pixels (``losses/pairs.py``) teaches the affinities; its
weight is ours, for the paper states none. Later comparisons leave it out: ``pairs=0``.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Interval
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.interface import Count, Method, TrainingMaps, Width
from hydra_mono.perception.networks.methods.attention import linear_attention
from hydra_mono.perception.networks.methods.blocks import conv_block
from hydra_mono.perception.networks.methods.pad_net import (
    COMPACT_WIDTH,
    InitialPredictions,
    prediction_head,
)
from hydra_mono.perception.networks.methods.pyramid import (
    Pyramid,
    PyramidConfig,
    PyramidNetwork,
    joined,
)

DIFFUSION = 0.05  # β of the comparison by Sinodinos and Armanfard, WACV 2025


@dataclass(frozen=True)
class PapConfig(PyramidConfig):
    """``width``: channels of a task's features. ``iterations``: of the diffusion. ``pairs``: weight
    of the loss on pairs of pixels."""

    width: Width = 256
    iterations: Count = 1
    pairs: Annotated[float, Interval(ge=0, le=100)] = 0.1  # ours: a task's own loss leads


class Pap(PyramidNetwork):
    """The whole network."""

    def __init__(self, config: PapConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        inner = max(1, config.width // 2)
        self.first = InitialPredictions(sum(self.widths), config.width, self.tasks)
        self.narrow = nn.ModuleDict({task: conv_block(config.width, inner) for task in self.tasks})
        self.diffusion = AffinityDiffusion(tuple(self.tasks), config.iterations)
        self.heads = nn.ModuleDict({t: prediction_head(inner, n) for t, n in self.tasks.items()})

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        features, early = self.first(joined(pyramid))
        narrow = {task: block(features[task]) for task, block in self.narrow.items()}
        mixed = self.diffusion(narrow)
        final = {task: head(mixed[task]) for task, head in self.heads.items()}
        if not self.training:
            return TrainingMaps(final)
        alike = narrow if self.config.pairs else None
        return TrainingMaps(final, (early,), alike=alike, alike_weight=self.config.pairs)


class AffinityDiffusion(nn.Module):
    """Diffusion of each task's features along a mixture of all tasks' affinities."""

    def __init__(self, tasks: tuple[str, ...], iterations: int, beta: float = DIFFUSION) -> None:
        super().__init__()
        self.tasks, self.iterations, self.beta = tasks, iterations, beta
        self.mixture = nn.Parameter(torch.zeros(len(tasks), len(tasks)))  # softmax: alike at first

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """``features``: not negative."""
        units = {task: F.normalize(x, dim=1) for task, x in features.items()}
        shares = self.mixture.softmax(1)
        mixed = {}
        for row, target in enumerate(self.tasks):
            x = features[target]
            for _ in range(self.iterations):
                spread = [
                    shares[row, column] * linear_attention(units[source], units[source], x)
                    for column, source in enumerate(self.tasks)
                ]
                x = self.beta * torch.stack(spread).sum(0) + (1 - self.beta) * features[target]
            mixed[target] = x
        return mixed


METHOD = Method(
    config=PapConfig,
    build=Pap,
    variants={"published": PapConfig(), "compact": PapConfig(width=COMPACT_WIDTH)},
)
