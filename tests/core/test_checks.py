"""What makes a frame, or a prediction of it, unusable, and what does not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from helpers_datasets import HEIGHT, WIDTH, frame, pose
from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.core.errors import BadFrameError, ConfigError
from hydra_mono.core.frame import Frame
from hydra_mono.core.gate.checks import (
    check_depth,
    check_pose,
    check_prediction,
    check_sizes,
    is_measured,
    measured_depth,
    predict,
    unknown_labels,
)
from hydra_mono.core.labels import NO_LABELS, Label, LabelSpace
from hydra_mono.core.prediction import Prediction

SIZE = (HEIGHT, WIDTH)


def fault_of(check: Callable[[], Any]) -> BadFrameError:
    with pytest.raises(BadFrameError) as caught:
        check()
    return caught.value


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_pose_that_is_not_finite_is_bad(value: float) -> None:
    broken = pose(0)
    broken[1, 3] = value
    assert fault_of(lambda: check_pose(frame(world_from_camera=broken))).reason == "nan-pose"


@pytest.mark.parametrize("matrix", [np.zeros((4, 4)), 2 * np.eye(4), np.eye(4)[::-1].copy()])
def test_a_matrix_that_is_no_rigid_pose_is_bad(matrix: np.ndarray) -> None:
    assert fault_of(lambda: check_pose(frame(world_from_camera=matrix))).reason == "bad-pose"


def test_a_mirrored_pose_is_called_so() -> None:
    fault = fault_of(lambda: check_pose(frame(world_from_camera=np.diag([1.0, 1.0, -1.0, 1.0]))))
    assert fault.reason == "bad-pose" and "mirrors" in str(fault)


def test_a_pose_written_with_few_digits_passes() -> None:
    check_pose(frame(world_from_camera=np.round(pose(3), 3)))


@pytest.mark.parametrize("kind", ["rgb", "depth_m", "labels", "instances", "normals"])
def test_an_image_of_another_size_than_the_camera_is_bad(kind: str) -> None:
    shapes = {
        "rgb": np.zeros((HEIGHT, WIDTH + 1, 3), np.uint8),
        "depth_m": np.ones((HEIGHT - 1, WIDTH), np.float32),
        "labels": np.zeros((HEIGHT, WIDTH * 2), np.uint8),
        "instances": np.zeros((HEIGHT * 2, WIDTH), np.uint16),
        "normals": np.zeros((WIDTH, HEIGHT, 3), np.float32),
    }
    broken = frame()
    object.__setattr__(broken, kind, shapes[kind])  # the type checker of the tests refuses it
    with pytest.raises(BadFrameError, match=f"wrong-size.*{kind}.*32×24"):
        check_sizes(broken)


def test_depth_with_hardly_a_measurement_is_empty() -> None:
    depth = np.full(SIZE, np.nan, np.float32)
    depth[0, 0], depth[0, 1], depth[0, 2] = -1.0, np.inf, 2.0
    assert fault_of(lambda: check_depth(frame(), depth, 0.01)).reason == "empty-depth"
    check_depth(frame(), depth, 1 / (HEIGHT * WIDTH))
    zero = np.zeros(SIZE, np.float32)
    assert fault_of(lambda: check_depth(frame(), zero, 0.0)).reason == "empty-depth"


def test_depth_at_the_sensor_s_ceiling_is_saturated_and_a_flat_wall_is_not() -> None:
    ceiling = np.full(SIZE, 65.535, np.float32)
    ceiling[:, :2] = 1.0
    assert fault_of(lambda: check_depth(frame(), ceiling, 0.01)).reason == "saturated-depth"
    check_depth(frame(), np.full(SIZE, 3.0, np.float32), 0.01)
    check_depth(frame(), np.linspace(9, 14, HEIGHT * WIDTH, dtype=np.float32).reshape(SIZE), 0.01)


def prediction(**changes: Any) -> Prediction:
    """A usable prediction with some images replaced, whatever the type checker says."""
    made = Prediction(np.full(SIZE, 2.0, np.float32), np.ones(SIZE, np.uint8))
    for name, image in changes.items():
        object.__setattr__(made, name, image)
    return made


BAD_PREDICTIONS: dict[str, Any] = {
    "none at all": None,
    "a bare array": np.ones(SIZE, np.float32),
    "no depth": prediction(depth_m=None),
    "a list": prediction(depth_m=[[1.0]]),
    "zeros": prediction(depth_m=np.zeros(SIZE, np.float32)),
    "NaN": prediction(depth_m=np.full(SIZE, np.nan, np.float32)),
    "infinite": prediction(depth_m=np.full(SIZE, np.inf, np.float32)),
    "negative": prediction(depth_m=np.full(SIZE, -2.0, np.float32)),
    "saturated": prediction(depth_m=np.full(SIZE, 80.0, np.float32)),
    "integer depth": prediction(depth_m=np.full(SIZE, 2, np.int64)),
    "depth of another size": prediction(depth_m=np.ones((HEIGHT, WIDTH + 1), np.float32)),
    "transposed": prediction(depth_m=np.ones((WIDTH, HEIGHT), np.float32)),
    "a channel more": prediction(depth_m=np.ones((*SIZE, 1), np.float32)),
    "labels of another size": prediction(labels=np.ones((HEIGHT, 1), np.uint8)),
    "logits for labels": prediction(labels=np.ones((40, *SIZE), np.float32)),
    "signed labels": prediction(labels=np.ones(SIZE, np.int64)),
    "sigma of another size": prediction(sigma_m=np.ones((1, 1), np.float32)),
    "flat normals": prediction(normals=np.ones(SIZE, np.float32)),
    "normals first": prediction(normals=np.ones((3, *SIZE), np.float32)),
    "edges of another size": prediction(edges=np.ones((2, 2), np.float32)),
    "confidence of another size": prediction(confidence=np.ones((2, 2), np.float32)),
}


@pytest.mark.parametrize("kind", BAD_PREDICTIONS)
def test_a_prediction_that_cannot_be_used_is_bad(kind: str) -> None:
    fault = fault_of(lambda: check_prediction(frame(), BAD_PREDICTIONS[kind]))
    assert fault.reason == "bad-prediction"


def test_pixels_of_a_prediction_without_depth_become_zero() -> None:
    depth = np.full(SIZE, 2.0, np.float32)
    depth[0, :4] = [np.nan, -1.0, np.inf, 0.0]
    cleaned = check_prediction(frame(), prediction(depth_m=depth)).depth_m
    assert cleaned[0, :5].tolist() == [0, 0, 0, 0, 2] and (cleaned[1:] == 2).all()
    whole = prediction()
    assert check_prediction(frame(), whole) is whole


@dataclass
class Raising:
    """A plug-in with a fault of its own."""

    error: Exception
    label_space: LabelSpace = NO_LABELS

    def __call__(self, frame: Frame) -> Prediction:
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no such file"), "predictor-error"),
        (KeyError("sigma"), "predictor-error"),
        (RuntimeError("CUDA out of memory"), "predictor-error"),
        (ConfigError("depth_m is float64"), "bad-prediction"),
        (BadFrameError("f", "too-dark"), "too-dark"),
    ],
)
def test_whatever_a_predictor_raises_costs_the_frame_only(error: Exception, reason: str) -> None:
    fault = fault_of(lambda: predict(Raising(error), frame()))
    assert fault.reason == reason
    if reason == "predictor-error":
        assert type(error).__name__ in str(fault)


def test_memory_that_is_spent_ends_the_run_and_is_no_fault_of_the_frame() -> None:
    with pytest.raises(MemoryError):
        predict(Raising(MemoryError()), frame())


@given(st.lists(st.floats(width=32), min_size=1, max_size=12))
def test_measured_depth_keeps_measurements_and_nothing_else(values: list[float]) -> None:
    depth = np.array([values], np.float32)
    clean = measured_depth(depth)
    expected = [v if v > 0 and v != float("inf") else 0.0 for v in depth[0].tolist()]
    assert clean[0].tolist() == expected
    np.testing.assert_array_equal(is_measured(clean), clean > 0)


def test_unknown_labels_are_counted_and_become_zero() -> None:
    names = [Label(i, f"label {i}", (0, 0, 0), "object") for i in (1, 5, 255)]
    space = LabelSpace("three", tuple(names))
    labels = np.array([[0, 1, 5], [255, 7, 200]], np.uint8)
    clean, count = unknown_labels(labels, space)
    assert clean.tolist() == [[0, 1, 5], [255, 0, 0]]
    assert count == 2
    assert unknown_labels(clean, space)[1] == 0
    assert labels[1, 1] == 7
