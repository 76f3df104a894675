# mypy: disable-error-code="no-any-return,no-untyped-call"
"""MTI-Net: tasks are predicted at four scales, and talk to one another at each of them.

Vandenhende, Georgoulis and Van Gool, *MTI-Net: Multi-Scale Task Interaction Networks for
Multi-Task Learning*, ECCV 2020. From the coarsest scale to the finest: two residual blocks a task
on the backbone's map beside what the feature propagation module hands up from the scale before; a
prediction. Then PAD-Net's distillation at each scale, and a head on all four.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.interface import Method, TaskMaps, TrainingMaps
from hydra_mono.perception.networks.methods.blocks import (
    BasicBlock,
    SqueezeExcitation,
    conv_block,
)
from hydra_mono.perception.networks.methods.pad_net import Distillation
from hydra_mono.perception.networks.methods.pyramid import (
    Pyramid,
    PyramidConfig,
    PyramidNetwork,
    joined,
)

Features = dict[str, Tensor]  # of one scale, by task


@dataclass(frozen=True)
class MtiNetConfig(PyramidConfig):
    """No numbers of its own."""


class MtiNet(PyramidNetwork):
    """The whole network."""

    def __init__(self, config: MtiNetConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        tasks = tuple(self.tasks)
        self.front = MultiScaleFront(self.widths, self.tasks)
        self.distillation = nn.ModuleList(Distillation(width, tasks) for width in self.widths)
        wide = sum(self.widths)
        self.heads = nn.ModuleDict(
            {
                t: nn.Sequential(conv_block(wide, wide), nn.Conv2d(wide, count, 1))
                for t, count in self.tasks.items()
            }
        )

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        scales, early = self.front(pyramid)
        mixed = [layer(x) for layer, x in zip(self.distillation, scales, strict=True)]
        final = {
            task: head(joined([features[task] for features in mixed]))
            for task, head in self.heads.items()
        }
        return TrainingMaps(final, early if self.training else ())


class MultiScaleFront(nn.Module):
    """Features and predictions of every task at every scale."""

    def __init__(self, widths: tuple[int, ...], tasks: Mapping[str, int]) -> None:
        super().__init__()
        coarser = (*widths[1:], 0)  # channels handed up to each scale
        self.features = nn.ModuleList(
            nn.ModuleDict(
                {t: nn.Sequential(BasicBlock(w + up, w), BasicBlock(w, w)) for t in tasks}
            )
            for w, up in zip(widths, coarser, strict=True)
        )
        self.predict = nn.ModuleList(
            nn.ModuleDict({t: nn.Conv2d(w, n, 1) for t, n in tasks.items()}) for w in widths
        )
        self.propagate = nn.ModuleList(FeaturePropagation(w, tuple(tasks)) for w in widths[1:])

    def forward(self, pyramid: Pyramid) -> tuple[list[Features], tuple[TaskMaps, ...]]:
        """By scale, finest first."""
        scales: list[Features] = []
        handed: Features = {}
        for level in reversed(range(len(pyramid))):
            found = self._at(level, pyramid[level], handed)
            scales.insert(0, found)
            if level:
                handed = self.propagate[level - 1](found)
        predicted = tuple(
            {task: conv(found[task]) for task, conv in convs.items()}  # type: ignore[operator]
            for convs, found in zip(self.predict, scales, strict=True)
        )
        return scales, predicted

    def _at(self, level: int, shared: Tensor, handed: Features) -> Features:
        size = (int(shared.shape[2]), int(shared.shape[3]))
        blocks = self.features[level]
        assert isinstance(blocks, nn.ModuleDict)
        return {
            task: block(torch.cat([shared, resized(handed[task], size)], 1) if handed else shared)
            for task, block in blocks.items()
        }


class FeaturePropagation(nn.Module):
    """What all tasks know at a scale, gathered by attention across tasks, for the next finer.

    The attention of the published code does not align channels with tasks; this one does, as the
    paper describes it (section 3.3).
    """

    def __init__(self, width: int, tasks: tuple[str, ...]) -> None:
        super().__init__()
        self.tasks = tasks
        wide, inner = width * len(tasks), max(1, width * len(tasks) // 4)
        self.attention = nn.Sequential(
            BasicBlock(wide, inner), BasicBlock(inner, inner), nn.Conv2d(inner, wide, 1)
        )
        self.reduce = BasicBlock(wide, width)
        self.gates = nn.ModuleDict({task: SqueezeExcitation(width) for task in tasks})

    def forward(self, features: Features) -> Features:
        together = torch.cat([features[task] for task in self.tasks], dim=1)  # b t*c h w
        scores = self.attention(together).unflatten(1, (len(self.tasks), -1))  # b t c h w
        shared = self.reduce(scores.softmax(1).flatten(1, 2) * together)  # b c h w
        return {task: gate(shared) + features[task] for task, gate in self.gates.items()}


METHOD = Method(config=MtiNetConfig, build=MtiNet, variants={"compact": MtiNetConfig()})
