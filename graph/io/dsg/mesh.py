"""The mesh part of a dsg.json, in pieces, so that a large map needs no large string."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Int64

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.io.origin import AT_WORLD_ORIGIN, Origin
from hydra_mono.graph.io.text import to_json
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.symbols import NodeSymbol

HEADER = {"project_name": "main", "version": {"major": 1, "minor": 1, "patch": 3}}
MARGIN_M = 0.05  # surface so far outside an object's box is still the object's
_ROWS = 16384  # vertices or faces turned into text at a time
_FLAGS = ("has_colors", "has_first_seen_stamps", "has_labels", "has_timestamps")


def mesh_text(mesh: SemanticMesh, origin_m: Origin = AT_WORLD_ORIGIN) -> Iterator[str]:
    """The mesh as a JSON object; without vertices, its header only, as the library has it.

    Raises:
        ExportError: a coordinate is not finite.
    """
    yield to_json({"header": HEADER} | dict.fromkeys(_FLAGS, True))[:-1]
    yield from _array("points", mesh.vertices_m + np.array(origin_m), _plain)
    yield from _array("colors", mesh.colors, _colors)
    yield from _array("stamps", mesh.last_seen_ns, _plain)
    yield from _array("first_seen_stamps", mesh.first_seen_ns, _plain)
    yield from _array("labels", mesh.labels, _plain)
    yield from _array("faces", mesh.faces, _plain)
    yield "}"


def object_vertices(
    objects: Mapping[NodeSymbol, ObjectNode], mesh: SemanticMesh
) -> dict[NodeSymbol, list[int]]:
    """The vertices of the mesh that belong to each object, ascending.

    A vertex belongs to the object with its label in whose box it lies; where boxes overlap, to
    the one whose centre is nearest.
    """
    found: dict[NodeSymbol, list[int]] = {symbol: [] for symbol in objects}
    for label in sorted({node.label for node in objects.values()}):
        same = [(symbol, node.box) for symbol, node in objects.items() if node.label == label]
        indices = np.flatnonzero(mesh.labels == label)
        owners = _owners([box for _, box in same], mesh.vertices_m[indices].astype(np.float64))
        for number, (symbol, _) in enumerate(same):
            found[symbol] = indices[owners == number].tolist()
    return found


def _owners(boxes: list[BoundingBox], points_m: np.ndarray) -> Int64[np.ndarray, " n"]:
    """Which box each point lies in, by number; -1 for none."""
    owners = np.full(len(points_m), -1, np.int64)
    nearest_m = np.full(len(points_m), np.inf)
    for number, box in enumerate(boxes):
        distance_m = np.linalg.norm(points_m - np.array(box.center_m), axis=1)
        wins = _with_margin(box).contains(points_m) & (distance_m < nearest_m)
        owners[wins], nearest_m[wins] = number, distance_m[wins]
    return owners


def _with_margin(box: BoundingBox) -> BoundingBox:
    x, y, z = box.dimensions_m
    size = (x + 2 * MARGIN_M, y + 2 * MARGIN_M, z + 2 * MARGIN_M)
    return BoundingBox(box.center_m, size, box.yaw_rad)


def _array(name: str, rows: np.ndarray, text: Callable[[Any], str]) -> Iterator[str]:
    if not len(rows):
        return
    separator = f',"{name}":['
    for start in range(0, len(rows), _ROWS):
        yield separator + text(rows[start : start + _ROWS])
        separator = ","
    yield "]"


def _plain(rows: np.ndarray) -> str:
    return to_json(rows.tolist())[1:-1]


def _colors(rows: np.ndarray) -> str:
    template = ",".join(['{"r":%d,"g":%d,"b":%d,"a":255}'] * len(rows))
    return template % tuple(rows.ravel().tolist())
