"""Published ImageNet classifiers as backbones: their names become ours, their heads are left out.

ResNet as torchvision publishes it; Swin as its authors or torchvision do; ViT as timm (DeiT) or
torchvision do.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from hydra_mono.perception.networks.backbones.resnet import ResNet, ResNetConfig
from hydra_mono.perception.networks.backbones.swin import Swin, SwinConfig
from hydra_mono.perception.networks.backbones.vit import VisionTransformer, VitConfig
from hydra_mono.perception.weights_io.checkpoint import load_strictly
from hydra_mono.perception.weights_io.files import read_weights

Renaming = tuple[tuple[str, str], ...]  # patterns and what they become, one after the other
HEADS = ("fc.", "head.", "heads.")  # ImageNet's classifiers
COMPUTED = ("relative_position_index", "attn_mask")  # of Swin's files; follow from the sizes
SWIN_OF_TORCHVISION: Renaming = (
    (r"^features\.0\.0\.", "patch_embed.proj."),
    (r"^features\.0\.2\.", "patch_embed.norm."),
    (r"^features\.1\.(\d+)\.", r"layers.0.blocks.\1."),
    (r"^features\.3\.(\d+)\.", r"layers.1.blocks.\1."),
    (r"^features\.5\.(\d+)\.", r"layers.2.blocks.\1."),
    (r"^features\.7\.(\d+)\.", r"layers.3.blocks.\1."),
    (r"^features\.2\.", "layers.0.downsample."),
    (r"^features\.4\.", "layers.1.downsample."),
    (r"^features\.6\.", "layers.2.downsample."),
    (r"\.mlp\.0\.", ".mlp.fc1."),
    (r"\.mlp\.3\.", ".mlp.fc2."),
)
_LAYER = r"^encoder\.layers\.encoder_layer_(\d+)\."
VIT_OF_TORCHVISION: Renaming = (
    (r"^class_token$", "cls_token"),
    (r"^encoder\.pos_embedding$", "pos_embed"),
    (r"^conv_proj\.", "patch_embed.proj."),
    (_LAYER + r"ln_([12])\.", r"blocks.\1.norm\2."),
    (_LAYER + r"self_attention\.in_proj_", r"blocks.\1.attn.qkv."),
    (_LAYER + r"self_attention\.out_proj\.", r"blocks.\1.attn.proj."),
    (_LAYER + r"mlp\.(?:0|linear_1)\.", r"blocks.\1.mlp.fc1."),
    (_LAYER + r"mlp\.(?:3|linear_2)\.", r"blocks.\1.mlp.fc2."),
    (r"^encoder\.ln\.", "norm."),
)


def load_resnet(path: Path, config: ResNetConfig) -> nn.Module:
    """The backbone with the weights of a published classifier, without its head.

    Raises:
        CheckpointError: a name is missing or left over, or a shape differs.
    """
    return _loaded(ResNet(config), path, (), {})


def load_swin(path: Path, config: SwinConfig) -> nn.Module:
    """Likewise; the norms of the first three maps, which a classifier lacks, begin as they are.

    Raises:
        CheckpointError: a name is missing or left over, or a shape differs.
    """
    backbone = Swin(config)
    ours = {f"norms.{name}": x for name, x in backbone.norms.state_dict().items()}
    return _loaded(backbone, path, SWIN_OF_TORCHVISION, ours)


def load_vit(path: Path, config: VitConfig) -> nn.Module:
    """Likewise; what DINOv2 has and a classifier has not changes nothing: factors of 1.

    Raises:
        CheckpointError: a name is missing or left over, or a shape differs.
    """
    ours = {"mask_token": torch.zeros(1, config.width)}
    for index in range(config.depth):
        ours |= {f"blocks.{index}.ls{k}.gamma": torch.ones(config.width) for k in (1, 2)}
    return _loaded(VisionTransformer(config), path, VIT_OF_TORCHVISION, ours)


def _loaded(
    backbone: nn.Module, path: Path, renaming: Renaming, ours: Mapping[str, Tensor]
) -> nn.Module:
    found = read_weights(path).tensors
    state = {
        renamed(name, renaming): value
        for name, value in found.items()
        if not name.startswith(HEADS) and not name.endswith(COMPUTED)
    }
    load_strictly(backbone, {**ours, **state}, path)
    return backbone.eval()


def renamed(name: str, renaming: Renaming) -> str:
    """Our name of a published parameter; its own where nothing fits."""
    for pattern, replacement in renaming:
        name = re.sub(pattern, replacement, name, count=1)
    return name
