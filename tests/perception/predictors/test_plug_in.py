"""Predictors of the user's own: a Python object by name."""

import sys
import types
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers_runs import small_config, wall_frame

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace, load_label_space
from hydra_mono.core.prediction import Prediction, depth_is_measured, needs_depth
from hydra_mono.perception.predictors.create import SensorPredictor, create_predictor
from hydra_mono.pipeline import Mapper

NYU40 = load_label_space("nyu40")
APARTMENT = load_label_space("apartment")


def flat(config: PredictorConfig, source_labels: LabelSpace) -> SensorPredictor:
    return SensorPredictor(source_labels)


class Wrong:
    """Gives a constant, whatever it is."""

    label_space = NYU40

    def __init__(self, said: Any) -> None:
        self.said = said

    def __call__(self, frame: Frame) -> Any:
        return self.said


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """An importable module ``mine`` to put factories into."""
    made = types.ModuleType("mine")
    monkeypatch.setitem(sys.modules, "mine", made)
    return made


def test_a_factory_of_ones_own_makes_the_predictor(module: types.ModuleType) -> None:
    module.flat = flat  # type: ignore[attr-defined]
    predictor = create_predictor(PredictorConfig(name="mine:flat"), APARTMENT)
    frame = wall_frame(0)
    assert predictor.label_space is APARTMENT
    assert predictor(frame).depth_m is frame.depth_m


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:flat", "cannot import 'no_such_module'"),
        (":flat", "cannot import ''"),
        ("mine:other", "'other' in mine does not exist"),
        ("mine:number", "'number' in mine is nothing to call"),
        ("mine:nothing", "made a NoneType, no Predictor"),
        ("mine:nameless", "made a function, no Predictor"),
    ],
)
def test_what_is_no_predictor_is_refused(module: types.ModuleType, name: str, message: str) -> None:
    contents: dict[str, Any] = {
        "number": 7,
        "nothing": lambda config, labels: None,
        "nameless": lambda config, labels: flat,  # to be called, but without a label space
    }
    vars(module).update(contents)
    with pytest.raises(ConfigError, match=message) as told:
        create_predictor(PredictorConfig(name=name), APARTMENT)
    assert len(str(told.value).splitlines()) == 1


def maps(**changes: Any) -> Prediction:
    """A prediction with arrays that its constructor, checked in tests, would refuse."""
    made = Prediction(depth_m=np.ones((48, 64), np.float32))
    for name, value in changes.items():
        object.__setattr__(made, name, value)
    return made


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"depth_m": 1}, "gave a dict, no Prediction"),
        (maps(depth_m=np.ones((24, 32), np.float32)), r"depth_m is float32 \(24, 32\), wanted"),
        (maps(depth_m=np.ones((48, 64))), r"depth_m is float64 \(48, 64\), wanted is float32"),
        (maps(labels=np.ones((64, 48), np.uint8)), "labels is uint8"),
        (maps(normals=np.ones((48, 64), np.float32)), r"wanted is float32 \(48, 64, 3\)"),
        (maps(edges=[[0.0]]), "edges is a list, no array"),
        (maps(depth_m=None), "depth_m is a NoneType, no array"),
    ],
)
def test_what_a_predictor_says_is_checked(
    module: types.ModuleType, said: Any, message: str
) -> None:
    module.make = lambda config, labels: Wrong(said)  # type: ignore[attr-defined]
    predictor = create_predictor(PredictorConfig(name="mine:make"), APARTMENT)
    with pytest.raises(ConfigError, match=message):
        predictor(wall_frame(0))


@pytest.mark.parametrize("measured", [True, False])
def test_the_documented_deviation_is_passed_on_and_fused(
    module: types.ModuleType, measured: bool
) -> None:
    """Of a wall two metres away, by a predictor of measured or of estimated depth."""

    class Uncertain:
        label_space = NYU40
        depth_is_measured = measured

        def __call__(self, frame: Frame) -> Prediction:
            depth_m = np.full((48, 64), 2.0, np.float32)
            return Prediction(depth_m, sigma_m=np.full((48, 64), 0.02, np.float32))

    module.make = lambda config, labels: Uncertain()  # type: ignore[attr-defined]
    predictor = create_predictor(PredictorConfig(name="mine:make"), APARTMENT)
    assert depth_is_measured(predictor) is measured and not needs_depth(predictor)
    found = predictor(wall_frame(0))
    np.testing.assert_array_equal(found.sigma_m, np.float32(0.02))  # type: ignore[arg-type]
    mapper = Mapper(small_config(), predictor)
    for index in range(8):  # of 2 cm deviation an observation weighs a fifth
        mapper.step(replace(wall_frame(index), depth_m=None))
    mapper.finish()
    vertices_m = mapper.mesh.whole_mesh().vertices_m
    assert len(vertices_m) > 100
    np.testing.assert_allclose(np.median(vertices_m[:, 1]), 2.0, atol=0.02)


@pytest.mark.parametrize(
    "sigma_m", [np.ones((48, 64)), np.ones((24, 32), np.float32), 0.1], ids=["f8", "small", "one"]
)
def test_a_deviation_of_another_form_is_refused(module: types.ModuleType, sigma_m: Any) -> None:
    module.make = lambda config, labels: Wrong(maps(sigma_m=sigma_m))  # type: ignore[attr-defined]
    predictor = create_predictor(PredictorConfig(name="mine:make"), APARTMENT)
    with pytest.raises(ConfigError, match="sigma_m is"):
        predictor(wall_frame(0))
