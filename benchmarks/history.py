"""What the memory of a graph takes: a building of places that are re-planned for half an hour.

``python benchmarks/history.py [--minutes 30] [--changes 10]``
"""

import argparse
import time
import tracemalloc

import numpy as np

from hydra_mono.core.box import BoundingBox
from hydra_mono.graph.model.looks import Seen
from hydra_mono.graph.model.nodes import Edge, ObjectNode, PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

SECOND_NS = 1_000_000_000
PLACES, OBJECTS = 400, 80  # of a flat of eight rooms


def build() -> SceneGraph:
    graph = SceneGraph()
    graph.advance(0)
    for number in range(PLACES):
        position_m = (number % 20 * 0.7, number // 20 * 0.7, 1.0)
        place = PlaceNode(position_m=position_m, first_seen_ns=0, last_seen_ns=0, radius_m=0.6)
        graph.add_node(NodeSymbol("p", number), place)
        if number % 20:
            edge = Edge(first_seen_ns=0, last_seen_ns=0)
            graph.add_edge(NodeSymbol("p", number - 1), NodeSymbol("p", number), edge)
    for number in range(OBJECTS):
        position_m = (number % 10 * 1.4, number // 10 * 1.4, 0.5)
        box = BoundingBox(position_m, (0.5, 0.5, 1.0))
        chair = ObjectNode(
            position_m=position_m,
            first_seen_ns=0,
            last_seen_ns=0,
            label=7,
            name="chair",
            color=(1, 2, 3),
            box=box,
        )
        graph.add_node(NodeSymbol("O", number), chair)
    return graph


def live(graph: SceneGraph, second: int, changes: int, rng: np.random.Generator) -> None:
    """One second: places are moved, objects are looked at."""
    graph.advance(second * SECOND_NS)
    for number in rng.integers(0, PLACES, changes).tolist():
        graph.update_node(NodeSymbol("p", number), radius_m=float(rng.uniform(0.4, 0.8)))
    for number in rng.integers(0, OBJECTS, 20).tolist():
        seen = Seen.PRESENT if rng.uniform() < 0.8 else Seen.OCCLUDED
        graph.looks.add(NodeSymbol("O", number), second * SECOND_NS, seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--changes", type=int, default=10, help="changed nodes a second")
    options = parser.parse_args()
    rng, graph = np.random.default_rng(0), build()
    tracemalloc.start()
    print("minute  versions   looks  slot s     MB  at() ms")
    for second in range(1, options.minutes * 60 + 1):
        live(graph, second, options.changes, rng)
        if second % 300 == 0 or second == options.minutes * 60:
            started_s = time.perf_counter()
            graph.at(second * SECOND_NS // 2)
            took_ms = 1e3 * (time.perf_counter() - started_s)
            megabytes = tracemalloc.get_traced_memory()[0] / 2**20
            print(
                f"{second // 60:6} {graph.past.past_count:9} {len(graph.looks):7} "
                f"{graph.past.slot_ns / SECOND_NS:7.2f} {megabytes:6.1f} {took_ms:8.1f}"
            )


if __name__ == "__main__":
    main()
