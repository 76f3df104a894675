"""What a question costs on a graph of 10,000 nodes.

    python benchmarks/graph/query.py

The graph is synthetic: 1,500 objects and 8,400 places in 100 rooms. Prints the median and the
95th percentile of each verb, and what a snapshot, a load of graph.json and one of the run cost.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "helpers" / "graphs"))
from helpers_query import LABELS, grid_graph

from hydra_mono.cli.progress import print_table
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.graph.io.graph_json import from_text, to_document, to_text
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.query.index import index_of
from hydra_mono.graph.query.questions import Questions
from hydra_mono.outputs import RunRecord, load_run, write_new_run

OBJECTS, PLACES, ROOMS = 1_500, 8_400, 100
REPEATS = 40


def timed(question: Callable[[int], object]) -> tuple[float, float]:
    """Median and 95th percentile, ms."""
    spent_ms = []
    for i in range(REPEATS):
        started_s = time.perf_counter()
        question(i)
        spent_ms.append((time.perf_counter() - started_s) * 1e3)
    return float(np.median(spent_ms)), float(np.percentile(spent_ms, 95))


def run_read_s(graph: SceneGraph) -> float:
    """Seconds that a run with this graph and its history takes to load; its mesh is empty."""
    record = RunRecord(
        graph=graph,
        mesh=SemanticMesh.empty(),
        labels=LABELS,
        stamps_ns=[0],
        world_from_camera=[np.eye(4)],
        config_text="",
        metrics={},
    )
    with tempfile.TemporaryDirectory() as folder:
        write_new_run(Path(folder) / "run", record)
        started_s = time.perf_counter()
        load_run(Path(folder) / "run")
        return time.perf_counter() - started_s


def main() -> None:
    graph = grid_graph(OBJECTS, PLACES, ROOMS)
    started_s = time.perf_counter()
    index = index_of(graph, LABELS)
    print(f"snapshot of {OBJECTS + PLACES + ROOMS} nodes: {time.perf_counter() - started_s:.3f} s")
    text = "".join(to_text(to_document(graph, LABELS)))
    started_s = time.perf_counter()
    from_text(text)
    print(f"graph.json of {len(text) / 1e6:.1f} MB read: {time.perf_counter() - started_s:.3f} s")
    print(f"the run read: {run_read_s(graph):.3f} s")
    asked = Questions.on(index)
    verbs: dict[str, Callable[[int], object]] = {
        "objects of a class": lambda i: asked.objects("chair", room=f"room {i + 1}"),
        "nearest": lambda i: asked.nearest("chair", f"O({i})"),
        "where": lambda i: asked.where(f"O({i})"),
        "approach": lambda i: asked.approach(f"O({i})"),
        "path": lambda i: asked.path(f"O({i})", f"O({OBJECTS - 1 - i})"),
        "neighbours": lambda i: asked.neighbours(f"room {i + 1}"),
        "doors": lambda i: asked.doors(f"room {i + 1}"),
        "relations": lambda i: asked.relations(f"O({i})"),
        "last seen": lambda i: asked.last_seen(f"O({i})"),
        "changed": lambda i: asked.changed(index.now_ns),
    }
    rows = [(name, *(f"{ms:.2f}" for ms in timed(ask))) for name, ask in verbs.items()]
    print_table(rows, header=("verb", "median ms", "p95 ms"))


if __name__ == "__main__":
    main()
