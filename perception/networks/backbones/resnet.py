# mypy: disable-error-code="no-any-return,no-untyped-call"
"""ResNet as a backbone: four stages of bottlenecks.

He et al., *Deep Residual Learning for Image Recognition*, CVPR 2016, with the stride in the 3×3
convolution, as today's published weights have it. The parameters bear torchvision's names.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import FeatureMap
from hydra_mono.perception.networks.interface import REFUSE_UNKNOWN, Count, Width

EXPANSION = 4  # channels after a bottleneck, by those inside it


@dataclass(frozen=True)
class ResNetConfig:
    """``inner``: channels inside the first stage's bottlenecks, doubled at each later stage.
    ``blocks``: bottlenecks of each stage. The defaults are ResNet-50's."""

    __pydantic_config__: ClassVar = REFUSE_UNKNOWN

    inner: Width = 64
    blocks: tuple[Count, Count, Count, Count] = (3, 4, 6, 3)


RESNETS = {"resnet50": ResNetConfig()}


class ResNet(nn.Module):
    """A pyramid of four maps at strides 4, 8, 16 and 32; no class tokens."""

    def __init__(self, config: ResNetConfig) -> None:
        super().__init__()
        self.config = config
        self.multiple, self.has_class_token = 32, False
        c = config.inner
        self.widths = (4 * c, 8 * c, 16 * c, 32 * c)
        self.conv1 = nn.Conv2d(3, c, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        first, second, third, fourth = config.blocks
        self.layer1 = _stage(c, c, first, stride=1)
        self.layer2 = _stage(4 * c, 2 * c, second, stride=2)
        self.layer3 = _stage(8 * c, 4 * c, third, stride=2)
        self.layer4 = _stage(16 * c, 8 * c, fourth, stride=2)

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[FeatureMap]:
        taps, x = [], image
        for index in range(4):
            x = self.stage(index, x)  # b 3 h w -> b 4c h/4 w/4 -> b 8c h/8 w/8 -> ...
            taps.append(FeatureMap(x, None))
        return taps

    def stage(self, index: int, x: Tensor) -> Tensor:
        """The map of a stage from that of the one before; of the first from the image."""
        if index == 0:
            x = F.relu(self.bn1(self.conv1(x)))
            x = F.max_pool2d(x, 3, stride=2, padding=1)
        return (self.layer1, self.layer2, self.layer3, self.layer4)[index](x)


class Bottleneck(nn.Module):
    """1×1, 3×3 (which carries the stride), 1×1 to four times the channels, beside a skip."""

    def __init__(self, c_in: int, inner: int, stride: int) -> None:
        super().__init__()
        c_out = EXPANSION * inner
        self.conv1 = nn.Conv2d(c_in, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or c_in != c_out:
            conv = nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        inner = F.relu(self.bn2(self.conv2(inner)))
        return F.relu(self.bn3(self.conv3(inner)) + self.downsample(x))


def _stage(c_in: int, inner: int, blocks: int, stride: int) -> nn.Sequential:
    rest = (Bottleneck(EXPANSION * inner, inner, 1) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(c_in, inner, stride), *rest)
