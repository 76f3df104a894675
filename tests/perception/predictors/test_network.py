"""A network as a predictor: what it is shown, and how its maps are read."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers_perception import TINY_NYU40, colour_frame, fill
from torch import Tensor, nn

from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.labels import load_label_space
from hydra_mono.core.prediction import Prediction, depth_is_measured, needs_depth
from hydra_mono.perception.networks.input_spec import InputSpec
from hydra_mono.perception.networks.interface import TaskMaps
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.predictors.network import (
    NetworkPredictor,
    TorchNetwork,
    classified,
    facing_camera,
)

NYU40 = load_label_space("nyu40")
SIDE_M = 0.5  # of the square that Ruler knows


class Constant(nn.Module):
    """A network of constant output, which remembers what it was shown."""

    def __init__(self, depth_m: float, label: int = 3) -> None:
        super().__init__()
        self.depth_m, self.label = depth_m, label
        self.shown = torch.empty(0)

    def forward(self, image: Tensor) -> TaskMaps:
        self.shown = image
        plane = torch.ones_like(image[:, :1])
        semantics = (plane * 0).repeat(1, 41, 1, 1)
        semantics[:, self.label] = 5.0
        normals = torch.cat([plane * 0, plane * 0, plane], dim=1)  # away from the camera
        return {
            "depth": plane * self.depth_m,
            "semantics": semantics,
            "normals": normals,
            "edges": plane * 0,
        }


@pytest.fixture(scope="module")
def network() -> M2H:
    made = M2H(TINY_NYU40).eval()
    fill(made)
    return made


def predicted(network: nn.Module, frame: Frame, **numbers: float) -> Prediction:
    return NetworkPredictor(network, NYU40, InputSpec(), **numbers)(frame)  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "height"), [(160, 120), (64, 64), (97, 41), (30, 200), (9, 7)])
def test_maps_have_the_size_of_the_frame_whatever_it_is(
    network: M2H, width: int, height: int
) -> None:
    frame = colour_frame(width, height)
    found = NetworkPredictor(network, NYU40, InputSpec((64, 64)))(frame)
    assert found.labels is not None and found.confidence is not None
    assert found.normals is not None and found.edges is not None
    for values in (found.depth_m, found.confidence, found.edges):
        assert values.shape == (height, width) and values.dtype == np.float32
    assert found.labels.shape == (height, width) and found.labels.dtype == np.uint8
    assert found.depth_m.min() >= 0.001
    assert found.labels.max() <= 40
    assert found.confidence.min() >= 1 / 41 and found.confidence.max() <= 1
    assert found.edges.min() >= 0 and found.edges.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(found.normals, axis=2), 1, atol=1e-5)
    assert (np.sum(found.normals * camera_rays(frame.intrinsics), axis=2) <= 1e-5).all()


def test_the_same_image_gives_the_same_maps(network: M2H) -> None:
    first, second = (
        NetworkPredictor(network, NYU40, InputSpec((64, 64)))(colour_frame(80, 60))
        for _ in range(2)
    )
    for field in dataclasses.fields(Prediction):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


@pytest.mark.parametrize(("network_m", "expected_m"), [(2.0, 1.0), (50.0, 25.0), (0.0, 0.001)])
def test_depth_is_scaled_and_positive(network_m: float, expected_m: float) -> None:
    depth_m = predicted(Constant(network_m), colour_frame(32, 24), depth_scale=0.5).depth_m
    np.testing.assert_allclose(depth_m, expected_m, rtol=1e-6)


def test_labels_confidence_and_normals_are_read_as_they_are_meant() -> None:
    found = predicted(Constant(2.0, label=7), colour_frame(32, 24))
    assert found.labels is not None and found.confidence is not None and found.normals is not None
    assert (found.labels == 7).all()
    np.testing.assert_allclose(found.confidence, np.exp(5) / (np.exp(5) + 40), rtol=1e-5)
    np.testing.assert_allclose(found.normals[12, 16], (0, 0, -1), atol=1e-6)
    np.testing.assert_allclose(found.edges, 0.5)


def test_the_network_is_shown_normalised_colours_in_proportion() -> None:
    network, frame = Constant(1.0), colour_frame(64, 48)
    frame.rgb[:] = (255, 0, 51)
    images = InputSpec(mean=(0.5, 0.5, 0.5), std=(0.5, 0.25, 0.1))
    NetworkPredictor(network, NYU40, images)(frame)
    assert network.shown.shape == (1, 3, 168, 224)
    expected = torch.tensor([1.0, -2.0, -3.0]).view(1, 3, 1, 1).expand_as(network.shown)
    torch.testing.assert_close(network.shown, expected)


class Ruler(nn.Module):
    """Knows a white square's size, and so its depth for the camera it has in mind."""

    focal_px = 100.0

    def forward(self, image: Tensor) -> TaskMaps:
        side_px = (image[:, :1] > 0).sum().sqrt()
        plane = torch.ones_like(image[:, :1])
        depth_m = plane * SIDE_M * self.focal_px / side_px
        return {"depth": depth_m}


