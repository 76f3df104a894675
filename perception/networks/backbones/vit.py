# mypy: disable-error-code="no-any-return,no-untyped-call"
"""Backbones: an image becomes four feature maps. DINOv2's vision transformer, written out.

Oquab et al., *DINOv2: Learning Robust Visual Features without Supervision*, 2023;
Darcet et al., *Vision Transformers Need Registers*, 2023.
The parameters bear the names of DINOv2's own checkpoints.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.interface import REFUSE_UNKNOWN, Count, Width


class FeatureMap(NamedTuple):
    """One tapped feature map and, of a transformer, the class token at the same depth."""

    features: Float[Tensor, "b c gh gw"]
    class_token: Float[Tensor, "b c"] | None


@runtime_checkable
class Backbone(Protocol):
    """What the network needs of a backbone (any ``nn.Module`` with these).

    ``multiple``: height and width of the image have to be multiples of it.
    ``widths``: channels of the four maps. With class tokens, all maps come at one scale and in
    order of depth; without, they are a pyramid, each half the size of the one before.
    """

    multiple: int
    widths: tuple[int, int, int, int]
    has_class_token: bool

    def __call__(self, image: Float[Tensor, "b 3 h w"]) -> list[FeatureMap]: ...


@dataclass(frozen=True)
class VitConfig:
    """Sizes of a DINOv2 vision transformer; the defaults are ViT-S/14's."""

    __pydantic_config__: ClassVar = REFUSE_UNKNOWN

    width: Width = 384  # channels of a token
    depth: Count = 12  # blocks
    heads: Count = 6
    taps: tuple[Count, Count, Count, Count] = (2, 5, 8, 11)  # blocks whose outputs are used, from 0
    registers: Count = 0  # extra tokens; checkpoints with them have 4
    patch: Count = 14  # pixels
    grid: Count = 37  # patches along a side of the images it was trained on

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for numbers that make no transformer."""
        if not self.heads or self.width % self.heads:
            raise ValueError(f"{self.width} channels cannot be split into {self.heads} heads")
        if list(self.taps) != sorted(set(self.taps)) or self.taps[-1] >= self.depth:
            raise ValueError(f"of {self.depth} blocks, {self.taps} cannot be used")
        if not self.patch or not self.grid:
            raise ValueError("patches and grid need a size")


VITS = {  # Dosovitskiy et al., ICLR 2021, and Touvron et al. (DeiT), ICML 2021, at 224×224
    "vit_s16": VitConfig(patch=16, grid=14),
    "vit_b16": VitConfig(width=768, heads=12, patch=16, grid=14),
    "vit_l16": VitConfig(1024, 24, 16, (5, 11, 17, 23), patch=16, grid=14),
}


class VisionTransformer(nn.Module):
    """DINOv2's ViT; gives the tokens after four of its blocks, without the final norm."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.multiple = config.patch
        self.widths = (width, width, width, width)
        self.has_class_token = True
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + config.grid**2, width))
        if config.registers:
            self.register_tokens = nn.Parameter(torch.zeros(1, config.registers, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))  # of DINOv2's training; unused here
        self.patch_embed = PatchEmbedding(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)  # of the last tokens; unused here
        self.resampled: dict[tuple[int, int], Tensor] | None = None

    def keep_positions(self) -> None:
        """From now on resamples positions once per size of image; the weights must not change."""
        self.resampled = {}

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[FeatureMap]:
        patch = self.config.patch
        grid = (int(image.shape[2]) // patch, int(image.shape[3]) // patch)  # no tensors, traced
        tokens = self._embed(image, grid)  # b t c
        taps: list[FeatureMap] = []
        for index, block in enumerate(self.blocks):
            tokens = block(tokens)
            if index in self.config.taps:
                taps.append(self._tap(tokens, grid))
            if index == self.config.taps[-1]:
                break
        return taps

    def _embed(self, image: Tensor, grid: tuple[int, int]) -> Tensor:
        patches = self.patch_embed(image)  # b gh*gw c
        head = self.cls_token.expand(len(image), -1, -1)  # b 1 c
        tokens = torch.cat([head, patches], dim=1) + self._known_positions(grid)  # b 1+gh*gw c
        if not self.config.registers:
            return tokens
        registers = self.register_tokens.expand(len(image), -1, -1)  # b r c
        return torch.cat([tokens[:, :1], registers, tokens[:, 1:]], dim=1)  # b 1+r+gh*gw c

    def _known_positions(self, grid: tuple[int, int]) -> Tensor:
        if self.resampled is None:
            return self._positions(grid)
        if grid not in self.resampled:
            self.resampled[grid] = self._positions(grid)
        return self.resampled[grid]

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        """The trained positions, resampled bicubically to the grid as DINOv2 does it.

        Models without registers were trained with 0.1 added to the size that the scale is
        computed from; those with registers without it, and with antialiasing.
        """
        side = self.config.grid
        if grid == (side, side):
            return self.pos_embed
        square = self.pos_embed[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)  # 1 c s s
        if self.config.registers:
            resized = F.interpolate(square.float(), grid, mode="bicubic", antialias=True)
        else:
            scale = ((grid[0] + 0.1) / side, (grid[1] + 0.1) / side)
            resized = F.interpolate(square.float(), scale_factor=scale, mode="bicubic")
        patches = resized.to(square.dtype).flatten(2).transpose(1, 2)  # 1 gh*gw c
        return torch.cat([self.pos_embed[:, :1], patches], dim=1)  # 1 1+gh*gw c

    def _tap(self, tokens: Tensor, grid: tuple[int, int]) -> FeatureMap:
        patches = tokens[:, 1 + self.config.registers :]  # b gh*gw c
        features = patches.transpose(1, 2).unflatten(2, grid)  # b c gh gw
        return FeatureMap(features.contiguous(), tokens[:, 0])


class PatchEmbedding(nn.Module):
    """Cuts the image into patches and projects each to a token."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, config.width, config.patch, stride=config.patch)

    def forward(self, image: Tensor) -> Tensor:
        return self.proj(image).flatten(2).transpose(1, 2)  # b gh*gw c


class Block(nn.Module):
    """Attention and a two-layer perceptron, each normed before and scaled after."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width, eps=1e-6)
        self.attn = SelfAttention(config)
        self.ls1 = LayerScale(config.width)
        self.norm2 = nn.LayerNorm(config.width, eps=1e-6)
        self.mlp = Perceptron(config.width)
        self.ls2 = LayerScale(config.width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        tokens = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return tokens


class SelfAttention(nn.Module):
    """Multi-head attention with one projection for queries, keys and values."""

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.proj = nn.Linear(config.width, config.width)

    def forward(self, tokens: Tensor) -> Tensor:
        split = self.qkv(tokens).unflatten(2, (3, self.heads, -1))  # b t 3 heads d
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each b heads t d
        mixed = F.scaled_dot_product_attention(query, key, value)  # b heads t d
        return self.proj(mixed.transpose(1, 2).flatten(2))  # b t c


class LayerScale(nn.Module):
    """One trained factor per channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), 1e-5))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


class Perceptron(nn.Module):
    """Linear, GELU, linear, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(tokens)))
