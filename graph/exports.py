"""What a graph can be exported as, for planners and other tools."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import networkx as nx

from hydra_mono.core.errors import ExportError
from hydra_mono.core.files import atomic
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.drawing.floor_plan import floor_plan_svg, storeys_of
from hydra_mono.graph.drawing.geojson import geojson_document
from hydra_mono.graph.io.dsg.write import dsg_text
from hydra_mono.graph.io.graph_json import to_document
from hydra_mono.graph.io.sayplan import sayplan_document
from hydra_mono.graph.io.text import to_json
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.planning.goals import parse_goals
from hydra_mono.graph.planning.nav2 import nav2_files
from hydra_mono.graph.planning.pddl import pddl_files
from hydra_mono.graph.query.snapshot.index import index_of

_ABOUT_THE_GRAPH = ("schema", "units", "frame", "origin_m", "stamp_ns", "label_space", "layers")


def nodelink_document(graph: SceneGraph, labels: LabelSpace) -> dict[str, Any]:
    """networkx's node-link data: ``networkx.node_link_graph(document)`` reads it back.

    Plain values only: string ids, and for attributes those of graph.json.
    """
    document = to_document(graph, labels)
    plain = nx.Graph(**{key: document[key] for key in _ABOUT_THE_GRAPH})
    for entry in document["nodes"]:
        plain.add_node(entry["id"], **{key: entry[key] for key in entry if key != "id"})
    for entry in document["edges"]:
        kept = {key: entry[key] for key in entry if key not in ("source", "target")}
        parent = {"parent": entry["source"]} if entry["kind"] == "parent" else {}
        plain.add_edge(entry["source"], entry["target"], **kept, **parent)
    data: dict[str, Any] = nx.node_link_data(plain, edges="edges")
    return data


def _nodelink_text(graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace) -> Iterator[str]:
    yield to_json(nodelink_document(graph, labels)) + "\n"


def _sayplan_text(graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace) -> Iterator[str]:
    yield to_json(sayplan_document(graph, labels)) + "\n"


def _geojson_text(graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace) -> Iterator[str]:
    yield to_json(geojson_document(graph)) + "\n"


def _svg_text(graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace) -> Iterator[str]:
    """The lowest storey that has rooms; reports show all of them."""
    yield floor_plan_svg(graph, storeys_of(graph)[0]) + "\n"


EXPORTS: dict[str, Callable[[SceneGraph, SemanticMesh, LabelSpace], Iterator[str]]] = {
    "dsg": dsg_text,
    "node-link": _nodelink_text,
    "sayplan": _sayplan_text,
    "floor-plan": _svg_text,
    "geojson": _geojson_text,
}


FOLDER_EXPORTS = ("nav2", "pddl")  # of several files, into a folder
FORMATS = (*EXPORTS, *FOLDER_EXPORTS)


def export_files(
    format_name: str, graph: SceneGraph, labels: LabelSpace, goals: Sequence[str] = ()
) -> dict[str, bytes]:
    """The files, by name, of an export of several; ``goals`` are sentences, for planners.

    Raises:
        ExportError: there is no such format, or nothing to export.
        QueryError: a goal is none.
        MissingDependencyError: the package that writes PDDL is absent.
    """
    if format_name == "nav2":
        return nav2_files(graph)
    if format_name == "pddl":
        return pddl_files(graph, labels, parse_goals(index_of(graph, labels), goals))
    raise ExportError(f"no export format '{format_name}': choose from {', '.join(FORMATS)}")


def export_graph(
    format_name: str, graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace
) -> Iterator[str]:
    """The text of an export, in pieces.

    Raises:
        ExportError: there is no such format, or a number is not finite.
    """
    if format_name not in EXPORTS:
        raise ExportError(f"no export format '{format_name}': choose from {', '.join(FORMATS)}")
    return EXPORTS[format_name](graph, mesh, labels)


def _put(content: bytes, file: IO[bytes]) -> None:
    file.write(content)


def write_export(
    format_name: str,
    graph: SceneGraph,
    mesh: SemanticMesh,
    labels: LabelSpace,
    path: Path,
    goals: Sequence[str] = (),
) -> None:
    """Writes an export, whole or not at all; of formats of several files, into a folder.

    Raises:
        ExportError: there is no such format, a number is not finite, or the disk is full.
        QueryError: a goal is none.
        MissingDependencyError: the package that writes PDDL is absent.
    """
    if format_name in FOLDER_EXPORTS:
        for name, content in export_files(format_name, graph, labels, goals).items():
            atomic.write_with(path / name, partial(_put, content))
        return
    atomic.write_pieces(path, export_graph(format_name, graph, mesh, labels))
