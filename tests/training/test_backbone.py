"""Training from a pretrained backbone, and what makes its batches harder."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_training import (
    CAMERA,
    PLANE_DISTANCE_M,
    PLANE_NORMAL,
    RULE,
    plane_sample,
    planes,
    tiny_config,
)
from helpers_training import TINY as CONV

from hydra_mono.core.config.training import BackboneTraining
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.perception.networks.backbones.efficientnet_lite import (
    LITES,
    EfficientNetLite,
    LiteConfig,
)
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.weights_io.checkpoint import load_network, save_network
from hydra_mono.perception.weights_io.files import CheckpointError
from hydra_mono.perception.weights_io.pretrained import lite_names
from hydra_mono.training import run
from hydra_mono.training.data.batches import BatchMaker, BatchRule
from hydra_mono.training.data.shots import Photographs
from hydra_mono.training.data.sources import Data, cached_batches
from hydra_mono.training.init_from import with_heads_of
from hydra_mono.training.trainer import LATEST, Trainer

LITE = LiteConfig((8, 8, 8, 16, 16, 16, 24), (1, 1, 1, 1, 1, 1, 1))
NETWORK = replace(CONV, backbone=LITE)
COLORS = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.fixture
def lite_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A classifier of the tiny size, as published."""
    monkeypatch.setitem(LITES, "efficientnet_lite2", LITE)
    torch.manual_seed(3)
    own = EfficientNetLite(LITE).state_dict()
    path = tmp_path / "published.pth"
    torch.save({theirs: own[ours] for ours, theirs in lite_names(LITE).items()}, path)
    return path


def trainer(folder: Path, weights: Path, start_from: Path | None = None) -> Trainer:
    source = cached_batches(None, Photographs(planes(), 128, 0))
    backbone = BackboneTraining(name="efficientnet_lite2", weights=str(weights), rate=0.1)
    config = tiny_config(backbone=backbone)
    cpu = torch.device("cpu")
    return run.create_trainer(NETWORK, config, Data(source), folder, cpu, COLORS, start_from)


def test_a_training_begins_with_the_published_weights_and_its_network_loads(
    tmp_path: Path, lite_weights: Path
) -> None:
    learner = trainer(tmp_path / "run", lite_weights)
    stem = torch.load(lite_weights, weights_only=True)["_conv_stem.weight"]
    assert torch.equal(learner.objective.network.backbone.stem.weight, stem)  # type: ignore[attr-defined]
    while not learner.finished:
        learner.advance()
    learner.save()
    assert load_network(tmp_path / "run" / LATEST).config == NETWORK
    again = trainer(tmp_path / "run", lite_weights)
    assert again.step == learner.step and again.finished


def test_a_pretrained_backbone_learns_slowly_and_keeps_its_statistics(
    tmp_path: Path, lite_weights: Path
) -> None:
    learner = trainer(tmp_path / "run", lite_weights)
    backbone = learner.objective.network.backbone
    before = {k: v.clone() for k, v in backbone.state_dict().items()}  # type: ignore[attr-defined]
    values = learner.advance()
    *rates, slow = (group["lr"] for group in learner.optimizer.param_groups)
    assert set(rates) == {values["rate"]} and slow == pytest.approx(0.1 * values["rate"])
    after = backbone.state_dict()  # type: ignore[attr-defined]
    assert torch.equal(before["stem_norm.running_mean"], after["stem_norm.running_mean"])
    largest = (after["stem.weight"] - before["stem.weight"]).abs().max()
    assert 0 < float(largest) <= 0.11 * values["rate"] * 1.01  # AdamW's first step is the rate


def test_heads_of_another_network_are_lent_to_a_new_backbone(
    tmp_path: Path, lite_weights: Path
) -> None:
    torch.manual_seed(0)
    known = M2H(CONV)
    save_network(known, tmp_path / "known.safetensors")
    found = trainer(tmp_path / "run", lite_weights, tmp_path / "known.safetensors")
    state, old = found.objective.network.state_dict(), known.state_dict()
    assert torch.equal(
        state["mlt_head.seg_out.final_conv.weight"], old["mlt_head.seg_out.final_conv.weight"]
    )
    assert torch.equal(
        state["mlt_head.cross_attn.0.ffn_fc1.weight"], old["mlt_head.cross_attn.0.ffn_fc1.weight"]
    )
    with pytest.raises(CheckpointError, match="cannot go on from these weights"):
        with_heads_of(known, replace(NETWORK, channels=32))


def batch_of_planes(rule: BatchRule, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth, normals and cameras of a batch."""
    batch = BatchMaker(None, Photographs([plane_sample()], 128, 0))(rule, (seed, 0, 0))
    return batch.depth_m.numpy(), batch.normals.numpy(), batch.camera.numpy()


@pytest.mark.parametrize("changes", [{"roll_rad": 0.3}, {"largest_crop": 0.5, "roll_rad": 0.1}])
def test_rolled_and_windowed_images_still_show_the_plane(changes: dict[str, float]) -> None:
    rule = replace(RULE, count=6, whole=0.5, effects=1.0, **changes)
    depth, normals, cameras = batch_of_planes(rule)
    for z, normal, camera in zip(depth[:, 0], normals, cameras, strict=True):
        height, width = z.shape
        rays = camera_rays(Intrinsics(*map(float, camera), width, height))
        known = z > 0
        assert known.mean() > 0.4
        scale = rule.focal_per_width * width / camera[0]
        unit = normal / np.maximum(np.linalg.norm(normal, axis=0), 1e-6)
        distance = (rays * z[..., None] * unit.transpose(1, 2, 0)).sum(axis=2)[known]
        assert np.allclose(distance, PLANE_DISTANCE_M * scale, rtol=0.06)
        assert unit[2][known] == pytest.approx(PLANE_NORMAL[2], abs=0.02)


def test_windows_show_objects_as_large_as_whole_images_do() -> None:
    """A window of half the width at half the size has the whole image's focal length."""
    whole = replace(RULE, count=1, least_photograph_crop=1.0)
    window = replace(whole, height=24, width=32, feed_width=32, largest_crop=0.5)
    scales = [
        rule.focal_per_width * rule.width / batch_of_planes(rule)[2][0, 0]
        for rule in (whole, window)
    ]
    assert scales[0] == pytest.approx(scales[1], rel=1e-5)


def test_whole_images_are_as_many_as_wanted() -> None:
    assert CAMERA.width == 128
    rule = replace(RULE, count=200, least_photograph_crop=0.3, whole=0.5)
    _, _, cameras = batch_of_planes(rule)
    smallest = cameras[:, 0].min()
    share = float(np.mean(cameras[:, 0] < smallest * 1.08))
    assert 0.45 < share < 0.65
