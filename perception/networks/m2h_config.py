"""What the variants of M2H differ in, and the variants there are."""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from hydra_mono.perception.networks.backbones.convnext import ConvConfig
from hydra_mono.perception.networks.backbones.create import BackboneConfig
from hydra_mono.perception.networks.backbones.efficientnet_lite import LITE_MEAN, LITE_STD, LITES
from hydra_mono.perception.networks.backbones.vit import VitConfig
from hydra_mono.perception.networks.input_spec import COLOUR_MEAN, COLOUR_STD, InputSpec, Triple
from hydra_mono.perception.networks.interface import (
    REFUSE_UNKNOWN,
    Count,
    FocalPx,
    Pixels,
    Width,
)

TASKS = ("edges", "normals", "sem_seg", "depth")  # in the order and words of the state dict


@dataclass(frozen=True)
class M2HConfig:
    """Everything that the variants differ in; the defaults are the published M2H."""

    __pydantic_config__: ClassVar = REFUSE_UNKNOWN

    backbone: BackboneConfig = field(default_factory=VitConfig)
    classes: Width = 41  # NYU40 and 0, unknown
    channels: Width = 256
    light: bool = False  # separable and grouped convolutions; attention at half size, c/4 channels
    compat: bool = False  # padding is not cropped off; operations in the published order
    attention_layers: Count = 2
    attention_heads: Count = 4
    window: Count = 7  # side of an attention window
    mask_padding: bool = False  # hide the padding of windows from attention; published: no
    feature_scale: Literal[2, 4, 8] = 8  # side of the tasks' features, in grids
    head_upsamplings: Count = 2  # doublings after that
    head_widths: tuple[Width, ...] | None = None  # channels after each; None: half of those before
    attention_skip: bool = False  # edges and normals also see their features from before attention
    smooth_depth: bool = False  # softplus instead of the published ReLU, which may stop learning
    feed: tuple[Pixels, Pixels] = (224, 224)  # height and width of the images it is meant for
    focal_px: FocalPx | None = None  # at that size; depth is true for it, scales with the camera's
    colour_mean: Triple = COLOUR_MEAN  # of red, green, blue in 0..1, by which images are normalised
    colour_std: Triple = COLOUR_STD

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for numbers that make no network."""
        inner = self.channels // 4 if self.light else self.channels
        if not self.attention_heads or inner % self.attention_heads:
            raise ValueError(f"{inner} channels cannot be split into {self.attention_heads} heads")
        if self.light and any(width % 4 for width in (self.channels, *self.widths)):
            raise ValueError(f"{self.channels} channels cannot be split into groups of 4")
        if len(self.widths) != self.head_upsamplings or not all(self.widths) or not self.window:
            raise ValueError("head_widths, head_upsamplings and channels contradict one another")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels after each doubling of a head."""
        if self.head_widths is not None:
            return self.head_widths
        return tuple(self.channels // 2 ** (k + 1) for k in range(self.head_upsamplings))

    def input_spec(self) -> InputSpec:
        """How images are shown to it."""
        return InputSpec(self.feed, self.focal_px, self.colour_mean, self.colour_std)


FULL = M2HConfig()
SMALL = M2HConfig(light=True)  # the paper's M2H-small: 33.8 M parameters
# What the published builder makes of the light flavour: 29.0 M parameters. Its heads keep the
# widths that they have at 256 channels.
SMALL_96 = M2HConfig(light=True, channels=96, head_widths=(128, 64))
COMPACT = M2HConfig(
    backbone=ConvConfig(depths=(2, 2, 12, 4)),
    channels=96,
    light=True,
    mask_padding=True,
    feature_scale=4,
    head_upsamplings=1,
    attention_skip=True,
    smooth_depth=True,
    feed=(192, 256),
    focal_px=210.0,
)
COMPACTS = {"conv": COMPACT} | {
    name: replace(COMPACT, backbone=lite, colour_mean=LITE_MEAN, colour_std=LITE_STD)
    for name, lite in LITES.items()
}  # the compact network by its backbone