def frame_of_square(camera: Intrinsics, depth_m: float) -> Frame:
    """A white square before black, facing the camera and centred on its axis."""
    rgb = np.zeros((camera.height, camera.width, 3), np.uint8)
    rays = camera_rays(camera)[..., :2] * depth_m
    rgb[(np.abs(rays) < SIDE_M / 2).all(axis=2)] = 255
    return Frame(0, "square", 0, np.eye(4), camera, rgb)


@pytest.mark.parametrize(
    "camera",
    [
        Intrinsics(100.0, 100.0, 79.5, 59.5, 160, 120),  # the one the network has in mind
        Intrinsics(200.0, 200.0, 79.5, 59.5, 160, 120),  # a longer lens
        Intrinsics(200.0, 200.0, 159.5, 119.5, 320, 240),  # more pixels
        Intrinsics(200.0, 200.0, 79.5, 119.5, 160, 240),  # of these the middle columns
        Intrinsics(100.0, 100.0, 79.5, 79.5, 160, 160),  # rows added above and below
        Intrinsics(140.0, 140.0, 60.0, 45.0, 151, 117),
    ],
)
def test_depth_is_metric_for_any_camera(camera: Intrinsics) -> None:
    predictor = NetworkPredictor(Ruler(), NYU40, InputSpec((120, 160), Ruler.focal_px))
    for depth_m in (1.0, 1.7):
        found = predictor(frame_of_square(camera, depth_m))
        np.testing.assert_allclose(found.depth_m, depth_m, rtol=0.05)  # a pixel of the square


def test_a_prepared_network_says_the_same(network: M2H) -> None:
    frame = colour_frame(80, 60)
    plain = NetworkPredictor(network, NYU40, InputSpec((64, 64)))(frame)
    quick = NetworkPredictor(TorchNetwork(network), NYU40, InputSpec((64, 64)))(frame)
    np.testing.assert_allclose(quick.depth_m, plain.depth_m, rtol=1e-4)
    np.testing.assert_allclose(quick.edges, plain.edges, atol=1e-4)  # type: ignore[arg-type]
    assert (quick.labels == plain.labels).mean() > 0.999


def test_the_likeliest_class_and_its_probability_are_those_of_the_softmax() -> None:
    logits = 30 * torch.randn(1, 41, 6, 8, generator=torch.manual_seed(0))
    labels, confidence = classified(logits)
    expected = logits.softmax(dim=1).max(dim=1, keepdim=True)
    assert torch.equal(labels.long(), expected.indices)
    torch.testing.assert_close(confidence, expected.values)


def test_where_there_is_no_normal_there_is_none() -> None:
    frame = colour_frame(4, 3)
    assert not facing_camera(np.zeros((3, 4, 3), np.float32), frame.intrinsics).any()


def test_numbers_that_are_not_finite_spoil_the_frame_alone() -> None:
    with pytest.raises(BadFrameError, match="no-prediction"):
        predicted(Constant(float("nan")), colour_frame(32, 24))


def test_a_network_estimates_depth_and_needs_none() -> None:
    predictor = NetworkPredictor(Constant(1.0), NYU40, InputSpec())
    assert not depth_is_measured(predictor) and not needs_depth(predictor)


def test_tasks_that_a_network_lacks_are_left_out_of_the_prediction() -> None:
    found = NetworkPredictor(Ruler(), NYU40, InputSpec((48, 64)))(colour_frame(64, 48))
    assert found.labels is found.confidence is found.normals is found.edges is None
