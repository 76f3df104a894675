"""The table of methods: a new one is a module and a line, and everything works with it."""

import dataclasses
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from helpers_perception import colour_frame
from helpers_training import RULE, plane_sample, planes
from torch import Tensor, nn

from hydra_mono.core.config import PredictorConfig
from hydra_mono.core.config.training import LossConfig
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.labels import load_label_space
from hydra_mono.perception.networks import registry
from hydra_mono.perception.networks.input_spec import InputSpec
from hydra_mono.perception.networks.interface import (
    CHANNELS,
    Method,
    MultiTaskNetwork,
    TaskMaps,
    TrainingMaps,
)
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.perception.weights_io.checkpoint import load_network, save_network
from hydra_mono.training.data.shots import Photographs
from hydra_mono.training.data.sources import cached_batches
from hydra_mono.training.evaluate import evaluate_network
from hydra_mono.training.objective import Objective

NYU40 = load_label_space("nyu40")


@dataclass(frozen=True)
class ToyConfig:
    """Numbers of a method that nobody has heard of."""

    classes: int = 41
    channels: int = 4

    def input_spec(self) -> InputSpec:
        return InputSpec((24, 32), focal_px=30.0)


class Toy(MultiTaskNetwork):
    """Depth and edges from one convolution, and an earlier depth for training."""

    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config = config
        self.shared = nn.Conv2d(3, config.channels, 3, padding=1)
        self.depth, self.edges, self.early = (nn.Conv2d(config.channels, 1, 1) for _ in range(3))

    @property
    def tasks(self) -> dict[str, int]:
        return {"depth": 1, "edges": 1}

    def forward(self, image: Tensor) -> TaskMaps:
        return self.training_maps(image, (1, 1)).final

    def training_maps(self, image: Tensor, size: tuple[int, int]) -> TrainingMaps:
        shared = self.shared(image)
        depth, early = self.depth(shared).exp(), self.early(shared).exp()
        return TrainingMaps({"depth": depth, "edges": self.edges(shared)}, ({"depth": early},))


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A network of a method that was added to the table."""
    module = types.ModuleType("toy_method")
    module.METHOD = Method(ToyConfig, Toy, {"plain": ToyConfig()})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "toy_method", module)
    monkeypatch.setitem(registry.MODULES, "toy", "toy_method")
    torch.manual_seed(0)
    return Toy(ToyConfig())


def test_a_new_method_is_saved_loaded_and_predicts(toy: Toy, tmp_path: Path) -> None:
    path = tmp_path / "toy.safetensors"
    save_network(toy, path)
    loaded = load_network(path)
    assert isinstance(loaded, Toy) and loaded.config == toy.config
    config = PredictorConfig(name="toy", weights=str(path))
    found = create_predictor(config, NYU40)(colour_frame(64, 48))
    assert found.depth_m.shape == (48, 64) and found.edges is not None and found.labels is None
    with pytest.raises(ConfigError, match="holds toy; pass --predictor toy"):
        create_predictor(config.model_copy(update={"name": "m2h"}), NYU40)
    with pytest.raises(ConfigError, match="predictor toy needs a network"):
        create_predictor(PredictorConfig(name="toy"), NYU40)


def test_a_new_method_is_trained_by_its_tasks_and_auxiliary_maps(toy: Toy) -> None:
    photographs = Photographs(planes(), 128, 0)
    batch = cached_batches(None, photographs)(RULE, (0, 0, 0))
    total, parts = Objective(toy, LossConfig())(batch)
    assert parts.keys() == {"depth", "edges", "depth_gradient"}
    total.backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in toy.early.parameters())


def test_a_new_method_is_scored_by_its_tasks(toy: Toy) -> None:
    class Planes:
        name = "planes"

        def __len__(self) -> int:
            return 2

        def __getitem__(self, index: int) -> object:
            return plane_sample(str(index))

    scores = evaluate_network(toy.eval(), Planes(), toy.config.input_spec())  # type: ignore[arg-type]
    assert scores.depth is not None
    assert scores.semantics is None and scores.normals is None


@pytest.mark.parametrize("name", registry.MODULES)
def test_every_variant_can_be_built_and_has_the_maps_it_names(name: str) -> None:
    for config in registry.method(name).variants.values():
        with torch.device("meta"), torch.inference_mode():
            network = registry.build(config).eval()
            maps = network(torch.zeros(1, 3, *config.input_spec().size))
        assert {task: values.shape[1] for task, values in maps.items()} == network.tasks
        assert network.tasks.keys() <= CHANNELS.keys()
        assert registry.name_of(dataclasses.replace(config)) == name  # type: ignore[type-var]
