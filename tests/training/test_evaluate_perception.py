"""A network scored on samples: sizes, focal lengths, worlds of tests, the command line."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_perception import TINY_CONV, fill
from helpers_samples import corner, write_flat_nyu
from torch import Tensor, nn

from hydra_mono.cli.main import main
from hydra_mono.core.errors import ConfigError, DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.label_map import load_label_map
from hydra_mono.perception.networks.input_spec import InputSpec
from hydra_mono.perception.networks.interface import TaskMaps
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.networks.m2h_config import COMPACT
from hydra_mono.perception.weights_io.checkpoint import save_network
from hydra_mono.training.data.worlds.cache import ViewSize
from hydra_mono.training.data.worlds.views import random_world
from hydra_mono.training.evaluate import PerceptionScores, evaluate_network, spread
from hydra_mono.training.readers.nyuv2 import CAMERA
from hydra_mono.training.readers.open_samples import open_samples
from hydra_mono.training.readers.simulated import SimulatedSamples
from hydra_mono.training.samples import Sample, SampleSource

TINY = dataclasses.replace(COMPACT, backbone=TINY_CONV, channels=16)
WALL, FLOOR = 1, 2
SIZE = ViewSize(48, 36)


class Room:
    """Wall above floor, everything 2 m away; the image tells the label by its red."""

    name = "room"

    def __init__(self, width: int = 64, height: int = 48, images: int = 2) -> None:
        self.camera = Intrinsics(60.0, 60.0, width / 2 - 0.5, height / 2 - 0.5, width, height)
        self._images = images

    def __len__(self) -> int:
        return self._images

    def __getitem__(self, index: int) -> Sample:
        size = (self.camera.height, self.camera.width)
        floor = np.arange(size[0])[:, None] >= size[0] // 2
        labels = np.broadcast_to(np.where(floor, FLOOR, WALL), size).astype(np.uint8)
        edges = np.zeros(size, np.uint8)
        edges[size[0] // 2 - 1] = 1
        normals = np.zeros((*size, 3), np.float32)
        normals[..., 2] = -1
        return Sample(
            name=str(index),
            rgb=np.repeat((labels * 100)[..., None], 3, axis=2),
            intrinsics=self.camera,
            depth_m=np.full(size, 2.0, np.float32),
            labels=labels,
            normals=normals,
            edges=edges,
        )


class Knowing(nn.Module):
    """Sees wall and floor by their red, and is told the rest."""

    def __init__(self, depth_m: float = 2.0, classes: int = 41) -> None:
        super().__init__()
        self.depth_m, self.classes = depth_m, classes

    def forward(self, image: Tensor) -> TaskMaps:
        floor = (image[:, :1] > 0.5).float()
        semantics = (floor * 0).repeat(1, self.classes, 1, 1)
        semantics[:, 0] = 99.0  # unknown is no answer, however sure
        semantics[:, WALL], semantics[:, FLOOR] = 5 * (1 - floor[:, 0]), 5 * floor[:, 0]
        step = (floor[:, :, 1:] - floor[:, :, :-1]).abs()
        edges = 20 * torch.nn.functional.pad(step, (0, 0, 0, 1)) - 10
        normals = torch.cat([floor * 0, floor * 0, floor * 0 + 1], dim=1)  # away from the camera
        return {
            "depth": floor * 0 + self.depth_m,
            "semantics": semantics,
            "normals": normals,
            "edges": edges,
        }


def scored(network: nn.Module, source: SampleSource, **numbers: object) -> PerceptionScores:
    feed = InputSpec((48, 64), numbers.pop("focal_px", None))  # type: ignore[arg-type]
    return evaluate_network(network, source, feed, **numbers)  # type: ignore[arg-type]


def depth_of(scores: PerceptionScores) -> float:
    """How many times too deep."""
    assert scores.depth is not None
    return 1 + scores.depth.abs_rel


def test_who_knows_everything_scores_in_full() -> None:
    scores = scored(Knowing(), Room(), thresholds=3)
    assert scores.images == 2 and scores.source == "room" and scores.seconds_per_image > 0
    assert scores.semantics is not None and scores.depth is not None
    assert scores.normals is not None and scores.boundaries is not None
    assert scores.semantics.miou == 1 and scores.semantics.miou_40 == pytest.approx(2 / 40)
    assert scores.depth.rmse_m == 0 and scores.depth.delta_1 == 1
    assert scores.normals.mean_deg < 1e-3 and scores.normals.within_11_25 == 1
    assert scores.boundaries.ods_f > 0.9


@pytest.mark.parametrize(("width", "height"), [(128, 96), (96, 96), (40, 30), (31, 57)])
def test_scores_are_taken_at_the_size_of_the_truth(width: int, height: int) -> None:
    scores = scored(Knowing(), Room(width, height))
    assert scores.semantics is not None
    assert scores.semantics.pixel_accuracy > 1 - 2 / height  # but for the seam
    assert scores.depth is not None and scores.depth.rmse_m < 1e-6


def test_depth_follows_the_focal_length_of_the_camera() -> None:
    """60 pixels at full width are 30 when shown at half the size."""
    assert depth_of(scored(Knowing(), Room(), focal_px=60.0)) == pytest.approx(1)
    assert depth_of(scored(Knowing(), Room(), focal_px=30.0)) == pytest.approx(2)
    assert depth_of(scored(Knowing(), Room(128, 96), focal_px=30.0)) == pytest.approx(1)
    assert depth_of(scored(Knowing(), Room(64, 96), focal_px=30.0)) == pytest.approx(1)


def test_boundaries_are_scored_when_asked_for() -> None:
    assert scored(Knowing(), Room()).boundaries is None


def test_fewer_images_are_spread_evenly() -> None:
    assert spread(10, None) == list(range(10)) == spread(10, 99)
    assert spread(10, 3) == [0, 3, 6]
    assert scored(Knowing(), Room(images=9), max_images=4).images == 4


@pytest.mark.parametrize(
    ("network", "source", "error", "message"),
    [
        (Knowing(classes=14), Room(), ConfigError, "14 classes"),
        (Knowing(depth_m=float("nan")), Room(), DataError, "not finite"),
        (Knowing(), Room(images=0), DataError, "no image"),
    ],
)
def test_what_cannot_be_scored_is_told(
    network: nn.Module, source: Room, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        scored(network, source)


@pytest.fixture(scope="module")
def worlds() -> SimulatedSamples:
    mapping = load_label_map("apartment", "nyu40")
    world = random_world("simulated", 3, mapping.source)
    return SimulatedSamples("two", {3: world, 4: world}, mapping.table, views=3, size=SIZE)


def test_views_of_test_worlds_are_samples_with_true_geometry(worlds: SimulatedSamples) -> None:
    assert isinstance(worlds, SampleSource) and len(worlds) == 6
    sample = worlds[4]
    assert sample.name == "000004/01" and sample.rgb.shape == (36, 48, 3)
    assert sample.depth_m.min() > 0.1 and sample.depth_m.max() < 30
    np.testing.assert_allclose(np.linalg.norm(sample.normals, axis=2), 1, atol=0.01)
    assert sample.labels.max() <= 40 and {WALL, FLOOR} & set(np.unique(sample.labels))
    assert set(np.unique(sample.edges)) == {0, 1}


def test_a_view_depends_on_nothing_but_its_index(worlds: SimulatedSamples) -> None:
    first, other, again = worlds[1], worlds[5], worlds[1]
    np.testing.assert_array_equal(first.rgb, again.rgb)
    np.testing.assert_array_equal(first.depth_m, again.depth_m)
    assert (first.rgb != other.rgb).any() and (first.rgb != worlds[2].rgb).any()
    with pytest.raises(IndexError):
        worlds[6]


def test_worlds_of_tests_are_none_of_training(worlds: SimulatedSamples) -> None:
    mapping = load_label_map("apartment", "nyu40")
    training = {3: random_world("training", 3, mapping.source)}
    other = SimulatedSamples("one", training, mapping.table, views=3, size=SIZE)
    assert (worlds[0].depth_m != other[0].depth_m).mean() > 0.9


def test_seeds_name_worlds() -> None:
    source = open_samples("simulated:3-4")
    assert source.name == "simulated/3-4" and len(source) == 48


@pytest.mark.parametrize("seeds", ["", "x", "5-3", "1-", "-1"])
def test_what_is_no_range_of_seeds_is_told(seeds: str) -> None:
    with pytest.raises(DataError, match="simulated:"):
        open_samples(f"simulated:{seeds}")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    network = M2H(dataclasses.replace(TINY, feed=(36, 48), focal_px=40.0))
    fill(network)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_network(network, path)
    return path


def evaluated(weights: Path, *options: str) -> int:
    arguments = ["evaluate-perception", "--weights", str(weights), "--data", "simulated:3"]
    return main([*arguments, "--max-images", "2", *options])


def test_the_command_prints_a_table(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluated(weights, "--boundaries", "5") == 0
    printed = capsys.readouterr().out
    for name in ("2 of simulated/3", "semantics.miou_40", "depth.rmse_m", "normals.mean_deg"):
        assert name in printed
    assert "boundaries.ods_f" in printed and "wall" in printed and "IoU" in printed


def test_the_command_prints_one_json_object(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_flat_nyu(tmp_path / "nyu", {name: corner(CAMERA) for name in ("0001", "0002")})
    assert evaluated(weights, "--data", f"nyuv2:{folder}:all", "--json") == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["images"] == 2 and scores["boundaries"] is None
    assert 0 <= scores["semantics"]["miou_40"] <= scores["semantics"]["miou"] <= 1
    assert scores["depth"]["rmse_m"] > 0 and 0 < scores["normals"]["mean_deg"] < 180


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--weights", "missing.safetensors"], "missing.safetensors"),
        (["--weights", "x", "--max-images", "0"], "--max-images 0"),
        (["--weights", "x", "--boundaries", "1"], "--boundaries 1"),
    ],
)
def test_a_mistake_is_one_clear_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate-perception", *options]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and message in lines[0]


def test_data_of_no_kind_is_one_clear_line(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluated(weights, "--data", "kitti:x") == 1
    assert "kitti:x" in capsys.readouterr().err
