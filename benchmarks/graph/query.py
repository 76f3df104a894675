"""What a question costs on a graph of 10,000 nodes.

    python benchmarks/graph/query.py --output benchmarks/results/query.json

The graph is synthetic: 1,500 objects and 8,400 places in 100 rooms, which lived for a while: its
history is as long as histories become. Prints the median and the 95th percentile of each verb, and
what a snapshot, a load of graph.json, one of the run and the first question about the past cost;
and the same of a run of 30 rooms with a mesh of 1.8 million vertices.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "helpers" / "graphs"))
from helpers_query import LABELS, SECOND_NS, START_NS, grid_graph

from hydra_mono.cli.progress import print_table
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.io.graph_json import from_text, to_document, to_text
from hydra_mono.graph.model.nodes import Edge, ObjectNode
from hydra_mono.graph.model.presence import Trajectory
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.questions import Questions
from hydra_mono.graph.query.snapshot.index import index_of
from hydra_mono.outputs import RunRecord, load_run, write_new_run

OBJECTS, PLACES, ROOMS = 1_500, 8_400, 100
HOME = (200, 3_500, 30)  # objects, places and rooms of a walk through 30 simulated rooms
VERTICES = 1_800_000  # of its mesh: some 150 m² of surface a room, 400 vertices a m²
ROUNDS = 20  # of changes: enough for the history to be thinned
REPEATS = 40


def timed(question: Callable[[int], object]) -> tuple[float, float]:
    """Median and 95th percentile, ms."""
    spent_ms = []
    for i in range(REPEATS):
        started_s = time.perf_counter()
        question(i)
        spent_ms.append((time.perf_counter() - started_s) * 1e3)
    return float(np.median(spent_ms)), float(np.percentile(spent_ms, 95))


def live(graph: SceneGraph) -> None:
    """A second a round: one in a hundred objects moves, one in 400 leaves, or is in another room,
    and a seventh of the places is planned anew.
    """
    rng = np.random.default_rng(3)
    objects, places = (graph.symbols(layer) for layer in (Layer.OBJECTS, Layer.PLACES))
    for number in range(1, ROUNDS + 1):
        now_ns = START_NS + (10 + number) * SECOND_NS
        graph.advance(now_ns)
        for symbol in rng.choice(len(objects), len(objects) // 100, replace=False):
            move(graph, objects[symbol], rng.normal(0, 0.5, 2), now_ns)
        for symbol in rng.choice(len(objects), len(objects) // 400 + 1, replace=False):
            parent = places[int(rng.integers(len(places)))]
            graph.set_parent(
                objects[symbol], parent, Edge(first_seen_ns=now_ns, last_seen_ns=now_ns)
            )
        for symbol in rng.choice(len(objects), len(objects) // 400 + 1, replace=False):
            graph.mark_removed(objects[symbol], (now_ns - SECOND_NS, now_ns))
        for row in rng.choice(len(places), len(places) // 7, replace=False):
            change = {"radius_m": float(rng.uniform(0.4, 0.6)), "last_seen_ns": now_ns}
            graph.update_node(places[row], **change)
            for a, b in graph.edges_of(places[row])[:1]:
                graph.update_edge(a, b, weight=float(rng.uniform(0.1, 0.5)))


def move(graph: SceneGraph, symbol: NodeSymbol, step_m: np.ndarray, now_ns: int) -> None:
    node = graph.get_node(symbol)
    assert isinstance(node, ObjectNode)
    x, y, z = node.position_m
    to_m = (x + float(step_m[0]), y + float(step_m[1]), z)
    track = node.trajectory if len(node.trajectory) else Trajectory((START_NS,), ((x, y, z),))
    box = replace(node.box, center_m=to_m)
    track = track.and_then(now_ns, to_m)
    news = {"position_m": to_m, "box": box, "trajectory": track, "last_seen_ns": now_ns}
    graph.update_node(symbol, **news)


def plane(vertices: int) -> SemanticMesh:
    """A mesh of about so many vertices."""
    side = int(np.sqrt(vertices))
    x, y = np.meshgrid(np.arange(side) * 0.05, np.arange(side) * 0.05)
    points = np.column_stack([x.ravel(), y.ravel(), np.zeros(side * side)])
    corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).ravel()
    upper = np.column_stack([corner, corner + 1, corner + side])
    lower = np.column_stack([corner + 1, corner + side + 1, corner + side])
    mesh = SemanticMesh.empty()
    count = len(points)
    return replace(
        mesh,
        vertices_m=points.astype(mesh.vertices_m.dtype),
        normals=np.tile([0.0, 0.0, 1.0], (count, 1)).astype(mesh.normals.dtype),
        colors=np.full((count, 3), 128).astype(mesh.colors.dtype),
        labels=np.zeros(count, mesh.labels.dtype),
        first_seen_ns=np.full(count, START_NS, mesh.first_seen_ns.dtype),
        last_seen_ns=np.full(count, START_NS, mesh.last_seen_ns.dtype),
        faces=np.concatenate([upper, lower]).astype(mesh.faces.dtype),
    )


def run_read_s(graph: SceneGraph, mesh: SemanticMesh) -> tuple[float, float]:
    """Seconds to load a run with this graph, its history and a mesh; and to read the history."""
    record = RunRecord(
        graph=graph,
        mesh=mesh,
        labels=LABELS,
        stamps_ns=[0],
        world_from_camera=[np.eye(4)],
        config_text="",
        metrics={},
    )
    with tempfile.TemporaryDirectory() as folder:
        write_new_run(Path(folder) / "run", record)
        started_s = time.perf_counter()
        loaded = load_run(Path(folder) / "run")
        read_s = time.perf_counter() - started_s
        loaded.graph.told()
        return read_s, time.perf_counter() - started_s - read_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    graph = grid_graph(OBJECTS, PLACES, ROOMS)
    live(graph)
    started_s = time.perf_counter()
    index = index_of(graph, LABELS)
    figures = {"nodes": OBJECTS + PLACES + ROOMS, "past_versions": graph.past.past_count}
    figures["snapshot_s"] = time.perf_counter() - started_s
    text = "".join(to_text(to_document(graph, LABELS)))
    started_s = time.perf_counter()
    from_text(text)
    figures["graph_mb"] = len(text) / 1e6
    figures["graph_read_s"] = time.perf_counter() - started_s
    figures["run_read_s"], figures["history_read_s"] = run_read_s(graph, SemanticMesh.empty())
    home = grid_graph(*HOME)
    live(home)
    read_s = run_read_s(home, plane(VERTICES))
    figures["thirty_rooms_read_s"], figures["thirty_rooms_history_read_s"] = read_s
    print_table([(name, f"{value:.3f}") for name, value in figures.items()])
    questions = Questions.on(index)
    verbs: dict[str, Callable[[int], object]] = {
        "objects of a class": lambda i: questions.objects("chair", room=f"room {i + 1}"),
        "nearest": lambda i: questions.nearest("chair", f"O({i})"),
        "where": lambda i: questions.where(f"O({i})"),
        "approach": lambda i: questions.approach(f"O({i})"),
        "path": lambda i: questions.path(f"O({i})", f"O({OBJECTS - 1 - i})"),
        "neighbours": lambda i: questions.neighbours(f"room {i + 1}"),
        "doors": lambda i: questions.doors(f"room {i + 1}"),
        "relations": lambda i: questions.relations(f"O({i})"),
        "last seen": lambda i: questions.last_seen(f"O({i})"),
        "changed": lambda i: questions.changed(START_NS + (10 + ROUNDS - i % 5) * SECOND_NS),
        "changed, ever": lambda i: questions.changed(),
    }
    times_ms = {name: timed(ask) for name, ask in verbs.items()}
    rows = [(name, *(f"{ms:.2f}" for ms in both)) for name, both in times_ms.items()]
    print_table(rows, header=("verb", "median ms", "p95 ms"))
    if options.output:
        rounded = {name: round(value, 3) for name, value in figures.items()}
        verbs_ms = {name: [round(ms, 2) for ms in both] for name, both in times_ms.items()}
        document = {**rounded, "median_and_p95_ms": verbs_ms}
        options.output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
