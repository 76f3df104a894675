"""M2H as a predictor, with toy networks: what it hands on, and how it is asked for."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_perception import TINY_CONV, fill
from helpers_runs import SMALL_WORLD, small_config
from torch import Tensor, nn

from hydra_mono.cli.main import main
from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.errors import BadFrameError, ConfigError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.gate.frame_gate import create_gate
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.labels import load_label_space
from hydra_mono.core.prediction import Prediction, Predictor
from hydra_mono.perception.networks.input_spec import fitted
from hydra_mono.perception.networks.m2h import COMPACT, M2H, Maps
from hydra_mono.perception.predictors import create as predict
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.perception.predictors.network import (
    NetworkPredictor,
    TorchNetwork,
    classified,
    facing_camera,
)
from hydra_mono.perception.weights_io.checkpoint import CheckpointError, load_m2h, save_m2h
from hydra_mono.pipeline import Mapper
from hydra_mono.simulation.source import open_simulated

NYU40 = load_label_space("nyu40")
TINY = dataclasses.replace(COMPACT, backbone=TINY_CONV, channels=16)
FEED = {"feed_height": 64, "feed_width": 64}
SIDE_M = 0.5  # of the square that Ruler knows


class Told(nn.Module):
    """A network that says what it is told, and remembers what it was shown."""

    def __init__(self, depth_m: float, label: int = 3) -> None:
        super().__init__()
        self.depth_m, self.label = depth_m, label
        self.shown = torch.empty(0)

    def forward(self, image: Tensor) -> Maps:
        self.shown = image
        plane = torch.ones_like(image[:, :1])
        semantics = (plane * 0).repeat(1, 41, 1, 1)
        semantics[:, self.label] = 5.0
        normals = torch.cat([plane * 0, plane * 0, plane], dim=1)  # away from the camera
        return Maps(plane * self.depth_m, semantics, normals, plane * 0)


@pytest.fixture(scope="module")
def network() -> M2H:
    made = M2H(TINY).eval()
    fill(made)
    return made


@pytest.fixture(scope="module")
def weights(network: M2H, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_m2h(network, path)
    return path


def colour_frame(width: int, height: int) -> Frame:
    """A frame of random colours without depth."""
    rgb = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    camera = Intrinsics(width, width, width / 2 - 0.5, height / 2 - 0.5, width, height)
    return Frame(0, "colour", 0, np.eye(4), camera, rgb)


def told(network: nn.Module, frame: Frame, **numbers: float) -> Prediction:
    return NetworkPredictor(network, NYU40, **numbers)(frame)  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "height"), [(160, 120), (64, 64), (97, 41), (30, 200), (9, 7)])
def test_maps_have_the_size_of_the_frame_whatever_it_is(
    network: M2H, width: int, height: int
) -> None:
    frame = colour_frame(width, height)
    said = NetworkPredictor(network, NYU40, feed=(64, 64))(frame)
    assert said.labels is not None and said.confidence is not None
    assert said.normals is not None and said.edges is not None
    for values in (said.depth_m, said.confidence, said.edges):
        assert values.shape == (height, width) and values.dtype == np.float32
    assert said.labels.shape == (height, width) and said.labels.dtype == np.uint8
    assert said.depth_m.min() >= 0.001 and said.depth_m.max() <= 10.0
    assert said.labels.max() <= 40
    assert said.confidence.min() >= 1 / 41 and said.confidence.max() <= 1
    assert said.edges.min() >= 0 and said.edges.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(said.normals, axis=2), 1, atol=1e-5)
    assert (np.sum(said.normals * camera_rays(frame.intrinsics), axis=2) <= 1e-5).all()


def test_the_same_image_gives_the_same_maps(network: M2H) -> None:
    first, second = (
        NetworkPredictor(network, NYU40, feed=(64, 64))(colour_frame(80, 60)) for _ in range(2)
    )
    for field in dataclasses.fields(Prediction):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))


@pytest.mark.parametrize(("said_m", "expected_m"), [(2.0, 1.0), (50.0, 10.0), (0.0, 0.001)])
def test_depth_is_scaled_and_then_clipped(said_m: float, expected_m: float) -> None:
    depth_m = told(Told(said_m), colour_frame(32, 24), depth_scale=0.5).depth_m
    np.testing.assert_allclose(depth_m, expected_m, rtol=1e-6)


def test_labels_confidence_and_normals_are_read_as_they_are_meant() -> None:
    said = told(Told(2.0, label=7), colour_frame(32, 24))
    assert said.labels is not None and said.confidence is not None and said.normals is not None
    assert (said.labels == 7).all()
    np.testing.assert_allclose(said.confidence, np.exp(5) / (np.exp(5) + 40), rtol=1e-5)
    np.testing.assert_allclose(said.normals[12, 16], (0, 0, -1), atol=1e-6)
    np.testing.assert_allclose(said.edges, 0.5)


def test_the_network_is_shown_normalised_colours_in_proportion() -> None:
    network, frame = Told(1.0), colour_frame(64, 48)
    frame.rgb[:] = (255, 0, 51)
    NetworkPredictor(network, NYU40, mean=(0.5, 0.5, 0.5), std=(0.5, 0.25, 0.1))(frame)  # type: ignore[arg-type]
    assert network.shown.shape == (1, 3, 168, 224)
    expected = torch.tensor([1.0, -2.0, -3.0]).view(1, 3, 1, 1).expand_as(network.shown)
    torch.testing.assert_close(network.shown, expected)


class Ruler(nn.Module):
    """Knows a white square's size, and so its depth for the camera it has in mind."""

    focal_px = 100.0

    def forward(self, image: Tensor) -> Maps:
        side_px = (image[:, :1] > 0).sum().sqrt()
        plane = torch.ones_like(image[:, :1])
        depth_m = plane * SIDE_M * self.focal_px / side_px
        return Maps(depth_m, plane.repeat(1, 41, 1, 1), plane.repeat(1, 3, 1, 1), plane)


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
    predictor = NetworkPredictor(Ruler(), NYU40, feed=(120, 160), focal_px=Ruler.focal_px)
    for depth_m in (1.0, 1.7):
        said = predictor(frame_of_square(camera, depth_m))
        np.testing.assert_allclose(said.depth_m, depth_m, rtol=0.05)  # a pixel of the square


