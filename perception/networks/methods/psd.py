# mypy: disable-error-code="no-any-return,no-untyped-call"
"""PSD: small patterns of likeness, spread within a task and lent to others where they match.

Zhou et al., *Pattern-Structure Diffusion for Multi-Task Learning*, CVPR 2020. The pattern of a
pixel is the softmax of its likeness to the pixels of a window (a graphlet), P_t. Within a task,
features are spread along it again and again, which reaches farther every time: F ← (1 − β) F +
β Σ_o P_t(o) F(·+o). Across tasks, the pattern that another task has at the same pixel is taken in
by how well it matches: P̃_t ∝ P_t + Σ_s m_ts P_s with m_ts = cos(P_t, P_s); features are spread
along that too. Code and hyper-parameters were not published; windows, β and recursions are ours.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.interface import Count, Method, TrainingMaps, Width
from hydra_mono.perception.networks.methods.attention import (
    window_inside,
    window_scores,
    window_sum,
)
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

SPREAD = 0.5  # β: half of a feature is its neighbours' after each step (ours)


@dataclass(frozen=True)
class PsdConfig(PyramidConfig):
    """``width``: channels of a task's features. ``window``: side of a graphlet. ``recursions``:
    steps within a task."""

    width: Width = 256
    window: Count = 5
    recursions: Count = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.window % 2 == 0:
            raise ValueError(f"a window of {self.window} pixels has no middle; take an odd number")


class Psd(PyramidNetwork):
    """The whole network."""

    def __init__(self, config: PsdConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        inner = max(1, config.width // 2)
        self.first = InitialPredictions(sum(self.widths), config.width, self.tasks)
        self.narrow = nn.ModuleDict({task: conv_block(config.width, inner) for task in self.tasks})
        self.patterns = nn.ModuleDict({t: nn.Conv2d(inner, inner // 2, 1) for t in self.tasks})
        self.heads = nn.ModuleDict({t: prediction_head(inner, n) for t, n in self.tasks.items()})

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        features, early = self.first(joined(pyramid))
        narrow = {task: block(features[task]) for task, block in self.narrow.items()}
        side = self.config.window
        patterns = {t: graphlets(conv(narrow[t]), side) for t, conv in self.patterns.items()}
        final = {}
        for task, head in self.heads.items():
            x = narrow[task]
            for _ in range(self.config.recursions):
                x = spread(x, patterns[task], side)
            others = [pattern for other, pattern in patterns.items() if other != task]
            final[task] = head(spread(x, transferred(patterns[task], others), side))
        return TrainingMaps(final, (early,) if self.training else ())


def graphlets(x: Tensor, side: int) -> Tensor:
    """b o h w: the likeness of each pixel to those of its window, as shares; 0 outside."""
    scores = window_scores(x, x, side) / float(x.shape[1]) ** 0.5
    inside = window_inside((int(x.shape[2]), int(x.shape[3])), side, x)
    return scores.masked_fill(~inside, -torch.inf).softmax(1)


def transferred(own: Tensor, others: list[Tensor]) -> Tensor:
    """A task's pattern with those of other tasks added by how well they match; shares again."""
    total = own
    for other in others:
        total = total + F.cosine_similarity(own, other, dim=1)[:, None] * other
    return total / total.sum(1, keepdim=True)


def spread(x: Tensor, pattern: Tensor, side: int) -> Tensor:
    """One step of diffusion along a pattern."""
    return (1 - SPREAD) * x + SPREAD * window_sum(pattern, x, side)


METHOD = Method(
    config=PsdConfig,
    build=Psd,
    variants={"published": PsdConfig(), "compact": PsdConfig(width=COMPACT_WIDTH)},
)
