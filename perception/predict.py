"""Predictors: who says what an image shows."""

from pathlib import Path

import numpy as np

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import BadFrameError, ConfigError
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace, load_label_space
from hydra_mono.core.prediction import Prediction, Predictor

LABELS = "nyu40"  # the label space of M2H's classes


class SensorPredictor:
    """Passes on the depth, labels and normals that came with the frame."""

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
        ConfigError: weights are missing, not asked for, or of a network with other classes.
        CheckpointError: the weights cannot be loaded.
    """
    if config.name == "m2h":
        return _create_m2h(config)
    if config.weights is not None:
        raise ConfigError("weights are given but not used; pass --predictor m2h with --weights")
    return SensorPredictor(source_labels)


def _create_m2h(config: PredictorConfig) -> Predictor:
    import torch

    from hydra_mono.perception import m2h
    from hydra_mono.perception.checkpoint import load_m2h
    from hydra_mono.perception.m2h_predictor import M2HPredictor

    if config.weights is None:
        raise ConfigError("predictor m2h needs weights; pass --weights FILE")
    variants = {None: None, "full": m2h.FULL, "small": m2h.SMALL, "compact": m2h.COMPACT}
    network = load_m2h(Path(config.weights), variants[config.variant])
    labels = load_label_space(LABELS)
    if network.config.classes != len(labels.labels) + 1:
        detail = f"{network.config.classes} classes; {LABELS} and unknown make"
        raise ConfigError(f"{config.weights}: {detail} {len(labels.labels) + 1}")
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    return M2HPredictor(
        network,
        labels,
        feed_height=config.feed_height,
        feed_width=config.feed_width,
        depth_scale=config.depth_scale,
        min_depth_m=config.min_depth,
        max_depth_m=config.max_depth,
        mean=config.mean,
        std=config.std,
    )
