"""What is drawn, as arrays: many nodes or links of one kind at a time."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from hydra_mono.core.box import BoundingBox
from hydra_mono.graph.model.nodes import Node, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import LAYERS, LAYERS_BY_NAME, Layer, NodeSymbol

GREY = LAYERS_BY_NAME["places"].color
LIFT_M = {info.layer: info.lift_m for info in LAYERS}


@dataclass(frozen=True, slots=True)
class PlaceChunk:
    positions_m: Float32[np.ndarray, "n 3"]
    radii_m: Float32[np.ndarray, " n"]
    colors: UInt8[np.ndarray, "n 3"]
    labels: list[str]


@dataclass(frozen=True, slots=True)
class LineChunk:
    segments_m: Float32[np.ndarray, "n 2 3"]
    colors: UInt8[np.ndarray, "n 3"]


@dataclass(frozen=True, slots=True)
class BoxChunk:
    """Objects; what has left the world is there still, pale and translucent. Colours are RGBA."""

    boxes: list[BoundingBox]
    labels: list[str]
    colors: list[tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class ArrowChunk:
    """Arrows: from each position so far along."""

    positions_m: Float32[np.ndarray, "n 3"]
    vectors_m: Float32[np.ndarray, "n 3"]
    colors: UInt8[np.ndarray, "n 3"]


@dataclass(frozen=True, slots=True)
class NodeChunk:
    """Rooms and buildings."""

    positions_m: Float32[np.ndarray, "n 3"]
    colors: UInt8[np.ndarray, "n 3"]
    labels: list[str]


def lifted(node: Node, layer: Layer) -> tuple[float, float, float]:
    """Where a node is drawn: layers float above one another."""
    x, y, z = node.position_m
    return x, y, z + LIFT_M[layer]


def place_color(graph: SceneGraph, symbol: NodeSymbol) -> tuple[int, int, int]:
    """Colour of the room the place is in; grey outside any."""
    parent = graph.find_parent(symbol)
    room = graph.find_node(parent) if parent else None
    return room.color if isinstance(room, RoomNode) else GREY


def array(points: Iterable[tuple[float, float, float]]) -> Float32[np.ndarray, "n 3"]:
    return np.array(list(points), dtype=np.float32).reshape(-1, 3)


def colors_of(colors: Iterable[tuple[int, int, int]]) -> UInt8[np.ndarray, "n 3"]:
    return np.array(list(colors), dtype=np.uint8).reshape(-1, 3)
