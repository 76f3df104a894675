"""Two small worlds, one of two storeys, and what Open3D's ray caster sees there."""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hydra_mono.core.labels import load_label_space
from hydra_mono.simulation.render.images import Rendered, Renderer
from hydra_mono.simulation.scene import World, build_world
from hydra_mono.training.data.worlds.cache import ViewSize
from hydra_mono.training.data.worlds.views import random_views
from hydra_mono.training.render.world import WorldTensors, compile_world, stack_worlds

LABELS = load_label_space("apartment")
CAMERA = ViewSize(64, 48).camera()
VIEWS = 10


@dataclass(frozen=True)
class Scenery:
    world: World
    tensors: WorldTensors
    poses: Tensor
    rendered: list[Rendered]

    def stacked(self, name: str) -> np.ndarray:
        return np.stack([getattr(view, name) for view in self.rendered])


@functools.cache
def scenery(seed: int) -> Scenery:
    rng, storeys = np.random.default_rng(seed), 1 + seed
    world = build_world(rng, LABELS, rooms=3 - seed, joints=0, storeys=storeys)
    poses = random_views(np.random.default_rng([1, seed]), world, VIEWS)
    poses[::2, 2, 3] += world.plan.floors_m[-1]
    renderer = Renderer(world, CAMERA, threads=1)
    return Scenery(
        world, compile_world(world), torch.from_numpy(poses), [renderer.render(p) for p in poses]
    )


def alone(seed: int) -> tuple[WorldTensors, Tensor, Tensor]:
    """One world by itself, which world each view is of, and the views."""
    place = scenery(seed)
    return stack_worlds([place.tensors]), torch.zeros(VIEWS, dtype=torch.int64), place.poses


def both() -> tuple[WorldTensors, Tensor, Tensor]:
    """Two worlds side by side, views of the one and of the other by turns."""
    places = [scenery(0), scenery(1)]
    world = torch.tensor([0, 1]).repeat(VIEWS)
    poses = torch.stack([place.poses for place in places], dim=1).flatten(0, 1)
    return stack_worlds([place.tensors for place in places]), world, poses
