"""Predictors: what turns a frame into depth, labels, normals and edges."""

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import BadFrameError, ConfigError
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace, load_label_space
from hydra_mono.core.prediction import Prediction, Predictor
from hydra_mono.perception.networks.registry import DEFAULT, MODULES, method, name_of
from hydra_mono.perception.predictors.plug_in import plugged_in

if TYPE_CHECKING:  # torch takes a second to import; the sensor needs none
    import torch

    from hydra_mono.perception.networks.input_spec import InputSpec
    from hydra_mono.perception.networks.interface import MultiTaskNetwork
    from hydra_mono.perception.predictors.network import Network

SHIPPED = "m2h_compact_nyu40.safetensors"  # learned simulated rooms best (model card)
SHIPPED_REAL = "m2h_lite2_nyu40.safetensors"  # begins with a million photographs' features
SIMULATED = "apartment"  # the label space of simulated buildings
PUBLISHED_NODE_SCALE = 0.967  # of depth, tuned by hand in the published M2H node for its camera


class SensorPredictor:
    """Passes on the depth, labels and normals that came with the frame."""

    depth_is_measured = True
    needs_depth = True

    def __init__(self, label_space: LabelSpace) -> None:
        self._label_space = label_space

    @property
    def label_space(self) -> LabelSpace:
        return self._label_space

    def __call__(self, frame: Frame) -> Prediction:
        if frame.depth_m is None:
            raise BadFrameError(frame.name, "no-depth", "this sequence brings no depth of its own")
        confidence = None
        if frame.labels is not None:
            confidence = (frame.labels > 0).astype(np.float32)
        return Prediction(
            depth_m=frame.depth_m,
            labels=frame.labels,
            confidence=confidence,
            normals=frame.normals,
        )


def create_predictor(config: PredictorConfig, source_labels: LabelSpace) -> Predictor:
    """The predictor that the config names.

    Raises:
        ConfigError: no such predictor; weights are missing, not used, or of other classes; a
            network or a predictor of the user's own is not as it has to be.
        CheckpointError: the weights cannot be loaded.
        DataError: the label space cannot be read.
        MissingDependencyError: what the config selects needs a package that is absent.
    """
    if config.name in MODULES:
        return _create_network(config, source_labels)
    if config.name == "onnx":
        return _create_onnx(config)
    if ":" in config.name:
        return plugged_in(config, source_labels)
    if config.name != "sensor":
        others = sorted(MODULES.keys() - {DEFAULT})
        known = ", ".join(("sensor", DEFAULT, "onnx", *others, "package.module:factory"))
        raise ConfigError(f"unknown predictor '{config.name}'; choose {known}")
    if config.weights is not None:
        raise ConfigError(f"weights are given but not used; pass --predictor {DEFAULT}")
    return SensorPredictor(source_labels)


def shipped_weights(name: str = SHIPPED) -> Path:
    """The weights of a compact network that comes with the package.

    Raises:
        ConfigError: the package was installed or built without them.
    """
    path = Path(str(resources.files("hydra_mono.perception"))) / "weights" / name
    if not path.is_file():
        advice = "pass --weights FILE, or --predictor sensor"
        raise ConfigError(f"this package lacks its weights '{name}'; {advice}")
    return path


def _create_network(config: PredictorConfig, source_labels: LabelSpace) -> Predictor:
    """A network of our own, of any method."""
    feed, device = _feed(config), _device(config)
    path, network = _loaded(config, source_labels)
    labels = load_label_space(config.labels)
    if network.config.classes != _classes(labels):
        detail = f"{network.config.classes} classes; {labels.name} and unknown make"
        raise ConfigError(f"{path}: {detail} {_classes(labels)}")
    images = network.config.input_spec()
    if config.published_node and images.focal_px is not None:
        raise ConfigError(f"predictor.published_node: {path} is none of the published weights")
    runner = _runner(config, network, device)
    temperature = network.temperature
    return _network_predictor(
        config, runner, labels, images, feed=feed, device=device, temperature=temperature
    )


