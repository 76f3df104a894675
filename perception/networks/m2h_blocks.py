# mypy: disable-error-code="no-any-return,no-untyped-call"
"""The parts of M2H: reassembly of tokens, fusion blocks, unique branches, gated merging.

Submodules bear the names of the published state dict. Comments give shapes as in ``m2h``.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import FeatureMap
from hydra_mono.perception.networks.heads import (
    SeparableConv,
    doubled,
    resized,
    stretched,
)
from hydra_mono.perception.networks.m2h_config import M2HConfig


def size_of(x: Tensor) -> tuple[int, int]:
    """Height and width, as integers while torch traces too."""
    return int(x.shape[2]), int(x.shape[3])


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
            x = mixed.transpose(1, 2).unflatten(2, size_of(patches))  # b w g g
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
            finer = resized(finer, size_of(x))
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
        size = size_of(features)
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
