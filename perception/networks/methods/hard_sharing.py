# mypy: disable-error-code="no-any-return,no-untyped-call"
"""Hard parameter sharing: one backbone, a small head per task; with one task, single-task learning.

The multi-task baseline of Brüggemann et al., *Exploring Relational Context for Multi-Task Dense
Prediction*, ICCV 2021: the four maps of the backbone at the finest scale, side by side (C
channels); per task a 3×3 convolution to C/4 channels with batch norm and ReLU, then a 1×1
convolution. Depth is made positive by a softplus, which is ours: the losses used here take its
logarithm.
"""

from dataclasses import dataclass

from torch import nn

from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.interface import Method, TrainingMaps
from hydra_mono.perception.networks.methods.blocks import task_head
from hydra_mono.perception.networks.methods.pyramid import (
    Pyramid,
    PyramidConfig,
    PyramidNetwork,
    joined,
)
from hydra_mono.perception.tasks import INDOOR


@dataclass(frozen=True)
class HardSharingConfig(PyramidConfig):
    """No numbers of its own."""


class HardSharing(PyramidNetwork):
    """The whole network."""

    def __init__(self, config: HardSharingConfig, backbone: Backbone | None = None) -> None:
        super().__init__(config, backbone)
        wide = sum(self.widths)
        self.heads = nn.ModuleDict({t: task_head(wide, n) for t, n in self.tasks.items()})

    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        shared = joined(pyramid)  # b C h/4 w/4
        return TrainingMaps({task: head(shared) for task, head in self.heads.items()})


METHOD = Method(
    config=HardSharingConfig,
    build=HardSharing,
    variants={
        "compact": HardSharingConfig(),
        **{task: HardSharingConfig(tasks=(task,)) for task in INDOOR},  # single-task learning
    },
)
