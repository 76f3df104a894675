"""Every method by the one interface: trained, resumed, saved, loaded, evaluated, and predicting."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers_methods import METHODS, SMALL, toy
from helpers_perception import colour_frame
from helpers_training import RULE, plane_sample, planes

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.config.training import LossConfig, StageConfig, TrainingConfig
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.labels import load_label_space
from hydra_mono.perception.networks.registry import build, name_of
from hydra_mono.perception.networks.triplane.regularizer import TriplaneRule
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.perception.predictors.fuse_batchnorm import fuse_batchnorm
from hydra_mono.perception.tasks import INDOOR
from hydra_mono.perception.weights_io.checkpoint import load_network, save_network
from hydra_mono.perception.weights_io.files import CheckpointError
from hydra_mono.training.data.shots import Photographs
from hydra_mono.training.data.sources import Data, cached_batches
from hydra_mono.training.evaluate import evaluate_network
from hydra_mono.training.objective import Objective
from hydra_mono.training.run import create_trainer
from hydra_mono.training.samples import Sample
from hydra_mono.training.trainer import LATEST, Trainer, TrainingError

FEWER = {"atrc_search": {"tasks": ("depth", "semantics")}}  # 4 pairs in place of 16
NYU40 = load_label_space("nyu40")
COLOURS = ((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
DATA = Data(cached_batches(None, Photographs(planes(), 64, 0)))


class Plane:
    """One sample."""

    name = "plane"

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        return plane_sample(camera=SMALL)


def settings(size: int = 32) -> TrainingConfig:
    stage = StageConfig(steps=2, height=size, width=size, batch=2)
    return TrainingConfig(stages=(stage,), warmup=1, worlds=0, loss=LossConfig())


def trainer(folder: Path, config: Any, **options: Any) -> Trainer:
    cpu = torch.device("cpu")
    return create_trainer(config, settings(), DATA, folder, cpu, COLOURS, **options)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_trains_resumes_saves_loads_scores_and_predicts(name: str, tmp_path: Path) -> None:
    config = toy(name, **FEWER.get(name, {}))
    first = trainer(tmp_path, config)
    losses = first.advance()
    assert np.isfinite(list(losses.values())).all() and set(first.average.tasks) <= set(losses)
    assert all(p.grad is not None for p in first.objective.network.parameters())
    first.save()
    second = trainer(tmp_path, config)
    assert second.step == 1
    second.advance()
    second.save()
    loaded = load_network(tmp_path / LATEST)
    assert name_of(loaded.config) == name and loaded.config == config
    scores = evaluate_network(loaded, Plane(), config.input_spec(), thresholds=2)
    tasks = set(loaded.tasks)
    by_task = (scores.depth, scores.semantics, scores.normals, scores.boundaries)
    assert [score is not None for score in by_task] == [task in tasks for task in INDOOR]
    predict = create_predictor(PredictorConfig(name=name, weights=str(tmp_path / LATEST)), NYU40)
    found = predict(colour_frame(64, 64))
    assert found.depth_m.shape == (64, 64) and bool((found.depth_m > 0).all())
    assert found.labels is not None and (found.normals is not None) == ("normals" in tasks)


def test_fused_for_speed_a_method_says_the_same() -> None:
    """A batch norm that follows another layer's convolution would be fused with the wrong one."""
    image = torch.rand(1, 3, 32, 32)
    for name in METHODS:
        torch.manual_seed(0)
        network = build(toy(name))
        with torch.inference_mode():
            for module in network.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
                    module.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
                    if module.affine:
                        module.weight.uniform_(0.5, 1.5)
            expected = network.eval()(image)
            found = fuse_batchnorm(network)(image)
        for task, values in expected.items():
            assert torch.allclose(values, found[task], atol=2e-3, rtol=2e-3), (name, task)


def test_weights_of_another_method_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mtan.safetensors"
    save_network(build(toy("mtan")), path)
    with pytest.raises(ConfigError, match="holds mtan; pass --predictor mtan"):
        create_predictor(PredictorConfig(name="atrc", weights=str(path)), NYU40)
    with pytest.raises(CheckpointError, match=r"safetensors: holds mtan; mtl cannot begin with"):
        trainer(tmp_path, toy("mtl"), start_from=path)


def test_a_task_without_truth_is_told_before_training(tmp_path: Path) -> None:
    config = toy("mtl", tasks=("depth", "parts", "saliency"))
    with pytest.raises(TrainingError, match="mtl needs parts, saliency; this data set has no"):
        trainer(tmp_path, config)


def test_a_size_that_the_weights_are_not_tied_to_is_told_before_training(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="built for images of 64×64, not of 32×32"):
        trainer(tmp_path, toy("m_ctal", feed=(64, 64)))


def test_a_regularized_training_resumes_and_saves_the_network_alone(tmp_path: Path) -> None:
    first = trainer(tmp_path, toy("mtl"), regularizer=TriplaneRule())
    first.advance()
    first.save()
    second = trainer(tmp_path, toy("mtl"), regularizer=TriplaneRule())
    assert second.step == 1
    names = set(load_network(tmp_path / LATEST).state_dict())
    assert names == set(build(toy("mtl")).state_dict())


def test_tasks_of_other_data_sets_are_trained_and_scored() -> None:
    """Parts, saliency and disparity come beside the truth that every sample has."""
    torch.manual_seed(0)
    network = build(toy("pad_net", tasks=("parts", "saliency", "disparity")))
    batch = DATA.training(RULE, (0, 0, 0))
    height, width = batch.labels.shape[1:]
    others = {
        "parts": torch.full((3, height, width), 4),
        "saliency": torch.randint(0, 2, (3, height, width)),
        "disparity": torch.full((3, height, width), 20.0),
    }
    total, parts = Objective(network, LossConfig())(replace(batch, others=others))
    total.backward()
    assert set(parts) == set(others)

    class Parts(Plane):
        def __getitem__(self, index: int) -> Sample:
            sample = plane_sample(camera=SMALL)
            truth = {task: values[0, :1, :1].numpy() for task, values in others.items()}
            size = sample.depth_m.shape
            wide = {task: np.broadcast_to(value, size) for task, value in truth.items()}
            return replace(sample, others=wide)

    scores = evaluate_network(network.eval(), Parts(), network.config.input_spec())
    assert set(scores.others) <= set(others) and {"parts", "disparity"} <= set(scores.others)
    assert scores.depth is None and scores.semantics is None
