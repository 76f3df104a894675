# mypy: disable-error-code="no-any-return,no-untyped-call"
"""M2H: one image in; depth, semantics, normals and edges out. The network, read top to bottom.

Udugama et al., *M2H: Multi-Task Learning with Efficient Window-Based Cross-Task Attention for
Monocular Spatial Perception*, IROS 2025. Its small flavour and our compact one are the same
design with other numbers. Submodules bear the names of the published state dict.

Comments give shapes: b images; t = 4 tasks; c channels; g the backbone's grid (image / 14).
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.convnext import ConvConfig
from hydra_mono.perception.networks.backbones.create import BackboneConfig, create_backbone
from hydra_mono.perception.networks.backbones.efficientnet_lite import LITE_MEAN, LITE_STD, LITES
from hydra_mono.perception.networks.backbones.vit import Backbone, FeatureMap, VitConfig
from hydra_mono.perception.networks.heads import (
    DenseHead,
    PlainHead,
    SeparableConv,
    doubled,
    resized,
    stretched,
)
from hydra_mono.perception.networks.input_spec import COLOUR_MEAN, COLOUR_STD, InputSpec, Triple
from hydra_mono.perception.networks.interface import (
    MIN_DEPTH_M,
    REFUSE_UNKNOWN,
    Count,
    FocalPx,
    MultiTaskNetwork,
    Pixels,
    TaskMaps,
    TrainingMaps,
    Width,
)
from hydra_mono.perception.networks.methods.pyramid import pyramid_of
from hydra_mono.perception.networks.padding import pad_to_multiple
from hydra_mono.perception.networks.window_attention import WindowAttention

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


class M2H(MultiTaskNetwork):
    """The whole network. Any image size; the image is normalised by the caller.

    ``backbone``: an ``nn.Module`` of one's own in place of the config's.
    """

    def __init__(self, config: M2HConfig = FULL, backbone: Backbone | None = None) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone or create_backbone(config.backbone)
        self.mlt_head = MultiTaskHead(config, self.backbone)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> TaskMaps:
        height, width = int(image.shape[2]), int(image.shape[3])
        padded, top, left = pad_to_multiple(image, self.backbone.multiple)
        taps = self.backbone(padded)
        if self.config.compat:  # the padding stays in and shifts the maps a little
            return self.mlt_head(taps, (height, width))
        whole = self.mlt_head(taps, (int(padded.shape[2]), int(padded.shape[3])))
        rows, columns = slice(top, top + height), slice(left, left + width)
        maps = {task: values[:, :, rows, columns] for task, values in whole.items()}
        return maps | {"normals": F.normalize(maps["normals"], dim=1)}

    def training_maps(self, image: Float[Tensor, "b 3 h w"], size: tuple[int, int]) -> TrainingMaps:
        """Of images whose sides are multiples of the backbone's."""
        taps = self.backbone(image)
        shared = tuple(pyramid_of(taps))
        return TrainingMaps(self.mlt_head.own_maps(taps, size), shared=shared)


def _size(x: Tensor) -> tuple[int, int]:
    """Height and width, as integers while torch traces too."""
    return int(x.shape[2]), int(x.shape[3])


