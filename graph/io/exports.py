"""What a graph can be exported as, for planners and other tools."""

from collections.abc import Callable, Iterator
from pathlib import Path

from hydra_mono.core.errors import ExportError
from hydra_mono.core.files import atomic
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.io.dsg import dsg_text
from hydra_mono.graph.io.node_link import nodelink_document
from hydra_mono.graph.io.sayplan import sayplan_document
from hydra_mono.graph.io.text import to_json
from hydra_mono.graph.model.scene_graph import SceneGraph


def _nodelink_text(graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace) -> Iterator[str]:
    yield to_json(nodelink_document(graph, labels)) + "\n"


def _sayplan_text(graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace) -> Iterator[str]:
    yield to_json(sayplan_document(graph, labels)) + "\n"


EXPORTS: dict[str, Callable[[SceneGraph, SemanticMesh, LabelSpace], Iterator[str]]] = {
    "dsg": dsg_text,
    "node-link": _nodelink_text,
    "sayplan": _sayplan_text,
}


def export_graph(
    format_name: str, graph: SceneGraph, mesh: SemanticMesh, labels: LabelSpace
) -> Iterator[str]:
    """The text of an export, in pieces.

    Raises:
        ExportError: there is no such format, or a number is not finite.
    """
    if format_name not in EXPORTS:
        raise ExportError(f"no export format '{format_name}': choose from {', '.join(EXPORTS)}")
    return EXPORTS[format_name](graph, mesh, labels)


def write_export(
    format_name: str,
    graph: SceneGraph,
    mesh: SemanticMesh,
    labels: LabelSpace,
    path: Path,
) -> None:
    """Writes an export, whole or not at all.

    Raises:
        ExportError: there is no such format, a number is not finite, or the disk is full.
    """
    atomic.write_pieces(path, export_graph(format_name, graph, mesh, labels))
