"""What is known of every thing beside its node, and where to find the things of a block."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Int64

from hydra_mono.core.map.state import State, joined, parted
from hydra_mono.core.mesh import BlockKey
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.objects.surface import PartKey


@dataclass(frozen=True, slots=True)
class Thing:
    """The surface an object node stands for; ``updates`` counts how often it was clustered."""

    symbol: NodeSymbol
    label: int
    cells: Int64[np.ndarray, " c"]
    blocks: tuple[BlockKey, ...]
    updates: int


def things_state(things: Iterable[Thing]) -> State:
    """See ``core.map.state``."""
    things = list(things)
    blocks = [np.array(thing.blocks, np.int32).reshape(-1, 3) for thing in things]
    return {
        "symbols": [str(thing.symbol) for thing in things],
        "labels": [thing.label for thing in things],
        "updates": [thing.updates for thing in things],
        "cells": joined([thing.cells for thing in things], np.zeros(0, np.int64)),
        "blocks": joined(blocks, np.zeros((0, 3), np.int32)),
    }


def restored_things(state: State) -> list[Thing]:
    """The objects that gave the state, in the same order."""
    blocks = [tuple((i, j, k) for i, j, k in keys.tolist()) for keys in parted(state["blocks"])]
    symbols = [NodeSymbol.parse(symbol) for symbol in state["symbols"]]
    rows = zip(
        symbols, state["labels"], parted(state["cells"]), blocks, state["updates"], strict=True
    )
    return [Thing(*row) for row in rows]


class ThingIndex:
    """Things by symbol and by block; what a look-up costs does not grow with the map."""

    def __init__(self) -> None:
        self._things: dict[NodeSymbol, Thing] = {}
        self._owners: dict[BlockKey, set[NodeSymbol]] = {}

    def get(self, symbol: NodeSymbol) -> Thing:
        return self._things[symbol]

    def put(self, thing: Thing) -> None:
        """Adds a thing or replaces what was known of it."""
        if thing.symbol in self._things:
            self.drop(thing.symbol)
        self._things[thing.symbol] = thing
        for key in thing.blocks:
            self._owners.setdefault(key, set()).add(thing.symbol)

    def drop(self, symbol: NodeSymbol) -> None:
        for key in self._things.pop(symbol).blocks:
            owners = self._owners[key]
            owners.discard(symbol)
            if not owners:
                del self._owners[key]

    def state(self) -> State:
        """See ``core.map.state``."""
        return things_state(self._things.values())

    def restore(self, state: State) -> None:
        self._things, self._owners = {}, {}
        for thing in restored_things(state):
            self.put(thing)

    def owners(self, block: BlockKey) -> list[NodeSymbol]:
        return sorted(self._owners.get(block, ()))

    def region(
        self, touched: Iterable[PartKey], holds: Callable[[PartKey], bool]
    ) -> tuple[list[PartKey], list[Thing]]:
        """The parts to cluster anew when some were touched, and all the things they belong to.

        Neighbours of touched parts come along, because surfaces may have joined; things come
        with all their parts, so that none is clustered by half. Both sorted.
        """
        parts = set(touched)
        near = {(label, key) for label, block in parts for key in _neighbours(block)} - parts
        parts.update(part for part in near if holds(part) or self._owned(part))
        things: dict[NodeSymbol, Thing] = {}
        waiting = list(parts)
        while waiting:
            label, block = waiting.pop()
            for symbol in self._owners.get(block, ()):
                thing = self._things[symbol]
                if symbol in things or thing.label != label:
                    continue
                things[symbol] = thing
                fresh = [(label, key) for key in thing.blocks if (label, key) not in parts]
                parts.update(fresh)
                waiting += fresh
        return sorted(parts), [things[symbol] for symbol in sorted(things)]

    def _owned(self, part: PartKey) -> bool:
        owners = self._owners.get(part[1])
        return owners is not None and any(self._things[s].label == part[0] for s in owners)


_STEPS = tuple(step for step in product((-1, 0, 1), repeat=3) if any(step))


def _neighbours(block: BlockKey) -> list[BlockKey]:
    x, y, z = block
    return [(x + i, y + j, z + k) for i, j, k in _STEPS]