def _loaded(config: PredictorConfig, source_labels: LabelSpace) -> tuple[Path, "MultiTaskNetwork"]:
    """The file of the weights and the network that it holds.

    Where none is named, simulated rooms and real ones have weights of their own.
    """
    from hydra_mono.perception.weights_io.checkpoint import load_network

    if config.weights is None and config.name != DEFAULT:
        raise ConfigError(f"predictor {config.name} needs a network; pass --weights FILE")
    shipped = SHIPPED if source_labels.name == SIMULATED else SHIPPED_REAL
    path = shipped_weights(shipped) if config.weights is None else Path(config.weights)
    variants = method(config.name).variants
    if config.variant is not None and config.variant not in variants:
        known = ", ".join(variants)
        raise ConfigError(f"predictor.variant '{config.variant}': {config.name} has {known}")
    expected = variants[config.variant] if config.variant else None
    network = load_network(path, expected, compat=config.published_node)
    if name_of(network.config) != config.name:
        found = name_of(network.config)
        raise ConfigError(f"{path}: holds {found}; pass --predictor {found}")
    return path, network


def _create_onnx(config: PredictorConfig) -> Predictor:
    import torch

    from hydra_mono.perception.networks.input_spec import InputSpec
    from hydra_mono.perception.predictors.onnx import OnnxNetwork

    if config.weights is None:
        raise ConfigError("predictor onnx needs a network; pass --weights FILE.onnx")
    if config.backend != "torch":
        detail = f"backend {config.backend} does not compute ONNX files"
        raise ConfigError(f"predictor.{detail}; leave predictor.backend out")
    labels = load_label_space(config.labels)
    network = OnnxNetwork(
        Path(config.weights),
        classes=_classes(labels),
        feed=_feed(config),
        device=config.device,
        threads=config.threads,
    )
    cpu, images = torch.device("cpu"), InputSpec(network.feed)
    return _network_predictor(config, network, labels, images, feed=None, device=cpu)


def _network_predictor(
    config: PredictorConfig,
    network: "Network",
    labels: LabelSpace,
    images: "InputSpec",
    *,
    feed: tuple[int, int] | None,
    device: "torch.device",
    temperature: float = 1.0,
) -> Predictor:
    """``images``: what the network wants by itself; the config's numbers go before them."""
    from hydra_mono.perception.predictors.network import NetworkPredictor

    images = replace(
        images,
        size=feed or images.size,
        focal_px=config.focal_px or images.focal_px,
        mean=config.mean or images.mean,
        std=config.std or images.std,
        squashed=config.published_node,
    )
    scale = config.depth_scale * (PUBLISHED_NODE_SCALE if config.published_node else 1.0)
    return NetworkPredictor(
        network, labels, images, depth_scale=scale, temperature=temperature, device=device
    )


def _runner(
    config: PredictorConfig, network: "MultiTaskNetwork", device: "torch.device"
) -> "Network":
    """What computes the network."""
    import torch

    from hydra_mono.perception.predictors.network import TorchNetwork
    from hydra_mono.perception.predictors.openvino import OpenVinoNetwork

    if config.backend == "openvino":
        return OpenVinoNetwork(network, config.threads)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    return TorchNetwork(network, device)


def _device(config: PredictorConfig) -> "torch.device":
    import torch

    if config.backend == "openvino":
        if config.device == "cuda":
            raise ConfigError("predictor.device cuda: not with predictor.backend openvino")
        return torch.device("cpu")
    has_gpu = torch.cuda.is_available()
    if config.device == "cuda" and not has_gpu:
        raise ConfigError("predictor.device cuda: torch finds no GPU here; use auto or cpu")
    return torch.device("cuda" if has_gpu and config.device != "cpu" else "cpu")


def _feed(config: PredictorConfig) -> tuple[int, int] | None:
    """Height and width of the setting, pixels; None for the network's own."""
    height, width = config.feed_height, config.feed_width
    if height is None and width is None:
        return None
    if height is None or width is None:
        raise ConfigError("set predictor.feed_height and predictor.feed_width both, or neither")
    return height, width


def _classes(labels: LabelSpace) -> int:
    """How many classes a network of this label space has: one an id, and 0, unknown."""
    return max((label.id for label in labels.labels), default=0) + 1
