# mypy: disable-error-code="no-any-return,no-untyped-call"
"""Heads of M2H: from a task's features to its map, at up to four times their resolution.

``compat`` keeps the order of operations of the published network. Without it, operations that
commute are swapped so that the wide maps at the highest resolution are never made: 1×1
convolutions go before bilinear upsampling, and the last of them before the upsampling block ends.
The values are the same up to rounding.
"""

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SeparableConv(nn.Module):
    """A convolution of each channel by itself, then a 1×1 convolution across channels."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, *, bias: bool = False, dilation: int = 1
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv2d(
            c_in, c_in, kernel, padding=padding, dilation=dilation, groups=c_in, bias=bias
        )
        self.pointwise = nn.Conv2d(c_in, c_out, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))


class UpsampleBlock(nn.Module):
    """Doubles the resolution; gated by channel, beside a skip."""

    def __init__(self, c_in: int, c_out: int, *, compat: bool) -> None:
        super().__init__()
        self.compat = compat
        self.upsample = nn.Sequential(
            nn.Conv2d(c_in, c_out, 3, padding=1),
            nn.BatchNorm2d(c_out),
            nn.ReLU(),
            nn.Conv2d(c_out, c_out, 3, padding=1),
            nn.BatchNorm2d(c_out),
            nn.ReLU(),
            nn.ConvTranspose2d(c_out, c_out, 2, stride=2),
        )
        self.residual = nn.Conv2d(c_in, c_out, 1)
        self.channel_attn = channel_gate(c_out)

    def forward(self, x: Tensor) -> Tensor:
        main = self.upsample(x)  # b c_out 2h 2w
        skip = self.residual(doubled(x)) if self.compat else doubled(self.residual(x))
        return main * self.channel_attn(main) + skip

    def predict(self, x: Tensor, predictor: nn.Conv2d) -> Tensor:
        """``predictor``, a 1×1 convolution, of the block's output."""
        if self.compat:
            return predictor(self(x))
        last = self.upsample[-1]
        assert isinstance(last, nn.ConvTranspose2d) and last.bias is not None
        inner = self.upsample[:-1](x)  # b c h w
        center = F.linear(inner.mean((2, 3)), last.weight.mean((2, 3)).T, last.bias)  # b c
        gate = self.channel_attn[1:](center[:, :, None, None])[:, :, 0, 0]  # b c
        gated = predictor.weight[:, :, 0, 0] * gate[:, None]  # b o c
        kernel = torch.einsum("boc,ickl->boikl", gated, last.weight)  # b o i 2 2
        quads = torch.einsum("bihw,boikl->bohkwl", inner, kernel)  # b o h 2 w 2
        main = quads.flatten(4, 5).flatten(2, 3)  # b o 2h 2w
        offset = (gated @ last.bias)[:, :, None, None]  # b o 1 1
        return main + offset + doubled(predictor(self.residual(x)))


class LightUpsampleBlock(nn.Module):
    """The same with separable and grouped convolutions, and bilinear upsampling."""

    def __init__(self, c_in: int, c_out: int, *, compat: bool) -> None:
        super().__init__()
        self.compat = compat
        self.conv1 = SeparableConv(c_in, c_out, 3)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = SeparableConv(c_out, c_out, 3)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.refine_conv = nn.Conv2d(c_out, c_out, 1, groups=4, bias=False)
        self.residual = nn.Conv2d(c_in, c_out, 1, groups=4, bias=False)
        self.channel_attn = channel_gate(c_out)

    def forward(self, x: Tensor) -> Tensor:
        if not self.compat:
            return doubled(self._low(x))
        main = self.refine_conv(doubled(self._inner(x)))  # b c_out 2h 2w
        return main * self.channel_attn(main) + self.residual(doubled(x))

    def predict(self, x: Tensor, predictor: nn.Conv2d) -> Tensor:
        """``predictor``, a 1×1 convolution, of the block's output."""
        if self.compat:
            return predictor(self(x))
        return doubled(predictor(self._low(x)))

    def _inner(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)))

    def _low(self, x: Tensor) -> Tensor:
        """The output before doubling."""
        main = self.refine_conv(self._inner(x))  # b c_out h w
        gate = self.channel_attn[1:](doubled_mean(main))  # b c_out 1 1
        return main * gate + self.residual(x)


class Aspp(nn.Module):
    """Atrous spatial pyramid pooling (Chen et al. 2017), and the mean of the whole image."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.aspp1 = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), *normed(width))
        self.aspp2 = self._branch(width, 6)
        self.aspp3 = self._branch(width, 12)
        self.aspp4 = self._branch(width, 18)
        self.global_avg_pool = pooled(width, width)
        self.conv1 = nn.Conv2d(5 * width, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)

    @staticmethod
    def _branch(width: int, dilation: int) -> nn.Sequential:
        conv = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        return nn.Sequential(conv, *normed(width))

    def forward(self, x: Tensor) -> Tensor:
        whole = self.global_avg_pool(x).expand_as(x)  # b c h w
        branches = [self.aspp1(x), self.aspp2(x), self.aspp3(x), self.aspp4(x), whole]
        return F.relu(self.bn1(self.conv1(torch.cat(branches, dim=1))))  # b 5c h w -> b c h w


class LightAspp(nn.Module):
    """Three branches of half the width: 1×1, separable with dilation 6, and the whole image."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        self.aspp1 = nn.Sequential(nn.Conv2d(width, half, 1, bias=False), *normed(half))
        self.aspp2 = nn.Sequential(SeparableConv(width, half, 3, dilation=6), *normed(half))
        self.global_avg_pool = pooled(width, half)
        self.project = nn.Sequential(nn.Conv2d(3 * half, width, 1, bias=False), *normed(width))

    def forward(self, x: Tensor) -> Tensor:
        whole = self.global_avg_pool(x).expand(-1, -1, *map(int, x.shape[2:]))  # b c/2 h w
        branches = torch.cat([self.aspp1(x), self.aspp2(x), whole], dim=1)  # b 3c/2 h w
        return self.project(branches)


