"""Which backbone has which numbers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from hydra_mono.perception.networks.backbones.convnext import ConvBackbone, ConvConfig
from hydra_mono.perception.networks.backbones.efficientnet_lite import (
    EfficientNetLite,
    LiteConfig,
)
from hydra_mono.perception.networks.backbones.hrnet import HrNet, HrNetConfig
from hydra_mono.perception.networks.backbones.resnet import ResNet, ResNetConfig
from hydra_mono.perception.networks.backbones.swin import Swin, SwinConfig
from hydra_mono.perception.networks.backbones.vit import VisionTransformer, VitConfig
from hydra_mono.perception.networks.interface import Shapes
from hydra_mono.perception.networks.shapes import count, extent

BackboneConfig = VitConfig | ConvConfig | LiteConfig | HrNetConfig | ResNetConfig | SwinConfig
AnyBackbone = VisionTransformer | ConvBackbone | EfficientNetLite | HrNet | ResNet | Swin
# A new backbone is a module with a config and a row here.
BUILDERS: Mapping[type, Callable[[Any], AnyBackbone]] = {
    VitConfig: VisionTransformer,
    ConvConfig: ConvBackbone,
    LiteConfig: EfficientNetLite,
    HrNetConfig: HrNet,
    ResNetConfig: ResNet,
    SwinConfig: Swin,
}


def create_backbone(config: BackboneConfig) -> AnyBackbone:
    """The backbone whose numbers these are."""
    return BUILDERS[type(config)](config)


@runtime_checkable
class Staged(Protocol):
    """A backbone that can be computed stage by stage, each from the map of the one before."""

    def stage(self, index: int, x: Tensor) -> Tensor: ...


def has_stages(backbone: object) -> bool:
    return isinstance(backbone, Staged)


def describe_backbone(shapes: Shapes, prefix: str = "") -> str:
    """A phrase with the sizes of a backbone, by the names of its parameters."""
    if prefix + "cls_token" in shapes:
        width = extent(shapes, prefix + "cls_token", -1)
        registers = extent(shapes, prefix + "register_tokens", 1)
        blocks = count(shapes, prefix + "blocks.")
        return f"a vision transformer {width} wide with {blocks} blocks and {registers} registers"
    stages = list(_stages(shapes, prefix))
    if stages:
        return f"a ConvNeXt of {', '.join(stages)} blocks"
    names = sum(name.startswith(prefix) for name in shapes)
    return f"another backbone of {names} tensors"


def _stages(shapes: Shapes, prefix: str) -> Iterator[str]:
    """Width and number of blocks of each stage of a convolutional backbone."""
    for stage in range(count(shapes, prefix + "stages.")):
        width = extent(shapes, f"{prefix}stages.{stage}.0.norm.weight", 0)
        yield f"{width}×{count(shapes, f'{prefix}stages.{stage}.')}"
