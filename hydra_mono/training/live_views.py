"""Views drawn while a training runs, in place of cached ones."""

import numpy as np
from jaxtyping import UInt8

from hydra_mono.training.batches import Shot
from hydra_mono.training.cache import ViewSize
from hydra_mono.training.live_worlds import LiveWorlds


class LiveViews:
    """Every step has views of its own, drawn by ``LiveWorlds``; labels are mapped by ``table``."""

    def __init__(self, live: LiveWorlds, size: ViewSize, table: UInt8[np.ndarray, "256"]) -> None:
        self._live, self._table = live, table
        self._camera = size.camera()
        self._images: dict[str, np.ndarray] = {}
        self._next = 0

    def begin(self, step: int) -> None:
        """Draws the step's views."""
        drawn = self._live.draw(step)
        self._images = {name: values.cpu().numpy() for name, values in drawn.items()}
        self._images["labels"] = self._table[self._images["labels"]]
        self._next = 0

    def draw(self, rng: np.random.Generator) -> Shot:
        """The next of the step's views; past the last one, the first again."""
        index = self._next % len(self._images["rgb"])
        self._next += 1
        images = {name: values[index] for name, values in self._images.items()}
        return Shot(**images, camera=self._camera)
