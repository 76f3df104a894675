"""Readers of saved graphs: ours, its past, and spark_dsg's."""

from pathlib import Path

import numpy as np
from helpers_exports import LABELS, house_mesh, small_house

from fuzzing.target import FARTHEST_M, Doubts, Target, space_doubts
from hydra_mono.graph.io.dsg.reader import from_dsg
from hydra_mono.graph.io.dsg.write import dsg_text
from hydra_mono.graph.io.graph_json import from_text, to_document, to_text
from hydra_mono.graph.io.past_json import history_text, read_history
from hydra_mono.graph.io.text import from_json
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol


def read_graph(folder: Path) -> Doubts:
    loaded = from_text((folder / "graph.json").read_bytes().decode("latin-1"))
    yield from space_doubts(loaded.labels)
    "".join(to_text(to_document(loaded.graph, loaded.labels)))  # raises where a number is none
    for layer, partition in loaded.graph.layer_keys():
        for symbol in loaded.graph.symbols(layer, partition):
            node = loaded.graph.get_node(symbol)
            if not (np.abs(node.position_m) < FARTHEST_M).all():
                yield "a node off the planet"


def read_graph_and_past(folder: Path) -> Doubts:
    loaded = from_text((folder / "graph.json").read_bytes().decode("latin-1"))
    read_history(loaded.graph, (folder / "history.json").read_bytes().decode("latin-1"))
    yield from past_doubts(loaded.graph)


def past_doubts(graph: SceneGraph) -> Doubts:
    for symbol in graph.past.symbols():
        for stamp_ns, node in graph.past.versions(symbol):
            if not -(2**63) <= stamp_ns < 2**63:
                yield "a version beyond 64 bits"
            if node is not None and not (np.abs(node.position_m) < FARTHEST_M).all():
                yield "a version off the planet"
        graph.at(graph.past.versions(symbol)[-1][0])


def read_dsg(folder: Path) -> Doubts:
    text = (folder / "dsg.json").read_bytes().decode("latin-1")
    loaded = from_dsg(from_json(text))
    "".join(to_text(to_document(loaded.graph, loaded.labels)))
    yield from past_doubts(loaded.graph)


def write_past(folder: Path) -> None:
    graph = small_house()
    graph.advance(10**18)
    graph.update_node(NodeSymbol("O", 1), position_m=(3.0, 3.0, 0.95))
    (folder / "graph.json").write_text("".join(to_text(to_document(graph, LABELS))))
    (folder / "history.json").write_text("".join(history_text(graph)))


def write_dsg(folder: Path) -> None:
    text = "".join(dsg_text(small_house(), house_mesh(), LABELS))
    (folder / "dsg.json").write_text(text, encoding="utf-8")


def write_graph(folder: Path) -> None:
    document = to_document(small_house(), LABELS)
    (folder / "graph.json").write_text("".join(to_text(document)))


GRAPHS: dict[str, Target] = {
    "graph": Target(write_graph, read_graph),
    "history": Target(write_past, read_graph_and_past),
    "dsg": Target(write_dsg, read_dsg),
}