def test_the_weights_say_how_large_the_images_are_and_for_which_camera(tmp_path: Path) -> None:
    """The feed and the focal length of the file, unless the config sets others."""
    network, path = M2H(dataclasses.replace(TINY, feed=(32, 64), focal_px=50.0)), tmp_path / "w.pt"
    fill(network)
    save_m2h(network, path)
    frame = colour_frame(64, 48)
    own = create_predictor(PredictorConfig(name="m2h", weights=str(path), max_depth=1000.0), NYU40)
    asked = NetworkPredictor(
        network.eval(), NYU40, feed=(32, 64), focal_px=50.0, max_depth_m=1000.0
    )
    np.testing.assert_allclose(own(frame).depth_m, asked(frame).depth_m, rtol=1e-3)
    config = PredictorConfig(name="m2h", weights=str(path), focal_px=100.0, max_depth=1000.0)
    halved = create_predictor(config, NYU40)(frame)
    np.testing.assert_allclose(2 * halved.depth_m, own(frame).depth_m, rtol=1e-3)


def test_a_prepared_network_says_the_same(network: M2H) -> None:
    frame = colour_frame(80, 60)
    plain = NetworkPredictor(network, NYU40, feed=(64, 64))(frame)
    quick = NetworkPredictor(TorchNetwork(network), NYU40, feed=(64, 64))(frame)
    np.testing.assert_allclose(quick.depth_m, plain.depth_m, rtol=1e-4)
    np.testing.assert_allclose(quick.edges, plain.edges, atol=1e-4)  # type: ignore[arg-type]
    assert (quick.labels == plain.labels).mean() > 0.999


def test_the_likeliest_class_and_its_probability_are_those_of_the_softmax() -> None:
    logits = 30 * torch.randn(1, 41, 6, 8, generator=torch.manual_seed(0))
    labels, confidence = classified(logits)
    expected = logits.softmax(dim=1).max(dim=1, keepdim=True)
    assert torch.equal(labels.long(), expected.indices)
    torch.testing.assert_close(confidence, expected.values)


