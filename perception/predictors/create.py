"""Predictors: who says what an image shows."""

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import BadFrameError, ConfigError
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace, load_label_space
from hydra_mono.core.prediction import Prediction, Predictor
from hydra_mono.perception.predictors.plug_in import plugged_in

if TYPE_CHECKING:  # torch takes a second to import; the sensor needs none
    import torch

    from hydra_mono.perception.networks.input_spec import Triple
    from hydra_mono.perception.networks.m2h import M2H
    from hydra_mono.perception.predictors.network import Network

SHIPPED = "m2h_compact_nyu40.safetensors"


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
        MissingDependencyError: what the config asks for needs a package that is absent.
    """
    if config.name == "m2h":
        return _create_m2h(config)
    if config.name == "onnx":
        return _create_onnx(config)
    if ":" in config.name:
        return plugged_in(config, source_labels)
    if config.name != "sensor":
        known = "sensor, m2h, onnx or package.module:factory"
        raise ConfigError(f"unknown predictor '{config.name}'; choose {known}")
    if config.weights is not None:
        raise ConfigError("weights are given but not used; pass --predictor m2h with --weights")
    return SensorPredictor(source_labels)


def shipped_weights() -> Path:
    """The weights of the compact network that come with the package.

    Raises:
        ConfigError: the package was installed or built without them.
    """
    path = Path(str(resources.files("hydra_mono.perception"))) / "weights" / SHIPPED
    if not path.is_file():
        advice = "pass --weights FILE, or --predictor sensor"
        raise ConfigError(f"this package lacks its weights '{SHIPPED}'; {advice}")
    return path


def _create_m2h(config: PredictorConfig) -> Predictor:
    from hydra_mono.perception.networks import m2h
    from hydra_mono.perception.weights_io.checkpoint import load_m2h

    feed, device = _feed(config), _device(config)
    path = shipped_weights() if config.weights is None else Path(config.weights)
    variants = {None: None, "full": m2h.FULL, "small": m2h.SMALL, "compact": m2h.COMPACT}
    network = load_m2h(path, variants[config.variant])
    labels = load_label_space(config.labels)
    if network.config.classes != _classes(labels):
        detail = f"{network.config.classes} classes; {labels.name} and unknown make"
        raise ConfigError(f"{path}: {detail} {_classes(labels)}")
    return _create_network_predictor(
        config,
        _runner(config, network, device),
        labels,
        feed=feed or network.config.feed,
        focal_px=config.focal_px or network.config.focal_px,
        colours=(network.config.colour_mean, network.config.colour_std),
        device=device,
    )


def _create_onnx(config: PredictorConfig) -> Predictor:
    import torch

    from hydra_mono.perception.networks.input_spec import COLOUR_MEAN, COLOUR_STD
    from hydra_mono.perception.predictors.onnx import OnnxNetwork

    if config.weights is None:
        raise ConfigError("predictor onnx needs a network; pass --weights FILE.onnx")
    labels = load_label_space(config.labels)
    network = OnnxNetwork(
        Path(config.weights),
        classes=_classes(labels),
        feed=_feed(config),
        device=config.device,
        threads=config.threads,
    )
    return _create_network_predictor(
        config,
        network,
        labels,
        feed=network.feed,
        focal_px=config.focal_px,
        colours=(COLOUR_MEAN, COLOUR_STD),
        device=torch.device("cpu"),
    )


def _create_network_predictor(
    config: PredictorConfig,
    network: "Network",
    labels: LabelSpace,
    *,
    feed: tuple[int, int],
    focal_px: float | None,
    colours: tuple["Triple", "Triple"],
    device: "torch.device",
) -> Predictor:
    """``colours``: mean and deviation that the network wants; the config's go before them."""
    from hydra_mono.perception.predictors.network import NetworkPredictor

    return NetworkPredictor(
        network,
        labels,
        feed=feed,
        focal_px=focal_px,
        depth_scale=config.depth_scale,
        min_depth_m=config.min_depth,
        max_depth_m=config.max_depth,
        mean=config.mean or colours[0],
        std=config.std or colours[1],
        device=device,
    )


def _runner(config: PredictorConfig, network: "M2H", device: "torch.device") -> "Network":
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
    """Height and width asked for, pixels; None for the network's own."""
    height, width = config.feed_height, config.feed_width
    if height is None and width is None:
        return None
    if height is None or width is None:
        raise ConfigError("set predictor.feed_height and predictor.feed_width both, or neither")
    return height, width


def _classes(labels: LabelSpace) -> int:
    """How many classes a network of this label space has: one an id, and 0, unknown."""
    return max((label.id for label in labels.labels), default=0) + 1
