"""A training run: it learns, stops and goes on, and leaves what it promises."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers_training import planes as plane_samples
from helpers_training import rows, tiny_config, tiny_network

from hydra_mono.core.config.training import StageConfig, TrainingConfig
from hydra_mono.core.label_map import load_label_map
from hydra_mono.perception.networks.backbones.convnext import ConvConfig
from hydra_mono.perception.networks.interface import CHANNELS
from hydra_mono.perception.networks.m2h import M2H
from hydra_mono.perception.weights_io.checkpoint import load_network
from hydra_mono.perception.weights_io.files import CheckpointError
from hydra_mono.training import run
from hydra_mono.training.data.shots import CachedWorlds, Photographs
from hydra_mono.training.data.sources import Data, cached_batches
from hydra_mono.training.data.worlds.cache import NAMES, ViewSize, cache_world
from hydra_mono.training.init_from import grow_network
from hydra_mono.training.objective import balanced_class_weight
from hydra_mono.training.readers.nyuv2 import split_by_scene
from hydra_mono.training.schedule import Schedule
from hydra_mono.training.trainer import LATEST, STATE, Trainer, TrainingError
from hydra_mono.training.watch import LOG, VALIDATION_LOG, Watcher

COLORS = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def photographs() -> Photographs:
    return Photographs(plane_samples(), 128, 0)


def data() -> Data:
    source = cached_batches(None, photographs())
    return Data(source, {"photographs": source})


def trainer(folder: Path, config: TrainingConfig) -> Trainer:
    return run.create_trainer(tiny_network(), config, data(), folder, torch.device("cpu"), COLORS)


def finish(trainer: Trainer, stop_at: int | None = None) -> None:
    rule_of = run.rules(tiny_network(), trainer.config, COLORS)
    watcher = Watcher(trainer.folder, record=False)
    run.train(trainer, rule_of, data(), watcher, should_stop=lambda: trainer.step == stop_at)


def test_an_interrupted_run_ends_as_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole", tiny_config())
    finish(whole)
    finish(trainer(tmp_path / "parts", tiny_config()), stop_at=2)
    rest = trainer(tmp_path / "parts", tiny_config())
    assert rest.step == 2
    finish(rest)
    expected, found = whole.average.state_dict(), rest.average.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_run_leaves_weights_that_load_and_logs_that_read(tmp_path: Path) -> None:
    finish(trainer(tmp_path, tiny_config()))
    network = load_network(tmp_path / LATEST)
    assert network.config == tiny_network()
    assert len(rows(tmp_path / LOG)) == 1 + 4
    names = rows(tmp_path / VALIDATION_LOG)[0]
    assert {"photographs.rmse_m", "photographs.miou"} <= set(names)


@pytest.mark.parametrize("weighting", ["fixed", "dwa", "uncertainty"])
def test_the_losses_fall_on_one_scene(tmp_path: Path, weighting: str) -> None:
    config = tiny_config(30, loss={"weighting": weighting}, learning_rate=3e-3)
    learner = trainer(tmp_path, config)
    steps = [learner.advance() for _ in range(30)]
    found = [sum(step[task] for task in CHANNELS) for step in steps]
    assert np.mean(found[-5:]) < 0.75 * np.mean(found[:3])


def test_a_damaged_checkpoint_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / STATE).write_bytes(b"nothing")
    with pytest.raises(TrainingError, match="use another --output"):
        trainer(tmp_path, tiny_config())


def test_losses_that_are_not_finite_are_skipped_and_end_the_run(tmp_path: Path) -> None:
    learner = trainer(tmp_path, tiny_config(40))
    before = {k: v.clone() for k, v in learner.average.state_dict().items()}
    with torch.no_grad():
        learner.objective.network.mlt_head.conv_edge.head[-1].weight.fill_(math.nan)
    learner.advance()
    after = learner.average.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(TrainingError, match="no finite loss"):
        for _ in range(30):
            learner.advance()


def test_a_run_can_begin_with_the_weights_of_another(tmp_path: Path) -> None:
    finish(trainer(tmp_path / "first", tiny_config()))
    weights = tmp_path / "first" / LATEST
    second = run.create_trainer(
        tiny_network(),
        tiny_config(),
        data(),
        tmp_path / "second",
        torch.device("cpu"),
        COLORS,
        weights,
    )
    expected = load_network(weights).state_dict()
    found = second.objective.network.state_dict()
    assert second.step == 0 and all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_grown_network_says_nearly_what_the_smaller_one_does() -> None:
    torch.manual_seed(0)
    config = tiny_network()
    small, image = M2H(config).eval(), torch.rand(1, 3, 64, 96)
    deeper = replace(config, backbone=ConvConfig(widths=(8, 8, 16, 16), depths=(1, 2, 3, 1)))
    large = grow_network(small, deeper).eval()
    assert len(large.state_dict()) > len(small.state_dict())
    for expected, found in zip(small(image).values(), large(image).values(), strict=True):
        assert torch.allclose(expected, found, atol=2e-2)
    wider = replace(config, backbone=ConvConfig(widths=(8, 8, 16, 24), depths=(1, 1, 1, 1)))
    for other in (wider, replace(config, attention_layers=2)):
        with pytest.raises(CheckpointError, match="cannot go on from these weights"):
            grow_network(small, other)


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(TrainingError, match="nothing to train on"):
        cached_batches(None, None)


def test_the_clock_may_end_a_run_before_its_steps_do(tmp_path: Path) -> None:
    stage = StageConfig(steps=1000, height=32, width=32, batch=1)
    schedule = Schedule((stage,), highest=1.0, warmup=1, cooldown=0.5, seconds=100.0)
    assert schedule.rate(10, 50.0) == pytest.approx(1.0)
    assert schedule.rate(10, 75.0) == pytest.approx(0.5)
    assert schedule.rate(750, 60.0) == pytest.approx(0.5)
    learner = trainer(tmp_path, tiny_config(1000, minutes=1e-6))
    finish(learner)
    assert learner.step == 1 and learner.finished


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    stages = (
        StageConfig(steps=60, height=32, width=32, batch=1),
        StageConfig(steps=40, height=64, width=64, batch=1),
    )
    schedule = Schedule(stages, highest=1.0, warmup=4, cooldown=0.2)
    assert schedule.rate(0) == pytest.approx(0.25)
    assert schedule.rate(10) == schedule.rate(79) == 1.0
    assert schedule.rate(90) == pytest.approx(0.5)
    assert schedule.rate(99) == pytest.approx(0.05)
    assert schedule.stage(59) == stages[0] and schedule.stage(60) == stages[1]


@pytest.mark.parametrize("seconds", [None, 100.0])
def test_warming_up_takes_a_twentieth_of_a_short_training(seconds: float | None) -> None:
    stage = StageConfig(steps=1000 if seconds else 100, height=32, width=32, batch=1)
    schedule = Schedule((stage,), highest=1.0, warmup=300, cooldown=0.35, seconds=seconds)
    assert schedule.rate(2, 3.0) == pytest.approx(0.6)
    assert schedule.rate(4, 5.0) == schedule.rate(60, 60.0) == 1.0


def test_rare_classes_weigh_more_and_the_mean_is_one() -> None:
    counts = torch.tensor([0.0, 900.0, 90.0, 10.0])
    weight = balanced_class_weight(counts, 0.5, largest=100.0)
    assert weight[0] == 0 and weight[1] < weight[2] < weight[3]
    assert float((weight * counts).sum() / counts.sum()) == pytest.approx(1.0)


def test_drawn_worlds_are_cached_and_mapped(tmp_path: Path) -> None:
    mapping = load_label_map("apartment", "nyu40")
    size = ViewSize(32, 24)
    folder = cache_world(tmp_path, 5, mapping.source, 2, size)
    stamps = {name: (folder / f"{name}.npy").stat().st_mtime_ns for name in NAMES}
    assert cache_world(tmp_path, 5, mapping.source, 2, size) == folder
    assert stamps == {name: (folder / f"{name}.npy").stat().st_mtime_ns for name in NAMES}
    shot = CachedWorlds([folder], mapping.table).draw(np.random.default_rng(0))
    assert shot.rgb.shape == (24, 32, 3) and (np.asarray(shot.depth_m) > 0).mean() > 0.9
    assert int(shot.labels.max()) <= 40


def test_the_scene_split_never_cuts_a_run_of_ids() -> None:
    ids = [f"{i:04d}" for i in range(1, 200) if i % 7]
    shown, held = split_by_scene(ids, "train"), split_by_scene(ids, "validation")
    assert sorted(shown + held) == ids and held
    neighbours = {int(i) + 1 for i in held} | {int(i) - 1 for i in held}
    assert not neighbours & {int(i) for i in shown}