class MultiTaskHead(nn.Module):
    """Reassembly, a decoder per task, attention across tasks, gated merging, heads."""

    def __init__(self, config: M2HConfig, backbone: Backbone) -> None:
        super().__init__()
        c, light = config.channels, config.light
        self.config = config
        widths = backbone.widths
        self.reassemble_blocks: Reassembly | None = None
        if backbone.has_class_token:
            self.reassemble_blocks = Reassembly(widths[-1], light=light)
            widths = self.reassemble_blocks.widths
        self.convs = nn.ModuleList(Conv(width, c, 3, light=light, bias=False) for width in widths)
        for task in TASKS:
            self.add_module(f"fusion_blocks_{task}", fusion_blocks(config))
            self.add_module(f"project_{task}", Conv(c, c, 3, light=light, act=nn.ReLU()))
        inner = c // 4 if light else c
        if light:
            self.pre_attn_proj = nn.ModuleDict({t: nn.Conv2d(c, inner, 1) for t in TASKS})
            self.post_attn_proj = nn.ModuleDict({t: nn.Conv2d(inner, c, 1) for t in TASKS})
        self.cross_attn = nn.ModuleList(
            WindowAttention(
                inner,
                tasks=len(TASKS),
                heads=config.attention_heads,
                window=config.window,
                mask_padding=config.mask_padding,
            )
            for _ in range(config.attention_layers)
        )
        self.unique_depth_feature = UniqueBranch(backbone.widths[-1], config)
        self.unique_semantic_feature = UniqueBranch(backbone.widths[-1], config)
        self.restore_depth = GatedMerging(c, light=light)
        self.restore_semseg = GatedMerging(c, light=light)
        self._add_heads(config)

    def _add_heads(self, config: M2HConfig) -> None:
        widths = (config.channels, *config.widths)
        light, compat = config.light, config.compat
        self.conv_edge = PlainHead(widths, 1, light=light, compat=compat)
        self.conv_normal = PlainHead(widths, 3, light=light, compat=compat, bounded=True)
        self.conv_depth = DenseHead(widths, 1, kernel=3, light=light, compat=compat)
        self.seg_out = DenseHead(widths, config.classes, kernel=1, light=light, compat=compat)

    def forward(self, taps: list[FeatureMap], size: tuple[int, int]) -> TaskMaps:
        """All maps at ``size``."""
        return {task: resized(maps, size) for task, maps in self.own_maps(taps, size).items()}

    def own_maps(self, taps: list[FeatureMap], largest: tuple[int, int] | None = None) -> TaskMaps:
        """All maps at the heads' own resolution; semantics no larger than ``largest``."""
        pyramid = [conv(level) for conv, level in zip(self.convs, self._levels(taps), strict=True)]
        features = [self._decode(task, pyramid) for task in TASKS]  # t times b c 8g 8g
        edges, normals, semantics, depth = self._attend(features)
        if self.config.attention_skip:  # light attention works at half size, too coarse for edges
            edges, normals = edges + features[0], normals + features[1]
        last = taps[-1].features
        semantics = self.restore_semseg(features[2], semantics, self.unique_semantic_feature(last))
        depth = self.restore_depth(features[3], depth, self.unique_depth_feature(last))
        positive = F.softplus if self.config.smooth_depth else F.relu
        return {
            "depth": positive(self.conv_depth(depth)) + MIN_DEPTH_M,  # b 1 32g 32g
            "semantics": self.seg_out(semantics, None if self.config.compat else largest),  # b k
            "normals": F.normalize(self.conv_normal(normals), dim=1),  # b 3 32g 32g
            "edges": self.conv_edge(edges),  # b 1 32g 32g
        }

    def _levels(self, taps: list[FeatureMap]) -> list[Tensor]:
        """Four maps, each half the size of the one before."""
        if self.reassemble_blocks is None:
            return [tap.features for tap in taps]
        return self.reassemble_blocks(taps)

    def _decode(self, task: str, pyramid: list[Tensor]) -> Tensor:
        """A task's own features, fused from the coarsest map to the finest."""
        blocks = self.get_submodule(f"fusion_blocks_{task}")
        assert isinstance(blocks, nn.ModuleList)
        x = blocks[0](pyramid[3])  # b c g/2 -> b c g
        for block, finer in zip(list(blocks)[1:], pyramid[2::-1], strict=True):
            x = block(x, finer)  # -> 2g, 4g, 8g
        return self.get_submodule(f"project_{task}")(x)

    def _attend(self, features: list[Tensor]) -> list[Tensor]:
        if not self.config.light:
            return self._attention(features)
        inner = [
            F.max_pool2d(self.pre_attn_proj[task](x), 2)  # b c 8g 8g -> b c/4 4g 4g
            for task, x in zip(TASKS, features, strict=True)
        ]
        inner = self._attention(inner)
        size = _size(features[0])
        pairs = zip(TASKS, inner, strict=True)
        if self.config.compat:
            return [self.post_attn_proj[task](stretched(x, size)) for task, x in pairs]
        return [stretched(self.post_attn_proj[task](x), size) for task, x in pairs]

    def _attention(self, features: list[Tensor]) -> list[Tensor]:
        for layer in self.cross_attn:
            features = layer(features)
        return features


class Conv(nn.Module):
    """A convolution that keeps the size; whole, or separable in the light flavour."""

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        *,
        light: bool,
        bias: bool = True,
        act: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.act = act or nn.Identity()
        self.conv: nn.Module
        if light:
            self.conv = SeparableConv(c_in, c_out, kernel, bias=bias)
        else:
            self.conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x))


class Reassembly(nn.Module):
    """Tokens of four depths become maps of four scales (Ranftl et al. 2021, section 3).

    The class token is joined to every patch token and projected; then 1×1 convolutions and
    resizing by 4, 2, 1 and 1/2.
    """

    def __init__(self, width: int, *, light: bool) -> None:
        super().__init__()
        self.widths = (width // 8, width // 4, width // 2, width)
        self.readout_projects = nn.ModuleList(
            nn.Sequential(nn.Linear(2 * width, width), nn.GELU()) for _ in self.widths
        )
        self.projects = nn.ModuleList(Conv(width, w, 1, light=light) for w in self.widths)
        first, second, _, last = self.widths
        self.resize_layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(first, first, 4, stride=4),
                nn.ConvTranspose2d(second, second, 2, stride=2),
                nn.Identity(),
                nn.Conv2d(last, last, 3, stride=2, padding=1),
            ]
        )

    def forward(self, taps: list[FeatureMap]) -> list[Tensor]:
        levels = []
        for index, (patches, token) in enumerate(taps):
            assert token is not None
            tokens = patches.flatten(2).transpose(1, 2)  # b g*g w
            joined = torch.cat([tokens, token[:, None].expand_as(tokens)], dim=2)  # b g*g 2w
            mixed = self.readout_projects[index](joined)  # b g*g w
            x = mixed.transpose(1, 2).unflatten(2, _size(patches))  # b w g g
            levels.append(self.resize_layers[index](self.projects[index](x)))
        return levels