class Refinement(nn.Module):
    """Two convolutions beside a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential()
        self.conv1.add_module("conv", nn.Conv2d(width, width, 3, padding=1))
        self.conv2 = nn.Sequential()
        self.conv2.add_module("conv", nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.conv2(F.relu(self.conv1(x))))


class LightRefinement(nn.Module):
    """One separable convolution beside a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(SeparableConv(width, width, 3), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x)


class DenseHead(nn.Module):
    """Depth or semantics: context, upsampling, refinement, a gate for each pixel, prediction.

    ``widths``: channels that come in, and after each doubling.
    """

    def __init__(
        self, widths: Sequence[int], c_out: int, *, kernel: int, light: bool, compat: bool
    ) -> None:
        super().__init__()
        block = LightUpsampleBlock if light else UpsampleBlock
        self.upsamplings, width = len(widths) - 1, widths[-1]
        self.aspp = LightAspp(widths[0]) if light else Aspp(widths[0])
        for index, (c_in, c_next) in enumerate(itertools.pairwise(widths), start=1):
            self.add_module(f"upsample{index}", block(c_in, c_next, compat=compat))
        self.refine = LightRefinement(width) if light else Refinement(width)
        self.final_conv = nn.Conv2d(width, c_out, kernel, padding=kernel // 2)
        self.spatial_attn = nn.Sequential(nn.Conv2d(width, 1, 3, padding=1), nn.Sigmoid())

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """The prediction at its own size, or at a smaller ``size`` that it is wanted at.

        A 1×1 prediction and resizing commute: the prediction is made of the smaller of the two.
        """
        x = self.aspp(x)
        for index in range(self.upsamplings):
            x = self.get_submodule(f"upsample{index + 1}")(x)
        x = self.refine(x)  # b c h w
        x = x * self.spatial_attn(x)
        commutes = self.final_conv.kernel_size == (1, 1)
        if size and commutes and size[0] * size[1] < x.shape[2] * x.shape[3]:
            x = resized(x, size)
        return self.final_conv(x)


class PlainHead(nn.Module):
    """Normals (bounded to -1..1) or edges: upsampling (``widths`` as above) and prediction."""

    def __init__(
        self,
        widths: Sequence[int],
        c_out: int,
        *,
        light: bool,
        compat: bool,
        bounded: bool = False,
    ) -> None:
        super().__init__()
        block = LightUpsampleBlock if light else UpsampleBlock
        self.bounded = bounded
        steps = [block(a, b, compat=compat) for a, b in itertools.pairwise(widths)]
        self.head = nn.Sequential(*steps, nn.Conv2d(widths[-1], c_out, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self._predicted(x)
        return torch.tanh(x) if self.bounded else x

    def _predicted(self, x: Tensor) -> Tensor:
        *steps, predictor = self.head
        assert isinstance(predictor, nn.Conv2d)
        if not steps:
            return predictor(x)
        for step in steps[:-1]:
            x = step(x)
        last = steps[-1]
        assert isinstance(last, (UpsampleBlock, LightUpsampleBlock))
        return last.predict(x, predictor)


def channel_gate(width: int) -> nn.Sequential:
    """A factor in 0..1 for each channel, from the mean of all channels over the image."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(width, width // 4, 1, bias=False),
        nn.ReLU(),
        nn.Conv2d(width // 4, width, 1, bias=False),
        nn.Sigmoid(),
    )


def normed(width: int) -> tuple[nn.Module, nn.Module]:
    return nn.BatchNorm2d(width), nn.ReLU()


def pooled(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(c_in, c_out, 1, bias=False),
        nn.GroupNorm(1, c_out),
        nn.ReLU(),
    )


def doubled(x: Tensor) -> Tensor:
    """Bilinear upsampling by two, corner pixels aligned."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


def doubled_mean(x: Tensor) -> Tensor:
    """The mean of each channel of ``doubled(x)``, without making it."""
    rows, columns = (_shares(int(extent), x) for extent in x.shape[2:])
    return torch.einsum("bchw,h,w->bc", x, rows, columns)[:, :, None, None]  # b c 1 1


def _shares(extent: int, like: Tensor) -> Tensor:
    """What each of ``extent`` samples contributes to the mean after doubling."""
    single = torch.eye(extent, device=like.device)[None]  # 1 h h
    twice = F.interpolate(single, scale_factor=2, mode="linear", align_corners=True)  # 1 h 2h
    return twice.mean((0, 2)).to(like.dtype)


def stretched(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resizing, corner pixels aligned."""
    if tuple(x.shape[2:]) == size:
        return x
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


def resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resizing, pixel areas aligned."""
    if tuple(x.shape[2:]) == size:
        return x
    return F.interpolate(x, size, mode="bilinear", align_corners=False)
