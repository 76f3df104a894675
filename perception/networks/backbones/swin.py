# mypy: disable-error-code="no-any-return,no-untyped-call"
"""Swin transformer as a backbone: attention within windows that are shifted in every other block.

Liu et al., *Swin Transformer: Hierarchical Vision Transformer using Shifted Windows*, ICCV 2021.
The parameters bear the names of its own checkpoints. Maps are b h w c inside.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64, Shaped
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import FeatureMap
from hydra_mono.perception.networks.interface import REFUSE_UNKNOWN, Count, Width

PATCH = 4  # pixels
BLOCKED = -100.0  # added to scores across a border that the shift wraps round; the published value


@dataclass(frozen=True)
class SwinConfig:
    """``width``: of the first stage, doubled at each later one. The defaults are Swin-T's."""

    __pydantic_config__: ClassVar = REFUSE_UNKNOWN

    width: Width = 96
    depths: tuple[Count, Count, Count, Count] = (2, 2, 6, 2)
    heads: tuple[Count, Count, Count, Count] = (3, 6, 12, 24)
    window: Count = 7

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for numbers that make no transformer."""
        widths = [self.width * 2**k for k in range(4)]
        if not self.window or any(not h or w % h for w, h in zip(widths, self.heads, strict=True)):
            raise ValueError(f"{self.width} channels cannot be split into {self.heads} heads")


SWINS = {"swin_t": SwinConfig()}


class Swin(nn.Module):
    """A pyramid of four maps at strides 4, 8, 16 and 32, each normed; no class tokens.

    The norms of the first three maps are ours to train: a classifier has none there.
    """

    def __init__(self, config: SwinConfig) -> None:
        super().__init__()
        self.config = config
        self.multiple, self.has_class_token = 32, False
        c = config.width
        self.widths = (c, 2 * c, 4 * c, 8 * c)
        self.patch_embed = PatchEmbedding(c)
        self.layers = nn.ModuleList(
            Stage(width, depth, heads, config.window, merges=stage < 3)
            for stage, (width, depth, heads) in enumerate(
                zip(self.widths, config.depths, config.heads, strict=True)
            )
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in self.widths[:3])
        self.norm = nn.LayerNorm(8 * c)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[FeatureMap]:
        taps = []
        x = self.patch_embed(image)  # b h/4 w/4 c
        for layer, norm in zip(self.layers, (*self.norms, self.norm), strict=True):
            assert isinstance(layer, Stage)
            x = layer(x)
            taps.append(FeatureMap(norm(x).permute(0, 3, 1, 2).contiguous(), None))
            x = layer.downsample(x)  # b h/2 w/2 2c
        return taps


class PatchEmbedding(nn.Module):
    """Projects patches of 4×4 pixels to tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH, stride=PATCH)
        self.norm = nn.LayerNorm(width)

    def forward(self, image: Tensor) -> Tensor:
        return self.norm(self.proj(image).permute(0, 2, 3, 1))


class Stage(nn.Module):
    """Blocks of one scale; ``downsample`` goes on to the next, where there is one."""

    def __init__(self, width: int, depth: int, heads: int, window: int, *, merges: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            Block(width, heads, window, shift=window // 2 if index % 2 else 0)
            for index in range(depth)
        )
        self.downsample = Merging(width) if merges else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x


class Merging(nn.Module):
    """Four neighbours side by side, normed and projected to twice the channels of one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(4 * width)

    def forward(self, x: Tensor) -> Tensor:
        parts = [x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)]
        return self.reduction(self.norm(torch.cat(parts, dim=3)))


class Block(nn.Module):
    """Windowed attention and a two-layer perceptron, each normed before."""

    def __init__(self, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = WindowAttention(width, heads, window, shift)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Perceptron(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class WindowAttention(nn.Module):
    """Attention within windows, with a trained bias by the offset of two positions.

    Maps that do not divide into windows are filled up with zeros below and at the right; a map no
    larger than a window is not shifted along that side.
    """

    def __init__(self, width: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        offsets = (2 * window - 1) ** 2
        self.relative_position_bias_table = nn.Parameter(torch.zeros(offsets, heads))
        self.register_buffer("offset_index", offset_index(window), persistent=False)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        window, height, width = self.window, int(x.shape[1]), int(x.shape[2])
        x = F.pad(x, (0, 0, 0, -width % window, 0, -height % window))
        size = (int(x.shape[1]), int(x.shape[2]))
        shifts = [0 if side <= window else self.shift for side in size]
        x = torch.roll(x, (-shifts[0], -shifts[1]), (1, 2))
        mixed = self._attended(windows_of(x, window), size, shifts)
        x = map_of(mixed, size, window)
        return torch.roll(x, (shifts[0], shifts[1]), (1, 2))[:, :height, :width]

    def _attended(self, tokens: Tensor, size: tuple[int, int], shifts: list[int]) -> Tensor:
        split = self.qkv(tokens).unflatten(2, (3, self.heads, -1))  # n t 3 heads d
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each n heads t d
        assert isinstance(self.offset_index, Tensor)
        bias = self.relative_position_bias_table[self.offset_index].permute(2, 0, 1)[None]
        if any(shifts):
            blocked = ~together(size, self.window, shifts).to(tokens.device)  # windows t t
            images = len(tokens) // len(blocked)
            bias = bias + BLOCKED * blocked.repeat(images, 1, 1)[:, None]
        mixed = F.scaled_dot_product_attention(query, key, value, bias.to(query.dtype))
        return self.proj(mixed.transpose(1, 2).flatten(2))  # n t c


class Perceptron(nn.Module):
    """Linear, GELU, linear, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


def windows_of(x: Shaped[Tensor, "b h w c"], window: int) -> Shaped[Tensor, "n t c"]:
    """Tokens of each window, row by row; the windows of one image after the other."""
    grid = x.unflatten(2, (-1, window)).unflatten(1, (-1, window))  # b gh window gw window c
    return grid.transpose(2, 3).flatten(3, 4).flatten(0, 2)


def map_of(tokens: Tensor, size: tuple[int, int], window: int) -> Float[Tensor, "b h w c"]:
    """The inverse of ``windows_of``."""
    rows, columns = size[0] // window, size[1] // window
    grid = tokens.unflatten(1, (window, window)).unflatten(0, (-1, rows, columns))
    return grid.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def offset_index(window: int) -> Int64[Tensor, "t t"]:
    """Which row of the bias table belongs to two positions of a window."""
    row, column = np.divmod(np.arange(window**2), window)
    rows = row[:, None] - row + window - 1
    columns = column[:, None] - column + window - 1
    return torch.from_numpy((rows * (2 * window - 1) + columns).astype(np.int64))


def together(size: tuple[int, int], window: int, shifts: list[int]) -> Bool[Tensor, "n t t"]:
    """Which positions of a window were neighbours before the map was rolled."""

    def part(side: int, shift: int) -> Tensor:
        """0, or 1 for rows that came round from the other end."""
        return (torch.arange(side) >= side - shift).long()

    regions = 2 * part(size[0], shifts[0])[:, None] + part(size[1], shifts[1])
    tokens = windows_of(regions[None, :, :, None], window)[..., 0]  # n t
    return tokens[:, :, None] == tokens[:, None]
