"""Many synthetic apartments joined by a street: time, memory and size, and how they grow.

    python benchmarks/graph/merge.py --output benchmarks/results/merge.json

Every apartment is a map of its own robot with 500 nodes, mapped twice, by two robots; the street is
one more map, past their front doors. Growth is the exponent b of time = a · n^b,
fitted over the sizes; n log n comes to 1.1 to 1.2 here.
"""

import argparse
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "helpers"))
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "helpers" / "graphs"))
from helpers_exports import link, symbol, times
from helpers_query import LABELS, STEP_M, grid_graph

from hydra_mono.cli.progress import print_table
from hydra_mono.graph.align.transform import upright_pose
from hydra_mono.graph.io.graph_json import to_document, to_text
from hydra_mono.graph.merge.merge import Merged, merge_graphs
from hydra_mono.graph.merge.robots import robot_of
from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer

OBJECTS, PLACES, ROOMS = 60, 436, 4
DOOR_RADIUS_M = 0.85  # free as far as into the door: 0.27 m of clearance between the two maps
APART_M = 20.0  # from one front door to the next; an apartment is 17 m wide


def street(apartments: int) -> SceneGraph:
    """A row of places past every front door, without a room; at the doors it is wider."""
    graph = SceneGraph()
    for k in range(int(apartments * APART_M / STEP_M)):
        is_door = k * STEP_M % APART_M < STEP_M
        radius_m = DOOR_RADIUS_M if is_door else 0.6
        node = PlaceNode(position_m=(k * STEP_M, -STEP_M, 1.0), radius_m=radius_m, **times())
        graph.add_node(symbol(f"p({k})"), node)
        if k:
            link(graph, f"p({k - 1})", f"p({k})", 0.5)
    return graph


def joined(apartments: int) -> tuple[Merged, int, float]:
    """The merged graph, how many nodes went into it, and the seconds that took."""
    graphs = [grid_graph(OBJECTS, PLACES, ROOMS, seed=i) for i in range(apartments)]
    poses = [upright_pose(0.0, np.array([i * APART_M, 0.0, 0.0])) for i in range(apartments)]
    parts = [(street(apartments), np.eye(4)), *zip(graphs, poses, strict=True)]
    parts += zip(graphs, poses, strict=True)
    nodes = sum(g.count(layer) for g, _ in parts for layer in Layer)
    started_s = time.perf_counter()
    merged = merge_graphs(parts)
    return merged, nodes, time.perf_counter() - started_s


def doors_of(graph: SceneGraph, apartments: int) -> int:
    """How many apartments have an edge from one of their places to one of the street's."""
    robots = {
        robot_of(end)
        for a, b, _ in graph.edges()
        if a.layer is b.layer is Layer.PLACES and 0 in (robot_of(a), robot_of(b))
        for end in (a, b)
    }
    return len({(robot - 1) % apartments for robot in robots - {0}})


def is_one_net(graph: SceneGraph) -> bool:
    """Whether one can walk from every place to every other."""
    places = {symbol for symbol, _ in graph.present(Layer.PLACES)}
    return bool(nx.is_connected(graph.view().subgraph(places)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[12, 25, 50, 100])
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for size in options.sizes:
        merged, nodes, seconds = joined(size)
        done = merged.reconciled
        megabytes = sum(map(len, to_text(to_document(merged.graph, LABELS)))) / 1e6
        rows.append(
            {
                "apartments": size,
                "nodes": nodes,
                "seconds": round(seconds, 2),
                "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "graph_mb": round(megabytes, 1),
                "doors_to_the_street": doors_of(merged.graph, size),
                "is_one_net": is_one_net(merged.graph),
                **{name: getattr(done, name) for name in ("objects", "places", "rooms", "links")},
            }
        )
        print(rows[-1], flush=True)
    slope = np.polyfit(
        np.log([row["nodes"] for row in rows]), np.log([row["seconds"] for row in rows]), 1
    )[0]
    print_table([tuple(map(str, row.values())) for row in rows], header=tuple(rows[0]))
    print(f"time grows as n^{slope:.2f}")
    if options.output:
        document = {"rows": rows, "time_exponent": round(float(slope), 3)}
        options.output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
