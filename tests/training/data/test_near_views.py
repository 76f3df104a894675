"""Near views: cameras in the open that look at what lies on furniture."""

from pathlib import Path

import numpy as np
import pytest

from hydra_mono.core.labels import load_label_space
from hydra_mono.simulation.render.images import Renderer
from hydra_mono.simulation.scene import World
from hydra_mono.training.data.worlds.cache import (
    ViewSize,
    cache_world,
    is_lived_in,
    training_world,
)
from hydra_mono.training.data.worlds.near_views import near_views

LABELS = load_label_space("apartment")


@pytest.fixture(scope="module")
def world() -> World:
    return training_world(5, LABELS)


def test_near_views_stand_in_rooms_and_inside_of_nothing(world: World) -> None:
    poses = near_views(np.random.default_rng(0), world, 20)
    assert len(poses) == 20
    assert np.allclose(poses[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1), np.eye(3))
    for solid in (*world.fixed, *world.objects):
        assert not solid.contains(poses[:, :3, 3]).any(), solid.name


def test_near_views_see_what_is_near(world: World) -> None:
    renderer = Renderer(world, ViewSize(64, 48).camera(), threads=1)
    poses = near_views(np.random.default_rng(1), world, 12)
    medians = [np.median(renderer.render(pose).depth_m) for pose in poses]
    assert np.median(medians) < 2.0


def test_every_other_training_world_is_lived_in(tmp_path: Path, world: World) -> None:
    assert is_lived_in(5) and not is_lived_in(4)
    folder = cache_world(tmp_path, 5, LABELS, 6, ViewSize(64, 48))
    assert "lived" in folder.name
    labels = {label.id for label in LABELS.labels if label.id > 40}
    shown = set(np.unique(np.load(folder / "labels.npy")).tolist())
    assert shown & labels
    assert not {obj.label for obj in training_world(4, LABELS).objects} & labels
