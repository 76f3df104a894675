# mypy: disable-error-code="no-any-return,no-untyped-call,operator"
"""HRNet as a backbone: four scales side by side, each told of the others after every module.

Wang et al., *Deep High-Resolution Representation Learning for Visual Recognition*, PAMI 2020. The
parameters bear the names of the published classifiers (HRNet-Image-Classification, Open-MMLab).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.vit import FeatureMap
from hydra_mono.perception.networks.interface import REFUSE_UNKNOWN, Count, Width

STEM_CHANNELS = 64
FIRST_CHANNELS = 256  # after the first stage's bottlenecks
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class HrNetConfig:
    """``channels``: of the finest scale, doubled at each coarser one. ``bottlenecks``: of the first
    stage. ``modules``: of the stages with two, three and four scales. ``repeats``: blocks a scale
    and module."""

    __pydantic_config__: ClassVar = REFUSE_UNKNOWN

    channels: Width = 18
    bottlenecks: Count = 2
    modules: tuple[Count, Count, Count] = (1, 3, 2)
    repeats: Count = 2


HRNETS = {
    "hrnet_w18_s": HrNetConfig(),  # "small v2"
    "hrnet_w48": HrNetConfig(48, 4, (1, 4, 3), 4),
}


class HrNet(nn.Module):
    """A pyramid of four maps at strides 4, 8, 16 and 32; no class tokens."""

    def __init__(self, config: HrNetConfig) -> None:
        super().__init__()
        self.config = config
        self.multiple, self.has_class_token = 32, False
        c = config.channels
        self.widths = (c, 2 * c, 4 * c, 8 * c)
        self.conv1 = nn.Conv2d(3, STEM_CHANNELS, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS)
        self.conv2 = nn.Conv2d(STEM_CHANNELS, STEM_CHANNELS, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(STEM_CHANNELS)
        widths = (STEM_CHANNELS, *(FIRST_CHANNELS,) * (config.bottlenecks - 1))
        self.layer1 = nn.Sequential(*(WideBlock(width) for width in widths))
        first = nn.Sequential(*_conv(FIRST_CHANNELS, c), nn.ReLU())
        self.transition1 = nn.ModuleList([first, _coarser(FIRST_CHANNELS, 2 * c)])
        self.transition2 = nn.ModuleList([nn.Identity(), nn.Identity(), _coarser(2 * c, 4 * c)])
        self.transition3 = nn.ModuleList(
            [nn.Identity(), nn.Identity(), nn.Identity(), _coarser(4 * c, 8 * c)]
        )
        self.stage2, self.stage3, self.stage4 = (
            nn.Sequential(*(Module(self.widths[: k + 2], config.repeats) for _ in range(count)))
            for k, count in enumerate(config.modules)
        )

    def forward(self, image: Float[Tensor, "b 3 h w"]) -> list[FeatureMap]:
        x = F.relu(self.bn1(self.conv1(image)))  # b 64 h/2 w/2
        x = self.layer1(F.relu(self.bn2(self.conv2(x))))  # b 256 h/4 w/4
        maps = self.stage2([layer(x) for layer in self.transition1])
        maps = self.stage3([*maps, self.transition2[2](maps[-1])])
        maps = self.stage4([*maps, self.transition3[3](maps[-1])])
        return [FeatureMap(values, None) for values in maps]  # b c h/4 w/4 to b 8c h/32 w/32


class Module(nn.Module):
    """Blocks at each scale, then each scale takes the sum of all."""

    def __init__(self, widths: tuple[int, ...], repeats: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(PlainBlock(width) for _ in range(repeats))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(_between(widths, source, target) for source in range(len(widths)))
            for target in range(len(widths))
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        own = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        fused = []
        for target, layers in enumerate(self.fuse_layers):
            assert isinstance(layers, nn.ModuleList)
            size = (int(own[target].shape[2]), int(own[target].shape[3]))
            total = own[target]
            for source, layer in enumerate(layers):
                if source != target:
                    told = layer(own[source])
                    total = total + (F.interpolate(told, size) if source > target else told)
            fused.append(F.relu(total))
        return fused


class PlainBlock(nn.Module):
    """Two 3×3 convolutions beside a skip."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + x)


class WideBlock(nn.Module):
    """1×1 to 64 channels, 3×3, 1×1 to 256, beside a skip."""

    def __init__(self, c_in: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, STEM_CHANNELS, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS)
        self.conv2 = nn.Conv2d(STEM_CHANNELS, STEM_CHANNELS, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(STEM_CHANNELS)
        self.conv3 = nn.Conv2d(STEM_CHANNELS, FIRST_CHANNELS, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(FIRST_CHANNELS)
        self.downsample: nn.Module = nn.Identity()
        if c_in != FIRST_CHANNELS:
            conv = nn.Conv2d(c_in, FIRST_CHANNELS, 1, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(FIRST_CHANNELS))

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(x)))
        inner = F.relu(self.bn2(self.conv2(inner)))
        return F.relu(self.bn3(self.conv3(inner)) + self.downsample(x))


def _between(widths: tuple[int, ...], source: int, target: int) -> nn.Module:
    """From one scale to another: 1×1 to a finer one, 3×3 by strides of 2 to a coarser one."""
    c_in, c_out = widths[source], widths[target]
    if source > target:
        return nn.Sequential(nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out))
    if source == target:
        return nn.Identity()
    steps = [
        nn.Sequential(*_conv(c_in, c_in, stride=2), nn.ReLU()) for _ in range(target - source - 1)
    ]
    return nn.Sequential(*steps, nn.Sequential(*_conv(c_in, c_out, stride=2)))


def _coarser(c_in: int, c_out: int) -> nn.Sequential:
    """A new scale, half as fine; nested as in the published names."""
    return nn.Sequential(nn.Sequential(*_conv(c_in, c_out, stride=2), nn.ReLU()))


def _conv(c_in: int, c_out: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False)
    return conv, nn.BatchNorm2d(c_out)
