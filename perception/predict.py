"""Predictors: who says what an image shows."""

import numpy as np

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.prediction import Prediction, Predictor


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
    """The predictor that the config names."""
    return SensorPredictor(source_labels)
