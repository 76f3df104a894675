# mypy: disable-error-code="no-any-return,no-untyped-call"
"""EfficientNet-Lite as a backbone: inverted residuals with ReLU6, without squeeze-and-excitation.

Tan and Le, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*, ICML 2019;
the Lite models drop the gates and the swish, and keep stem and last convolution unscaled.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import FeatureMap
from hydra_mono.perception.networks.interface import REFUSE_UNKNOWN, Count, Width

NORM_EPS = 1e-3  # of the published batch norms
NORM_MOMENTUM = 0.01  # TensorFlow's 0.99 as torch counts it
STEM_CHANNELS = 32
LITE_MEAN = (127 / 255, 127 / 255, 127 / 255)  # images are shown as (255 x − 127) / 128
LITE_STD = (128 / 255, 128 / 255, 128 / 255)
KERNELS = (3, 3, 5, 3, 5, 5, 3)  # of the seven stages' depthwise convolutions
STRIDES = (1, 2, 2, 2, 1, 2, 1)
EXPANSIONS = (1, 6, 6, 6, 6, 6, 6)
TAPPED_STAGES = (1, 2, 4, 6)  # the last stages at strides 4, 8, 16 and 32


@dataclass(frozen=True)
class LiteConfig:
    """Channels and blocks of the seven stages."""

    __pydantic_config__: ClassVar = REFUSE_UNKNOWN

    channels: tuple[Width, Width, Width, Width, Width, Width, Width] = (
        16,
        24,
        40,
        80,
        112,
        192,
        320,
    )
    repeats: tuple[Count, Count, Count, Count, Count, Count, Count] = (1, 2, 2, 3, 3, 4, 1)


LITES = {
    "efficientnet_lite0": LiteConfig(),
    "efficientnet_lite2": LiteConfig((16, 24, 48, 88, 120, 208, 352), (1, 3, 3, 4, 4, 5, 1)),
}


class EfficientNetLite(nn.Module):
    """A pyramid of four maps at strides 4, 8, 16 and 32; no class tokens."""

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        self.config = config
        self.multiple = 32
        self.has_class_token = False
        first, second, third, fourth = (config.channels[stage] for stage in TAPPED_STAGES)
        self.widths = (first, second, third, fourth)
        self.stem = SameConv(3, STEM_CHANNELS, 3, stride=2, bias=False)
        self.stem_norm = normed(STEM_CHANNELS)
        self.blocks = nn.ModuleList(_blocks(config))
        self.ends = [sum(config.repeats[: stage + 1]) for stage in TAPPED_STAGES]

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[FeatureMap]:
        taps, x = [], image
        for index in range(len(self.ends)):
            x = self.stage(index, x)
            taps.append(FeatureMap(x, None))  # b c h/4 w/4, then h/8, h/16, h/32
        return taps

    def stage(self, index: int, x: Tensor) -> Tensor:
        """The map of a tapped stage from that of the one before; of the first from the image."""
        if index == 0:
            x = F.relu6(self.stem_norm(self.stem(x)))  # b 3 h w -> b 32 h/2 w/2
        first = self.ends[index - 1] if index else 0
        for block in self.blocks[first : self.ends[index]]:
            x = block(x)
        return x


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, project; beside a skip where the shape stays.

    Sandler et al., *MobileNetV2*, CVPR 2018, section 3.3.
    """

    def __init__(self, c_in: int, c_out: int, *, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = c_in * expansion
        self.has_skip = stride == 1 and c_in == c_out
        self.expands = expansion > 1
        if self.expands:
            self.expand = nn.Conv2d(c_in, inner, 1, bias=False)
            self.expand_norm = normed(inner)
        self.depthwise = SameConv(inner, inner, kernel, stride=stride, groups=inner, bias=False)
        self.depthwise_norm = normed(inner)
        self.project = nn.Conv2d(inner, c_out, 1, bias=False)
        self.project_norm = normed(c_out)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu6(self.expand_norm(self.expand(x))) if self.expands else x
        inner = F.relu6(self.depthwise_norm(self.depthwise(inner)))
        projected = self.project_norm(self.project(inner))
        return x + projected if self.has_skip else projected


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's "same": ⌈n / stride⌉ outputs, and where the number of
    rows to add is odd, the extra one comes last."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = (int(size) for size in x.shape[2:])  # tracing passes them on as tensors
        top, bottom = same_padding(height, self.kernel_size[0], self.stride[0])
        left, right = same_padding(width, self.kernel_size[1], self.stride[1])
        if (top, left) == (bottom, right):  # no copy of the image is needed
            padding = (top, left)
            return F.conv2d(x, self.weight, self.bias, self.stride, padding, groups=self.groups)
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)


def same_padding(extent: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after ``extent`` pixels, as TensorFlow's "same" has them."""
    outputs = -(-extent // stride)
    total = max((outputs - 1) * stride + kernel - extent, 0)
    return total // 2, total - total // 2


def normed(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=NORM_EPS, momentum=NORM_MOMENTUM)


def _blocks(config: LiteConfig) -> list[InvertedResidual]:
    blocks, c_in = [], STEM_CHANNELS
    stages = zip(config.channels, config.repeats, KERNELS, STRIDES, EXPANSIONS, strict=True)
    for c_out, repeats, kernel, stride, expansion in stages:
        for repeat in range(repeats):
            step = 1 if repeat else stride
            blocks.append(
                InvertedResidual(c_in, c_out, kernel=kernel, stride=step, expansion=expansion)
            )
            c_in = c_out
    return blocks
