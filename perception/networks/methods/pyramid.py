# mypy: disable-error-code="no-any-return,no-untyped-call"
"""What all methods share that stand on four maps of features, each half the size of the one before.

A method is a config with numbers of its own and a ``decode``; sizes, padding and what the numbers
of a map mean are seen to here.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.convnext import ConvConfig
from hydra_mono.perception.networks.backbones.create import BackboneConfig, create_backbone
from hydra_mono.perception.networks.backbones.vit import Backbone, FeatureMap
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.input_spec import COLOUR_MEAN, COLOUR_STD, InputSpec, Triple
from hydra_mono.perception.networks.interface import (
    MIN_DEPTH_M,
    REFUSE_UNKNOWN,
    FocalPx,
    MultiTaskNetwork,
    Pixels,
    TaskMaps,
    TrainingMaps,
    Width,
)
from hydra_mono.perception.networks.methods.blocks import conv_block
from hydra_mono.perception.networks.padding import pad_to_multiple
from hydra_mono.perception.tasks import INDOOR, TASKS, Task, channels_of

TOKEN_SCALES = (4.0, 2.0, 1.0, 0.5)  # of a transformer's maps, which all come at one scale
Pyramid = list[Tensor]  # four of b c h w, finest first


@dataclass(frozen=True)
class PyramidConfig:
    """Backbone, tasks and the images that it is meant for.

    ``widest``: channels that wider maps of the backbone are brought down to, so that a method
    costs by what it does and not by how wide the backbone ends; None: they are taken as they are.
    """

    __pydantic_config__: ClassVar = REFUSE_UNKNOWN

    backbone: BackboneConfig = field(default_factory=ConvConfig)
    tasks: tuple[Task, ...] = INDOOR
    classes: Width = 41  # NYU40 and 0, unknown
    feed: tuple[Pixels, Pixels] = (192, 256)  # height and width
    focal_px: FocalPx | None = 210.0  # at that size; that of the compact M2H, to compare with it
    colour_mean: Triple = COLOUR_MEAN
    colour_std: Triple = COLOUR_STD
    widest: Width | None = None

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for tasks that are none or named twice."""
        if not self.tasks or len(set(self.tasks)) != len(self.tasks):
            raise ValueError(f"tasks {', '.join(self.tasks)}: name each once, and at least one")

    def input_spec(self) -> InputSpec:
        return InputSpec(self.feed, self.focal_px, self.colour_mean, self.colour_std)


class PyramidNetwork(MultiTaskNetwork):
    """A backbone and what a method makes of its maps.

    ``backbone``: an ``nn.Module`` in place of the config's.
    """

    def __init__(self, config: PyramidConfig, backbone: Backbone | None = None) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone or create_backbone(config.backbone)
        self.laterals = Laterals(self.backbone.widths, config.widest)

    @property
    def tasks(self) -> dict[str, int]:
        return {task: channels_of(task, self.config.classes) for task in self.config.tasks}

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Channels of the four maps that are decoded."""
        return self.laterals.widths

    @abstractmethod
    def decode(self, pyramid: Pyramid) -> TrainingMaps:
        """The network's numbers for each task; auxiliary ones only while it is trained."""

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> TaskMaps:
        padded, top, left = pad_to_multiple(image, self.backbone.multiple)
        size = (int(padded.shape[2]), int(padded.shape[3]))
        rows = slice(top, top + int(image.shape[2]))
        columns = slice(left, left + int(image.shape[3]))
        own = self.training_maps(padded, size).final
        maps = {task: resized(x, size)[:, :, rows, columns] for task, x in own.items()}
        units = [task for task in maps if TASKS[task].values == "unit"]
        return maps | {task: F.normalize(maps[task], dim=1) for task in units}

    def training_maps(self, image: Float[Tensor, "b 3 h w"], size: tuple[int, int]) -> TrainingMaps:
        """Of images whose sides are multiples of the backbone's; at the method's own scale."""
        pyramid = pyramid_of(self.backbone(image))
        maps = self.decode(self.laterals(pyramid))
        auxiliary = tuple(with_meaning(earlier) for earlier in maps.auxiliary)
        return maps._replace(
            final=with_meaning(maps.final), auxiliary=auxiliary, shared=tuple(pyramid)
        )


class Laterals(nn.Module):
    """Brings maps down to ``widest`` channels, each by a 1×1 convolution, as feature pyramids do
    (Lin et al., CVPR 2017); those that have no more stay as they are."""

    def __init__(self, widths: tuple[int, ...], widest: int | None) -> None:
        super().__init__()
        first, second, third, fourth = (min(w, widest or w) for w in widths)
        self.widths = (first, second, third, fourth)
        self.reduce = nn.ModuleDict(
            {
                str(k): conv_block(wide, own)
                for k, (wide, own) in enumerate(zip(widths, self.widths, strict=True))
                if own < wide
            }
        )

    def forward(self, pyramid: Pyramid) -> Pyramid:
        reduced = {int(k): reduce(pyramid[int(k)]) for k, reduce in self.reduce.items()}
        return [reduced.get(k, x) for k, x in enumerate(pyramid)]


def pyramid_of(taps: list[FeatureMap]) -> Pyramid:
    """The backbone's maps, each half the size of the one before.

    Those of a transformer are resized to 4, 2, 1 and 1/2 times their grid; nothing is learned
    there, the method's own convolutions come after it.
    """
    maps = [tap.features for tap in taps]
    if taps[0].class_token is None:
        return maps
    grid = (int(maps[0].shape[2]), int(maps[0].shape[3]))
    sizes = [(int(grid[0] * scale), int(grid[1] * scale)) for scale in TOKEN_SCALES]
    return [resized(x, (max(1, h), max(1, w))) for x, (h, w) in zip(maps, sizes, strict=True)]


def joined(pyramid: Pyramid) -> Float[Tensor, "b c h w"]:
    """All maps at the finest one's size, side by side."""
    finest = (int(pyramid[0].shape[2]), int(pyramid[0].shape[3]))
    return torch.cat([resized(x, finest) for x in pyramid], dim=1)


def with_meaning(own: TaskMaps) -> TaskMaps:
    """Positive where the task is; the losses take the logarithm of depth."""
    return {
        task: F.softplus(x) + MIN_DEPTH_M if TASKS[task].values == "positive" else x
        for task, x in own.items()
    }
