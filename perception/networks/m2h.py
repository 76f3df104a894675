# mypy: disable-error-code="no-any-return,no-untyped-call"
"""M2H: one image in; depth, semantics, normals and edges out. The network, read top to bottom.

Udugama et al., *M2H: Multi-Task Learning with Efficient Window-Based Cross-Task Attention for
Monocular Spatial Perception*, IROS 2025. Its small flavour and our compact one are the same
design with other numbers. Submodules bear the names of the published state dict.

Comments give shapes: b images; t = 4 tasks; c channels; g the backbone's grid (image / 14).
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.create import create_backbone
from hydra_mono.perception.networks.backbones.vit import Backbone, FeatureMap
from hydra_mono.perception.networks.heads import (
    DenseHead,
    PlainHead,
    resized,
    stretched,
)
from hydra_mono.perception.networks.interface import (
    MIN_DEPTH_M,
    MultiTaskNetwork,
    TaskMaps,
    TrainingMaps,
)
from hydra_mono.perception.networks.m2h_blocks import (
    Conv,
    GatedMerging,
    Reassembly,
    UniqueBranch,
    fusion_blocks,
    size_of,
)
from hydra_mono.perception.networks.m2h_config import FULL, TASKS, M2HConfig
from hydra_mono.perception.networks.methods.pyramid import pyramid_of
from hydra_mono.perception.networks.padding import pad_to_multiple
from hydra_mono.perception.networks.window_attention import WindowAttention


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
        size = size_of(features[0])
        pairs = zip(TASKS, inner, strict=True)
        if self.config.compat:
            return [self.post_attn_proj[task](stretched(x, size)) for task, x in pairs]
        return [stretched(self.post_attn_proj[task](x), size) for task, x in pairs]

    def _attention(self, features: list[Tensor]) -> list[Tensor]:
        for layer in self.cross_attn:
            features = layer(features)
        return features
