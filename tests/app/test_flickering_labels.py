"""A whole run of one camera whose labels keep changing their mind, where nothing moves."""

import numpy as np
import pytest
from helpers_runs import small_config

from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.model.nodes import Ending, ObjectNode
from hydra_mono.graph.model.symbols import Layer
from hydra_mono.pipeline import Mapper
from hydra_mono.simulation.source import open_simulated

FRAMES = range(0, 160, 2)
SPELL = 20  # frames for which a wrong label is believed


class FlickeringPredictor:
    """Noisy depth, and every object label now and then taken for another one for a while."""

    def __init__(self, label_space: LabelSpace) -> None:
        self.label_space = label_space

    def __call__(self, frame: Frame) -> Prediction:
        assert frame.depth_m is not None and frame.labels is not None
        rng = np.random.default_rng(frame.index)
        objects = np.array(sorted(self.label_space.object_ids), np.uint8)
        table = np.arange(256, dtype=np.uint8)
        is_wrong = np.random.default_rng(frame.index // SPELL).random(len(objects)) < 0.4
        table[objects[is_wrong]] = np.roll(objects, 3)[is_wrong]
        error = rng.normal(0, 0.01) + rng.normal(0, 0.01, frame.depth_m.shape)
        return Prediction(
            depth_m=(frame.depth_m * np.exp(error)).astype(np.float32),
            labels=table[frame.labels],
            confidence=np.full(frame.labels.shape, 0.8, np.float32),
            normals=frame.normals,
            edges=np.zeros(frame.labels.shape, np.float32),
        )


@pytest.fixture(scope="module")
def endings() -> list[Ending]:
    config = small_config("simulation.noise=none")
    source = open_simulated("simulated/5", config.simulation)
    mapper = Mapper(config, FlickeringPredictor(source.label_space))
    for index in FRAMES:
        mapper.step(source[index])
    mapper.finish()
    nodes = (node for _, node in mapper.graph.nodes(Layer.OBJECTS))
    return [node.ending for node in nodes if isinstance(node, ObjectNode) and node.ending]


def test_objects_whose_label_changed_are_retracted_or_merged(endings: list[Ending]) -> None:
    assert endings, "labels flicker, so objects come and go"


def test_nothing_is_called_removed_where_nothing_left(endings: list[Ending]) -> None:
    assert [ending for ending in endings if ending.kind == "removed"] == []
