"""Predictors of the user's own: a Python object by name, checked where it meets the rest."""

import dataclasses
import importlib
from collections.abc import Callable

import numpy as np

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.prediction import Prediction, Predictor, depth_is_measured, needs_depth

Factory = Callable[[PredictorConfig, LabelSpace], Predictor]
KINDS = {  # types of the arrays of a ``Prediction``
    "depth_m": "f4",
    "labels": "u1",
    "confidence": "f4",
    "normals": "f4",
    "edges": "f4",
    "sigma_m": "f4",
}


class CheckedPredictor:
    """Passes on another predictor's output, when it is as a ``Prediction`` has to be."""

    def __init__(self, predictor: Predictor, name: str) -> None:
        self._predictor, self._name = predictor, name

    @property
    def label_space(self) -> LabelSpace:
        return self._predictor.label_space

    @property
    def depth_is_measured(self) -> bool:
        return depth_is_measured(self._predictor)

    @property
    def needs_depth(self) -> bool:
        return needs_depth(self._predictor)

    def __call__(self, frame: Frame) -> Prediction:
        """The predictor's output for the frame.

        Raises:
            ConfigError: it is no ``Prediction``, or of another size or type than the frame's.
        """
        prediction = self._predictor(frame)
        if not isinstance(prediction, Prediction):
            raise ConfigError(f"{self._name}: gave a {type(prediction).__name__}, no Prediction")
        for field in dataclasses.fields(prediction):
            self._check(field.name, getattr(prediction, field.name), frame)
        return prediction

    def _check(self, name: str, values: object, frame: Frame) -> None:
        if values is None and name != "depth_m":
            return
        size = (frame.intrinsics.height, frame.intrinsics.width)
        shape = (*size, 3) if name == "normals" else size
        if not isinstance(values, np.ndarray):
            raise ConfigError(f"{self._name}: {name} is a {type(values).__name__}, no array")
        if values.shape != shape or values.dtype != KINDS[name]:
            wanted, found = f"{np.dtype(KINDS[name])} {shape}", f"{values.dtype} {values.shape}"
            raise ConfigError(f"{self._name}: {name} is {found}, wanted is {wanted}")


def plugged_in(config: PredictorConfig, source_labels: LabelSpace) -> Predictor:
    """What the factory that ``config.name`` names (``package.module:factory``) makes.

    The factory is called with the config and the label space of the sequence's own labels.

    Raises:
        ConfigError: there is no such module or factory, or what it makes is no ``Predictor``.
    """
    predictor = _factory(config.name)(config, source_labels)
    if not isinstance(predictor, Predictor) or not isinstance(predictor.label_space, LabelSpace):
        kind = type(predictor).__name__
        wanted = "no Predictor: it needs label_space and to be called with a Frame"
        raise ConfigError(f"predictor {config.name}: made a {kind}, {wanted}")
    return CheckedPredictor(predictor, f"predictor {config.name}")


def _factory(name: str) -> Factory:
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError) as error:  # ValueError: an empty name
        raise ConfigError(f"predictor {name}: cannot import '{module_name}': {error}") from error
    factory: Factory | None = getattr(module, attribute, None)
    if not callable(factory):
        found = "is nothing to call" if hasattr(module, attribute) else "does not exist"
        raise ConfigError(f"predictor {name}: '{attribute}' in {module_name} {found}")
    return factory
