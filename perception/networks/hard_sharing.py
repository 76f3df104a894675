# mypy: disable-error-code="no-any-return,no-untyped-call"
"""Hard parameter sharing: one backbone, a small head per task; with one task, single-task learning.

The multi-task baseline of Brüggemann et al., *Exploring Relational Context for Multi-Task Dense
Prediction*, ICCV 2021: the four maps of the backbone at the finest scale, side by side (C
channels); per task a 3×3 convolution to C/4 channels with batch norm and ReLU, then a 1×1
convolution. Depth is made positive by a softplus, which is ours: the losses used here take its
logarithm.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.convnext import ConvConfig
from hydra_mono.perception.networks.backbones.create import BackboneConfig, create_backbone
from hydra_mono.perception.networks.backbones.vit import Backbone
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.input_spec import COLOUR_MEAN, COLOUR_STD, InputSpec, Triple
from hydra_mono.perception.networks.interface import (
    CHANNELS,
    MIN_DEPTH_M,
    REFUSE_UNKNOWN,
    FocalPx,
    Method,
    MultiTaskNetwork,
    Pixels,
    TaskMaps,
    TrainingMaps,
    Width,
)
from hydra_mono.perception.networks.padding import pad_to_multiple

Task = Literal["depth", "semantics", "normals", "edges"]
ALL: tuple[Task, ...] = ("depth", "semantics", "normals", "edges")


@dataclass(frozen=True)
class HardSharingConfig:
    """Backbone, tasks and the images that it is meant for."""

    __pydantic_config__: ClassVar = REFUSE_UNKNOWN

    backbone: BackboneConfig = field(default_factory=ConvConfig)
    tasks: tuple[Task, ...] = ALL
    classes: Width = 41  # NYU40 and 0, unknown
    feed: tuple[Pixels, Pixels] = (192, 256)  # height and width
    focal_px: FocalPx | None = 210.0  # at that size; that of the compact M2H, to compare with it
    colour_mean: Triple = COLOUR_MEAN
    colour_std: Triple = COLOUR_STD

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for tasks that are none or named twice."""
        if not self.tasks or len(set(self.tasks)) != len(self.tasks):
            raise ValueError(f"tasks {', '.join(self.tasks)}: name each once, and at least one")

    def input_spec(self) -> InputSpec:
        return InputSpec(self.feed, self.focal_px, self.colour_mean, self.colour_std)


class HardSharing(MultiTaskNetwork):
    """The whole network; ``backbone``: an ``nn.Module`` in place of the config's."""

    def __init__(self, config: HardSharingConfig, backbone: Backbone | None = None) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone or create_backbone(config.backbone)
        wide = sum(self.backbone.widths)
        self.heads = nn.ModuleDict({t: task_head(wide, n) for t, n in self.tasks.items()})

    @property
    def tasks(self) -> dict[str, int]:
        return {task: CHANNELS[task] or self.config.classes for task in self.config.tasks}

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> TaskMaps:
        padded, top, left = pad_to_multiple(image, self.backbone.multiple)
        size = (int(padded.shape[2]), int(padded.shape[3]))
        rows = slice(top, top + int(image.shape[2]))
        columns = slice(left, left + int(image.shape[3]))
        own = self.training_maps(padded, size).final
        maps = {task: resized(x, size)[:, :, rows, columns] for task, x in own.items()}
        if "normals" in maps:
            maps["normals"] = F.normalize(maps["normals"], dim=1)
        return maps

    def training_maps(self, image: Float[Tensor, "b 3 h w"], size: tuple[int, int]) -> TrainingMaps:
        """Of images whose sides are multiples of the backbone's; at its finest scale."""
        taps = [tap.features for tap in self.backbone(image)]
        finest = (int(taps[0].shape[2]), int(taps[0].shape[3]))
        shared = torch.cat([resized(x, finest) for x in taps], dim=1)  # b C h/4 w/4
        maps = {task: head(shared) for task, head in self.heads.items()}
        if "depth" in maps:
            maps["depth"] = F.softplus(maps["depth"]) + MIN_DEPTH_M
        return TrainingMaps(maps)


def task_head(wide: int, channels: int) -> nn.Sequential:
    """From the shared features to one task's map."""
    inner = wide // 4
    return nn.Sequential(
        nn.Conv2d(wide, inner, 3, padding=1, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(),
        nn.Conv2d(inner, channels, 1),
    )


METHOD = Method(
    config=HardSharingConfig,
    build=HardSharing,
    variants={
        "compact": HardSharingConfig(),
        **{task: HardSharingConfig(tasks=(task,)) for task in ALL},  # single-task learning
    },
)