def test_a_gpu_that_is_not_there_is_told(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = PredictorConfig(name="m2h", weights=str(weights), device="cuda")
    with pytest.raises(ConfigError, match="finds no GPU"):
        create_predictor(config, NYU40)


def test_without_weights_the_shipped_ones_are_used(
    network: M2H, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    save_m2h(network, tmp_path / predict.SHIPPED, half=True)
    monkeypatch.setattr(predict, "shipped_weights", lambda: tmp_path / predict.SHIPPED)
    said = create_predictor(PredictorConfig(name="m2h", **FEED), NYU40)(colour_frame(64, 48))
    assert said.depth_m.shape == (48, 64) and said.depth_m.dtype == np.float32


def test_an_image_fits_the_feed_in_proportion() -> None:
    assert fitted((480, 640), (224, 224)) == (168, 224)
    assert fitted((640, 480), (224, 224)) == (224, 168)
    assert fitted((1, 5000), (224, 224)) == (1, 224)


def test_where_there_is_no_normal_there_is_none() -> None:
    frame = colour_frame(4, 3)
    assert not facing_camera(np.zeros((3, 4, 3), np.float32), frame.intrinsics).any()


def test_numbers_that_are_not_finite_spoil_the_frame_alone() -> None:
    with pytest.raises(BadFrameError, match="no-prediction"):
        told(Told(float("nan")), colour_frame(32, 24))


def test_weights_without_a_network_are_a_mistake() -> None:
    with pytest.raises(ConfigError, match="--predictor m2h"):
        create_predictor(PredictorConfig(name="sensor", weights="some.pt"), NYU40)


def test_a_network_of_other_classes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "five.safetensors"
    save_m2h(M2H(dataclasses.replace(TINY, classes=5)), path)
    with pytest.raises(ConfigError, match="5 classes"):
        create_predictor(PredictorConfig(name="m2h", weights=str(path)), NYU40)


def test_weights_of_another_variant_are_refused(weights: Path) -> None:
    config = PredictorConfig(name="m2h", weights=str(weights), variant="compact")
    with pytest.raises(CheckpointError, match=r"tiny\.safetensors"):
        create_predictor(config, NYU40)


def tiny_predictor(weights: Path) -> Predictor:
    return create_predictor(PredictorConfig(name="m2h", weights=str(weights), **FEED), NYU40)


def test_frames_without_depth_are_mapped(weights: Path) -> None:
    config = small_config()
    source = open_simulated("simulated/5", config.simulation)
    mapper, gate = Mapper(config, tiny_predictor(weights)), create_gate(config.data)
    for index in range(5):
        frame = replace(source[index], depth_m=None, labels=None, normals=None)
        gate.check(frame)
        mapper.step(frame)
    mapper.finish()
    assert mapper.label_space.name == "nyu40"
    assert mapper.mesh.whole_mesh().vertices_m.shape[0] > 0


def test_the_command_line_tells_what_weights_are_and_converts_them(
    weights: Path, network: M2H, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "half.safetensors"
    assert main(["weights", "convert", str(weights), str(target), "--half"]) == 0
    assert capsys.readouterr().out.strip() == str(target)
    assert main(["weights", "info", str(target)]) == 0
    printed = capsys.readouterr().out
    assert "an M2H saved by hydra-mono" in printed and "float16" in printed
    state = load_m2h(target).state_dict()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(state[name], value, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("says", ["--predictor m2h --weights {}", "--weights {}", ""])
def test_a_run_uses_the_network(
    says: str, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By name, by its weights, and where nothing else is said."""
    monkeypatch.setattr(predict, "shipped_weights", lambda: weights)
    sizes = [part for side in FEED for part in ("--set", f"predictor.{side}=64")]
    options = ["--viewer", "none", "--output", str(tmp_path), "--quiet", "--max-frames", "1"]
    assert main(["run", *says.format(weights).split(), *options, *sizes, *SMALL_WORLD]) == 0
    assert "nyu40" in (tmp_path / "latest" / "graph.json").read_text()
