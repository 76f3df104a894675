"""Views drawn on the device that trains, each used a few times before it makes room."""

import numpy as np
import torch
from jaxtyping import UInt8

from hydra_mono.training.data.device_batches import Stack
from hydra_mono.training.data.worlds.cache import NAMES, ViewSize
from hydra_mono.training.data.worlds.live_worlds import LiveWorlds


class ViewPool:
    """The last ``chunks`` batches of ``LiveWorlds``; every ``replace_every`` steps a new one.

    What it holds at a step depends on the step alone: a run that goes on draws it anew. Labels
    are mapped by ``table``.
    """

    def __init__(
        self,
        live: LiveWorlds,
        size: ViewSize,
        table: UInt8[np.ndarray, "256"],
        chunks: int,
        replace_every: int,
    ) -> None:
        self._live, self._chunks, self._every = live, chunks, replace_every
        self._camera = size.camera()
        self._table = torch.from_numpy(table)
        self._stack: Stack | None = None
        self._drawn = 0  # chunks so far, those left out included

    def at(self, step: int) -> Stack:
        """The views of a step; the tensors are reused."""
        end = self._chunks + step // self._every
        if end < self._drawn:
            self._drawn = 0
        for number in range(max(self._drawn, end - self._chunks), end):
            self._put(number)
        self._drawn = end
        assert self._stack is not None
        return self._stack

    def _put(self, number: int) -> None:
        drawn = self._live.draw(number)
        labels = drawn["labels"]
        drawn["labels"] = self._table.to(labels.device)[labels.long()]
        if self._stack is None:
            self._stack = self._empty(drawn)
        count = len(labels)
        place = slice(number % self._chunks * count, (number % self._chunks + 1) * count)
        for name in NAMES:
            getattr(self._stack, name)[place] = drawn[name]

    def _empty(self, like: dict[str, torch.Tensor]) -> Stack:
        c, device = self._camera, like["rgb"].device
        count = self._chunks * len(like["rgb"])
        images = {name: like[name].new_zeros(count, *like[name].shape[1:]) for name in NAMES}
        camera = torch.tensor([c.fx, c.fy, c.cx, c.cy], device=device)
        return Stack(**images, camera=camera.expand(count, 4).contiguous())
