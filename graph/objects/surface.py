"""The object-labelled part of the mesh, block by block, and which objects it belongs to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from itertools import product

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from hydra_mono.core.map.state import State, joined, parted
from hydra_mono.core.mesh import BlockKey, MeshUpdate, MeshView, SemanticMesh, concatenate
from hydra_mono.graph.model.symbols import NodeSymbol

PartKey = tuple[int, BlockKey]

CELL_M = 0.05  # of the grid that surface is clustered on: as voxels are by default
CELL_BITS = 18  # per axis: ±131,000 cells
_BIAS = 1 << (CELL_BITS - 1)
_MASK = (1 << CELL_BITS) - 1
# Marching cubes puts vertices on grid lines. Off those, and off the lines half a voxel aside, a
# rounding error cannot move a vertex to the next cell and leave a hole behind.
_OFFSET = np.float32(0.25)


CELL_MIDDLE = 0.25  # of a cell, past its number: cells begin a quarter before


def pack_cells(
    points_m: Float32[np.ndarray, "n 3"], labels: UInt8[np.ndarray, " n"], cell_size_m: float
) -> Int64[np.ndarray, " n"]:
    """One integer per point for its label and its grid cell; ordered by label, then x, y, z."""
    grid = np.floor(points_m / np.float32(cell_size_m) + _OFFSET).astype(np.int64) + _BIAS
    place = (((grid[:, 0] << CELL_BITS) | grid[:, 1]) << CELL_BITS) | grid[:, 2]
    return np.asarray((labels.astype(np.int64) << (3 * CELL_BITS)) | place)


def unpack_labels(cells: Int64[np.ndarray, " n"]) -> UInt8[np.ndarray, " n"]:
    return np.asarray((cells >> (3 * CELL_BITS)).astype(np.uint8))


def unpack_grid(cells: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, "n 3"]:
    """Grid coordinates of packed cells."""
    axes = [(cells >> (2 * CELL_BITS)) & _MASK, (cells >> CELL_BITS) & _MASK, cells & _MASK]
    return np.stack(axes, axis=1) - _BIAS


@dataclass(frozen=True, slots=True)
class Surface:
    """Vertices that carry object labels.

    ``cells``: packed label and grid cell of each vertex. ``is_fringe``: the vertex shares a
    triangle with a vertex of another label, so its own label is in doubt.
    ``is_occlusion_artifact``: see ``SemanticMesh``.
    """

    points_m: Float32[np.ndarray, "n 3"]
    normals: Float32[np.ndarray, "n 3"]
    cells: Int64[np.ndarray, " n"]
    is_fringe: Bool[np.ndarray, " n"]
    is_occlusion_artifact: Bool[np.ndarray, " n"]
    first_seen_ns: Int64[np.ndarray, " n"]
    last_seen_ns: Int64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.points_m)

    def select(self, index: np.ndarray | slice) -> "Surface":
        return Surface(
            self.points_m[index],
            self.normals[index],
            self.cells[index],
            self.is_fringe[index],
            self.is_occlusion_artifact[index],
            self.first_seen_ns[index],
            self.last_seen_ns[index],
        )


def join(parts: Iterable[Surface]) -> Surface:
    """One surface of several (at least one), in the order given."""
    columns = [[getattr(part, field.name) for field in fields(Surface)] for part in parts]
    return Surface(*(np.concatenate(column) for column in zip(*columns, strict=True)))


_NO_VECTORS, _NO_NUMBERS = np.zeros((0, 3), np.float32), np.zeros(0, np.int64)
_NO_FLAGS = np.zeros(0, np.bool_)
_NO_SURFACE = Surface(
    _NO_VECTORS, _NO_VECTORS, _NO_NUMBERS, _NO_FLAGS, _NO_FLAGS, _NO_NUMBERS, _NO_NUMBERS
)


class SurfaceStore:
    """Keeps the object vertices of active blocks at hand; those of others are read again."""

    def __init__(self, is_object: Bool[np.ndarray, "256"], cell_size_m: float) -> None:
        self._is_object = is_object
        self._cell_size_m = cell_size_m
        self._blocks: dict[BlockKey, dict[int, Surface]] = {}

    def apply(self, update: MeshUpdate) -> list[PartKey]:
        """Takes over the changed blocks; returns the parts that were or are there, sorted."""
        before = [(label, key) for key in update.changed for label in self._blocks.pop(key, ())]
        after = self._split(update.changed)
        for (label, key), surface in after.items():
            self._blocks.setdefault(key, {})[label] = surface
        return sorted({*before, *after})

    def forget(self, blocks: Iterable[BlockKey]) -> None:
        for key in blocks:
            self._blocks.pop(key, None)

    def state(self) -> State:
        """See ``core.map.state``."""
        parts = [
            (key, label, surface)
            for key, by_label in sorted(self._blocks.items())
            for label, surface in by_label.items()
        ]
        whole = join([_NO_SURFACE, *(surface for _, _, surface in parts)])
        return {field.name: getattr(whole, field.name) for field in fields(Surface)} | {
            "blocks": np.array([key for key, _, _ in parts], np.int32).reshape(-1, 3),
            "labels": np.array([label for _, label, _ in parts], np.int64),
            "counts": np.array([len(surface) for _, _, surface in parts], np.int64),
        }

    def restore(self, state: State) -> None:
        self._blocks = {}
        whole = Surface(**{field.name: state[field.name] for field in fields(Surface)})
        ends = np.cumsum(state["counts"]).tolist()
        keys = [tuple(key) for key in state["blocks"].tolist()]
        starts = [0, *ends[:-1]]
        for key, label, start, end in zip(
            keys, state["labels"].tolist(), starts, ends, strict=False
        ):
            part = whole.select(np.arange(start, end))
            self._blocks.setdefault(key, {})[label] = part

    def holds(self, part: PartKey) -> bool:
        return part[0] in self._blocks.get(part[1], ())

    def find(self, part: PartKey, mesh: MeshView) -> Surface | None:
        label, key = part
        if key in self._blocks:
            return self._blocks[key].get(label)
        block = mesh.find_block(key)
        return None if block is None else self._split({key: block}).get(part)

    def _split(self, blocks: dict[BlockKey, SemanticMesh]) -> dict[PartKey, Surface]:
        """The object vertices by label and block, in one pass over all of them."""
        filled = [(key, mesh) for key, mesh in blocks.items() if self._is_object[mesh.labels].any()]
        if not filled:
            return {}
        mesh = concatenate(mesh for _, mesh in filled)
        block_of = np.repeat(np.arange(len(filled)), [len(mesh) for _, mesh in filled])
        index = np.flatnonzero(self._is_object[mesh.labels])
        group = block_of[index] * 256 + mesh.labels[index]
        order = np.argsort(group, kind="stable")
        surface, group = self._surface(mesh, index[order]), group[order]
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        return {
            (int(group[start]) % 256, filled[int(group[start]) // 256][0]): surface.select(
                slice(start, end)
            )
            for start, end in zip(starts, [*starts[1:], len(group)], strict=True)
        }

    def _surface(self, mesh: SemanticMesh, index: Int64[np.ndarray, " n"]) -> Surface:
        return Surface(
            points_m=mesh.vertices_m[index],
            normals=mesh.normals[index],
            cells=pack_cells(mesh.vertices_m[index], mesh.labels[index], self._cell_size_m),
            is_fringe=_fringe(mesh)[index],
            is_occlusion_artifact=mesh.occlusion_artifacts[index],
            first_seen_ns=mesh.first_seen_ns[index],
            last_seen_ns=mesh.last_seen_ns[index],
        )


def _fringe(mesh: SemanticMesh) -> Bool[np.ndarray, " v"]:
    """Vertices of triangles whose corners disagree about the label."""
    corners = mesh.labels[mesh.faces]
    mixed = (corners[:, 0] != corners[:, 1]) | (corners[:, 1] != corners[:, 2])
    fringe = np.zeros(len(mesh), dtype=bool)
    fringe[mesh.faces[mixed]] = True
    return fringe


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

    def rename(self, before: NodeSymbol, after: NodeSymbol) -> None:
        """Gives an object's surface another symbol, which loses what it had; nothing if unknown."""
        known = self._objects.get(before)
        if known is not None:
            self.drop(before)
            self.put(replace(known, symbol=after))

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
