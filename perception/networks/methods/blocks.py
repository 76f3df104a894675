# mypy: disable-error-code="no-any-return,no-untyped-call"
"""Convolutions with norms, residual blocks and heads that several methods are built of.

Every batch norm is registered right after its convolution, so that the two can be fused.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_block(c_in: int, c_out: int, kernel: int = 1, *, relu: bool = True) -> nn.Sequential:
    """Convolution, batch norm and, unless told not to, ReLU; keeps the size."""
    conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False)
    parts = [conv, nn.BatchNorm2d(c_out), *([nn.ReLU()] if relu else [])]
    return nn.Sequential(*parts)


def task_head(wide: int, channels: int) -> nn.Sequential:
    """From the shared features to one task's map: 3×3 to a quarter of the channels, then 1×1."""
    inner = max(1, wide // 4)
    return nn.Sequential(*conv_block(wide, inner, 3), nn.Conv2d(inner, channels, 1))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a skip (He et al., CVPR 2016, figure 5 left)."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.first = conv_block(c_in, c_out, 3)
        self.second = conv_block(c_out, c_out, 3, relu=False)
        self.skip = shortcut(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(self.first(x)) + self.skip(x))


class Bottleneck(nn.Module):
    """1×1 to ``inner`` channels, 3×3, 1×1 back, beside a skip (the same, figure 5 right)."""

    def __init__(self, c_in: int, c_out: int, inner: int) -> None:
        super().__init__()
        self.narrow = conv_block(c_in, inner)
        self.middle = conv_block(inner, inner, 3)
        self.widen = conv_block(inner, c_out, relu=False)
        self.skip = shortcut(c_in, c_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.widen(self.middle(self.narrow(x))) + self.skip(x))


def bottlenecks(c_in: int, width: int) -> nn.Sequential:
    """Two, a quarter as wide inside: the head of PAD-Net and its successors."""
    inner = max(1, width // 4)
    return nn.Sequential(Bottleneck(c_in, width, inner), Bottleneck(width, width, inner))


def shortcut(c_in: int, c_out: int) -> nn.Module:
    return nn.Identity() if c_in == c_out else nn.Conv2d(c_in, c_out, 1, bias=False)


class SqueezeExcitation(nn.Module):
    """Channels gated by their means (Hu, Shen and Sun, CVPR 2018)."""

    def __init__(self, width: int, reduction: int = 16) -> None:
        super().__init__()
        inner = max(1, width // reduction)
        self.narrow = nn.Linear(width, inner, bias=False)
        self.widen = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.widen(F.relu(self.narrow(x.mean((2, 3))))))  # b c
        return x * gate[:, :, None, None]
