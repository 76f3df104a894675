"""Measured depth is fused as it is; estimated depth is refined by a rule."""

import numpy as np
from helpers_estimates import AHEAD, CAMERA, Plane

from hydra_mono.core.config import MappingConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.refinement import create_refinement
from hydra_mono.mapping.tsdf.volume import create_volume


def frame_and_prediction() -> tuple[Frame, Prediction]:
    estimate = Plane().estimate()
    rgb = np.repeat(estimate.gray[..., None], 3, axis=2).astype(np.uint8)
    frame = Frame(0, "0", 0, AHEAD, CAMERA, rgb)
    return frame, Prediction(estimate.depth_m.astype(np.float32), normals=estimate.normals)


def test_without_a_rule_the_prediction_is_handed_on() -> None:
    frame, prediction = frame_and_prediction()
    refine = create_refinement(None, create_volume(MappingConfig()))
    assert refine(frame, prediction) is prediction
    refine.restore(refine.state())


def test_with_a_rule_depth_gets_a_deviation_and_the_refiner_a_memory() -> None:
    frame, prediction = frame_and_prediction()
    rule = MonocularRule()
    refine = create_refinement(rule, create_volume(MappingConfig(), rule))
    refined = refine(frame, prediction)
    assert refined.sigma_m is not None and (refined.sigma_m > 0).all()
    state = refine.state()
    assert len(state["past"]) == 1
    other = create_refinement(rule, create_volume(MappingConfig(), rule))
    other.restore(state)
    again, expected = other(frame, prediction), refine(frame, prediction)
    np.testing.assert_array_equal(again.depth_m, expected.depth_m)