class ResidualUnit(nn.Module):
    """x + conv(ReLU(conv(ReLU(x))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = Conv(width, width, 3, light=False, bias=False)
        self.conv2 = Conv(width, width, 3, light=False, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class LightResidualUnit(nn.Module):
    """x + separable conv(GELU(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.GELU(), SeparableConv(width, width, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class FusionBlock(nn.Module):
    """Adds the next finer map, mixes, doubles (unless told not to) and projects.

    The light flavour uses one residual unit for the finer map and for the sum.
    """

    def __init__(self, config: M2HConfig, *, first: bool = False, doubles: bool = True) -> None:
        super().__init__()
        c = config.channels
        self.compat, self.doubles = config.compat, doubles
        self.project: nn.Module
        if config.light:
            self.res_unit = LightResidualUnit(c)
            self.project = nn.Conv2d(c, c, 1)
            return
        if not first:
            self.res_conv_unit1 = ResidualUnit(c)
        self.res_conv_unit2 = ResidualUnit(c)
        self.project = Conv(c, c, 1, light=False)

    def forward(self, x: Tensor, finer: Tensor | None = None) -> Tensor:
        light = hasattr(self, "res_unit")
        if finer is not None:
            finer = resized(finer, _size(x))
            x = x + (self.res_unit(finer) if light else self.res_conv_unit1(finer))
        x = self.res_unit(x) if light else self.res_conv_unit2(x)
        if not self.doubles:
            return self._projected(x)
        if self.compat:
            return self._projected(doubled(x))
        return doubled(self._projected(x))  # a 1×1 convolution and interpolation commute

    def _projected(self, x: Tensor) -> Tensor:
        return self.project(x)


def fusion_blocks(config: M2HConfig) -> nn.ModuleList:
    """From the coarsest map (g/2) to the size of the features."""
    return nn.ModuleList(
        FusionBlock(config, first=k == 0, doubles=2**k <= config.feature_scale) for k in range(4)
    )


class Reduction(nn.Module):
    """A 1×1 convolution and one that halves the size."""

    def __init__(self, width: int, *, light: bool) -> None:
        super().__init__()
        self.projects = Conv(width, width, 1, light=light)
        self.resize_layers = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.resize_layers(self.projects(x))


class UniqueBranch(nn.Module):
    """A task's own features straight from the backbone's last map, without the class token."""

    def __init__(self, width: int, config: M2HConfig) -> None:
        super().__init__()
        light = config.light
        self.reassemble = Reduction(width, light=light)
        self.conv_proj = Conv(width, config.channels, 3, light=light, act=nn.GELU())
        self.fusion_block = FusionBlock(config, first=True)

    def forward(self, last: Tensor) -> Tensor:
        x = self.reassemble(last)  # b w g/2 g/2
        return self.fusion_block(self.conv_proj(x))  # b c g g


class GatedMerging(nn.Module):
    """Global gated feature merging of a task's features, the attended ones and the unique ones.

    Each channel of each stream is weighed by a gate in 0..1 that depends on the whole image.
    """

    def __init__(self, width: int, *, light: bool) -> None:
        super().__init__()
        groups = 4 if light else 1
        self.conv_orig = nn.Conv2d(width, width, 1, groups=groups, bias=False)
        self.conv_attn = nn.Conv2d(width, width, 1, groups=groups, bias=False)
        self.conv_uniq = nn.Conv2d(width, width, 1, groups=groups, bias=False)
        self.gate_fc = merging_gate(width, light=light)
        inner = width * 3 // 2 if light else 4 * width
        self.ffn = nn.Sequential(
            nn.Conv2d(width, inner, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(inner, width, 1, bias=False),
        )
        self.out_conv = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, features: Tensor, attended: Tensor, unique: Tensor) -> Tensor:
        size = _size(features)
        streams = [
            self.conv_orig(features),
            self.conv_attn(attended),
            stretched(self.conv_uniq(unique), size),
        ]
        means = torch.cat([x.mean((2, 3), keepdim=True) for x in streams], dim=1)  # b 3c 1 1
        first, second, third = self.gate_fc(means).chunk(3, dim=1)  # each b c 1 1
        merged = first * streams[0] + second * streams[1] + third * streams[2]
        return self.out_conv(merged + self.ffn(merged))


def merging_gate(width: int, *, light: bool) -> nn.Sequential:
    """Gates of three streams from the means of their channels."""
    wide = 3 * width
    if light:
        return nn.Sequential(nn.Conv2d(wide, wide, 1, bias=False), nn.Sigmoid())
    return nn.Sequential(
        nn.Conv2d(wide, width, 1, bias=False),
        nn.ReLU(),
        nn.Conv2d(width, wide, 1, bias=False),
        nn.Sigmoid(),
    )
