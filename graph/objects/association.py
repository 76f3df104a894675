"""Which cluster of this update is which object of before, and what is known of every object."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Int64

from hydra_mono.core.map.state import State, joined, parted
from hydra_mono.core.mesh import BlockKey
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.objects.surface import PartKey

LEAST_SHARE = 0.1  # of an object's cells; a remnant smaller than this does not carry its name on


@dataclass(frozen=True, slots=True)
class Association:
    """Indices of clusters and objects.

    ``heir``: the known each cluster goes on as, -1 for a new one. ``merged``: (object, the
    object it is now part of). ``lost``: objects that no cluster shares a cell with.
    """

    heir: tuple[int, ...]
    merged: tuple[tuple[int, int], ...]
    lost: tuple[int, ...]


def associate(
    clusters: list[Int64[np.ndarray, " _"]], known: list[Int64[np.ndarray, " _"]]
) -> Association:
    """Matches by shared cells: every object goes to the cluster that holds most of it.

    Of several objects in one cluster the first (the oldest) lives on and takes up the others; of
    several clusters of one object the largest share keeps its name and the others are new.
    """
    shared = count_shared(clusters, known)
    heir = [-1] * len(clusters)
    merged, lost = [], []
    for index, row in enumerate(shared):
        best = int(np.argmax(row)) if len(row) else -1
        if best < 0 or row[best] <= LEAST_SHARE * len(known[index]):
            lost.append(index)
        elif heir[best] < 0:
            heir[best] = index
        else:
            merged.append((index, heir[best]))
    return Association(tuple(heir), tuple(merged), tuple(lost))


def count_shared(
    clusters: list[Int64[np.ndarray, " _"]], known: list[Int64[np.ndarray, " _"]]
) -> Int64[np.ndarray, "t c"]:
    """Number of cells each object has in common with each cluster; clusters share none."""
    if not clusters or not known:
        return np.zeros((len(known), len(clusters)), np.int64)
    cells = np.concatenate(clusters)
    cluster_of = np.repeat(np.arange(len(clusters)), [len(c) for c in clusters])
    order = np.argsort(cells)
    cells, cluster_of = cells[order], cluster_of[order]
    wanted = np.concatenate(known)
    object_of = np.repeat(np.arange(len(known)), [len(cells) for cells in known])
    found = np.searchsorted(cells, wanted)
    found[found == len(cells)] = 0
    hit = cells[found] == wanted
    flat = object_of[hit] * len(clusters) + cluster_of[found[hit]]
    counts = np.bincount(flat, minlength=len(known) * len(clusters))
    return np.asarray(counts.reshape(len(known), len(clusters)))


@dataclass(frozen=True, slots=True)
class KnownObject:
    """The surface an object node stands for; ``updates`` counts how often it was clustered."""

    symbol: NodeSymbol
    label: int
    cells: Int64[np.ndarray, " c"]
    blocks: tuple[BlockKey, ...]
    updates: int


def known_state(known: Iterable[KnownObject]) -> State:
    """See ``core.map.state``."""
    objects = list(known)
    blocks = [np.array(one.blocks, np.int32).reshape(-1, 3) for one in objects]
    return {
        "symbols": [str(one.symbol) for one in objects],
        "labels": [one.label for one in objects],
        "updates": [one.updates for one in objects],
        "cells": joined([one.cells for one in objects], np.zeros(0, np.int64)),
        "blocks": joined(blocks, np.zeros((0, 3), np.int32)),
    }


def restored_known(state: State) -> list[KnownObject]:
    """The objects that gave the state, in the same order."""
    blocks = [tuple((i, j, k) for i, j, k in keys.tolist()) for keys in parted(state["blocks"])]
    symbols = [NodeSymbol.parse(symbol) for symbol in state["symbols"]]
    cells = parted(state["cells"])
    rows = zip(symbols, state["labels"], cells, blocks, state["updates"], strict=True)
    return [KnownObject(*row) for row in rows]


class ObjectIndex:
    """Objects by symbol and by block; what a look-up costs does not grow with the map."""

    def __init__(self) -> None:
        self._objects: dict[NodeSymbol, KnownObject] = {}
        self._owners: dict[BlockKey, set[NodeSymbol]] = {}

    def get(self, symbol: NodeSymbol) -> KnownObject:
        return self._objects[symbol]

    def put(self, known: KnownObject) -> None:
        """Adds an object or replaces what was known of it."""
        if known.symbol in self._objects:
            self.drop(known.symbol)
        self._objects[known.symbol] = known
        for key in known.blocks:
            self._owners.setdefault(key, set()).add(known.symbol)

    def drop(self, symbol: NodeSymbol) -> None:
        for key in self._objects.pop(symbol).blocks:
            owners = self._owners[key]
            owners.discard(symbol)
            if not owners:
                del self._owners[key]

    def state(self) -> State:
        """See ``core.map.state``."""
        return known_state(self._objects.values())

    def restore(self, state: State) -> None:
        self._objects, self._owners = {}, {}
        for known in restored_known(state):
            self.put(known)

    def owners(self, block: BlockKey) -> list[NodeSymbol]:
        return sorted(self._owners.get(block, ()))

    def region(
        self, touched: Iterable[PartKey], holds: Callable[[PartKey], bool]
    ) -> tuple[list[PartKey], list[KnownObject]]:
        """The parts to cluster anew when some were touched, and all the objects they belong to.

        Neighbours of touched parts come along, because surfaces may have joined; objects come
        with all their parts, so that none is clustered by half. Both sorted.
        """
        parts = set(touched)
        near = {(label, key) for label, block in parts for key in _neighbours(block)} - parts
        parts.update(part for part in near if holds(part) or self._owned(part))
        objects: dict[NodeSymbol, KnownObject] = {}
        waiting = list(parts)
        while waiting:
            label, block = waiting.pop()
            for symbol in self._owners.get(block, ()):
                known = self._objects[symbol]
                if symbol in objects or known.label != label:
                    continue
                objects[symbol] = known
                fresh = [(label, key) for key in known.blocks if (label, key) not in parts]
                parts.update(fresh)
                waiting += fresh
        return sorted(parts), [objects[symbol] for symbol in sorted(objects)]

    def _owned(self, part: PartKey) -> bool:
        owners = self._owners.get(part[1])
        return owners is not None and any(self._objects[s].label == part[0] for s in owners)


_STEPS = tuple(step for step in product((-1, 0, 1), repeat=3) if any(step))


def _neighbours(block: BlockKey) -> list[BlockKey]:
    x, y, z = block
    return [(x + i, y + j, z + k) for i, j, k in _STEPS]
