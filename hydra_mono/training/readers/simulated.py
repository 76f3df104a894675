"""Views of simulated worlds that training never sees, as samples for evaluation."""

import logging
import re
from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt8

from hydra_mono.core.errors import DataError
from hydra_mono.core.label_map import load_label_map
from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.scene import World
from hydra_mono.training.data.worlds.cache import ViewSize, draw_views
from hydra_mono.training.data.worlds.views import random_world
from hydra_mono.training.samples import Sample

logger = logging.getLogger(__name__)

VIEWS = 24  # of each world
SEEDS = re.compile(r"(\d+)(?:-(\d+))?")


class SimulatedSamples:
    """``views`` of each world, drawn on demand, a world at a time.

    ``worlds``: by seed. ``table``: from the worlds' label ids to NYU40.
    """

    def __init__(
        self,
        name: str,
        worlds: Mapping[int, World],
        table: UInt8[np.ndarray, "256"],
        *,
        views: int = VIEWS,
        size: ViewSize | None = None,
    ) -> None:
        self._name, self._worlds, self._table = name, dict(worlds), table
        self._views, self._size = views, size or ViewSize()
        self._drawn: tuple[int, dict[str, np.ndarray]] | None = None  # seed and views

    @property
    def name(self) -> str:
        return self._name

    def __len__(self) -> int:
        return len(self._worlds) * self._views

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(index)
        seed, view = list(self._worlds)[index // self._views], index % self._views
        images = {name: values[view] for name, values in self._images(seed).items()}
        normals = images["normals"].astype(np.float32)
        return Sample(
            name=f"{seed:06d}/{view:02d}",
            rgb=images["rgb"],
            intrinsics=self._size.camera(),
            depth_m=images["depth_m"].astype(np.float32),
            labels=self._table[images["labels"]],
            normals=normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1),
            edges=images["edges"],
        )

    def _images(self, seed: int) -> dict[str, np.ndarray]:
        """All views of a world; the last world's are kept."""
        if self._drawn is None or self._drawn[0] != seed:
            world = self._worlds[seed]
            self._drawn = seed, draw_views(world, seed, self._views, self._size)
        return self._drawn[1]


def open_simulated_samples(seeds: str) -> SimulatedSamples:
    """Worlds ``SEED`` or ``FIRST-LAST`` of the test split.

    Raises:
        DataError: not a range of seeds, or none of them makes a world.
    """
    found = SEEDS.fullmatch(seeds)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, -1)
    if last < first:
        raise DataError(f"simulated:{seeds}: write simulated:SEED or simulated:FIRST-LAST")
    mapping = load_label_map("apartment", "nyu40")
    worlds = {}
    for seed in range(first, last + 1):
        world = _world(seed, mapping.source)
        if world is not None:
            worlds[seed] = world
    if not worlds:
        raise DataError(f"simulated:{seeds}: none of these seeds makes a world; take others")
    return SimulatedSamples(f"simulated/{seeds}", worlds, mapping.table)


def _world(seed: int, labels: LabelSpace) -> World | None:
    """None for the few seeds whose furniture would block a room."""
    try:
        return random_world("simulated", seed, labels)
    except DataError as error:
        logger.info("simulated world %d: %s", seed, error)
        return None
