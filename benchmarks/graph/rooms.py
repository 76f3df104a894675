"""Doors, kinds of rooms and relations of simulated runs, against what the simulator built.

    hydra-mono run --sequence simulated/2001 --predictor sensor --set simulation.plan=closed
    python benchmarks/graph/rooms.py results/latest --sequence simulated/2001 \\
        --set simulation.plan=closed --output benchmarks/results/rooms.json

A passage is right where its middle is within 0.5 m of a true opening's, and one true opening makes
one passage right. Openings count as true where the camera came within 4 m of them. Relations are
those that the same rule finds between the true boxes of the objects that the run found.
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "helpers" / "graphs"))
from helpers_worlds import true_graph

from hydra_mono.cli.progress import print_table
from hydra_mono.core.box import box_iou
from hydra_mono.core.config import load_config
from hydra_mono.graph.model.nodes import ObjectNode, Passage, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol
from hydra_mono.graph.query.relations import all_relations
from hydra_mono.graph.query.snapshot.index import index_of
from hydra_mono.outputs import LoadedRun, load_metrics, load_run
from hydra_mono.simulation.building.plan import Opening, Window
from hydra_mono.simulation.source import SimulatedSource, open_simulated

NEAR_M = 0.5  # half a doorway
SEEN_M = 4.0  # depth cameras see a doorway's both sides from here
LEAST_IOU = 0.25  # of two boxes of one object, as objects are scored

Relation = tuple[str, str, str]


def passages_of(graph: SceneGraph) -> list[Passage]:
    rooms = [node for _, node in graph.present(Layer.ROOMS) if isinstance(node, RoomNode)]
    return list(dict.fromkeys(passage for room in rooms for passage in room.passages))


def in_world(middle_m: np.ndarray, turn_rad: float) -> np.ndarray:
    """A point of the building's plan as the run sees it."""
    cos, sin = math.cos(turn_rad), math.sin(turn_rad)
    return np.array([[cos, -sin], [sin, cos]]) @ np.asarray(middle_m)[:2]


def matched(
    found: list[Passage], true: list[Opening], turn_rad: float
) -> list[tuple[Passage, Opening]]:
    """Pairs, nearest first, each passage and each opening once."""
    away = [
        (float(np.linalg.norm(np.array(p.position_m[:2]) - in_world(o.middle_m, turn_rad))), i, j)
        for i, p in enumerate(found)
        for j, o in enumerate(true)
    ]
    pairs: list[tuple[Passage, Opening]] = []
    used: tuple[set[int], set[int]] = (set(), set())
    for away_m, i, j in sorted(away):
        if away_m <= NEAR_M and i not in used[0] and j not in used[1]:
            used[0].add(i), used[1].add(j)
            pairs.append((found[i], true[j]))
    return pairs


def doors(run: LoadedRun, source: SimulatedSource) -> dict[str, Any]:
    path_m = run.trajectory.world_from_camera[:, :2, 3]
    true = [
        opening
        for opening in source.world.plan.openings
        if np.linalg.norm(path_m - in_world(opening.middle_m, source.turn_rad), axis=1).min()
        <= SEEN_M
    ]
    found = passages_of(run.graph)
    pairs = matched(found, true, source.turn_rad)
    width_m = [abs(p.width_m - o.width_m) for p, o in pairs]
    height_m = [
        abs(p.height_m - (o.top_m - o.bottom_m)) for p, o in pairs if p.height_m is not None
    ]
    return {
        "passages_found": len(found),
        "openings_seen": len(true),
        "precision": len(pairs) / max(len(found), 1),
        "recall": len(pairs) / max(len(true), 1),
        "f1": 2 * len(pairs) / max(len(found) + len(true), 1),
        "seen_open": sum(p.is_open is True for p, _ in pairs),
        "width_error_m": float(np.mean(width_m)) if width_m else None,
        "height_error_m": float(np.mean(height_m)) if height_m else None,
        "heights_seen": len(height_m),
    }


def windows(run: LoadedRun, source: SimulatedSource) -> dict[str, Any]:
    """Windows whose middles are within half a doorway of the true ones; true ones of rooms that
    the camera was in, as far as they are near its path.
    """
    path_m = run.trajectory.world_from_camera[:, :2, 3]
    true = [(w, in_world(middle_of(w, source), source.turn_rad)) for w in source.world.plan.windows]
    true = [(w, at) for w, at in true if np.linalg.norm(path_m - at, axis=1).min() <= SEEN_M]
    rooms = [node for _, node in run.graph.present(Layer.ROOMS) if isinstance(node, RoomNode)]
    found = [window for room in rooms for window in room.windows]
    away = np.array(
        [[np.linalg.norm(np.array(f.position_m[:2]) - at) for _, at in true] for f in found]
    ).reshape(len(found), len(true))
    rows, columns = linear_sum_assignment(away)
    near = [(i, j) for i, j in zip(rows, columns, strict=True) if away[i, j] <= NEAR_M]
    pairs = [(found[i], true[j][0]) for i, j in near]
    width_m = [abs(f.width_m - (w.span_m[1] - w.span_m[0])) for f, w in pairs]
    height_m = [abs(f.height_m - (w.top_m - w.bottom_m)) for f, w in pairs]
    return {
        "found": len(found),
        "true_seen": len(true),
        "f1": 2 * len(pairs) / max(len(found) + len(true), 1),
        "width_error_m": float(np.mean(width_m)) if width_m else None,
        "height_error_m": float(np.mean(height_m)) if height_m else None,
    }


def middle_of(window: Window, source: SimulatedSource) -> np.ndarray:
    """Seen from above, on the face of its wall."""
    room = source.world.plan.rooms[window.room]
    across = (room.upper_m if window.side > 0 else room.lower_m)[window.axis]
    along = sum(window.span_m) / 2
    return np.array([across, along] if window.axis == 0 else [along, across])


def true_names(run: LoadedRun, source: SimulatedSource) -> dict[NodeSymbol, str]:
    """The true object, as ``O(instance)``, of each object of the run that is one."""
    nodes = [(s, n) for s, n in run.graph.present(Layer.OBJECTS) if isinstance(n, ObjectNode)]
    true = source.truth().objects
    overlap = np.array(
        [[box_iou(n.box, t.box) if n.label == t.label else 0.0 for t in true] for _, n in nodes]
    ).reshape(len(nodes), len(true))
    rows, columns = linear_sum_assignment(-overlap)
    return {
        nodes[i][0]: f"O({true[j].instance})"
        for i, j in zip(rows, columns, strict=True)
        if overlap[i, j] >= LEAST_IOU
    }


def facts(graph: SceneGraph, run: LoadedRun, names: dict[NodeSymbol, str]) -> set[Relation]:
    found = all_relations(index_of(graph, run.labels))
    return {
        (
            names.get(f.subject_id, "?"),
            f.verb,
            names.get(f.target_id, "?") if f.target_id is not None else f.target,
        )
        for f in found
    }


def relations(run: LoadedRun, source: SimulatedSource) -> dict[str, Any]:
    """F1 of every verb, and how many true ones there are."""
    names = true_names(run, source)
    seen = set(names.values())
    graph = true_graph(source.world)
    own = {symbol: str(symbol) for symbol in graph.symbols(Layer.OBJECTS)}
    true = {
        fact
        for fact in facts(graph, run, own)
        if fact[0] in seen and (fact[2] in seen or not fact[2].startswith("O("))
    }
    found = facts(run.graph, run, names)
    scores: dict[str, Any] = {}
    for verb in sorted({verb for _, verb, _ in true | found}):
        a, b = ({fact for fact in group if fact[1] == verb} for group in (true, found))
        scores[verb] = {"f1": 2 * len(a & b) / (len(a) + len(b)), "true": len(a), "found": len(b)}
        for name, entries in (("missed", a - b), ("wrong", b - a)):
            for entry in sorted(entries):
                print(f"{name}: {' '.join(entry)}", file=sys.stderr)
    both = 2 * len(true & found) / max(len(true) + len(found), 1)
    return {"all": {"f1": both, "true": len(true), "found": len(found)}, **scores}


def room_scores(run: LoadedRun) -> dict[str, Any]:
    scores = load_metrics(run.path).get("scores", {}).get("rooms", {})
    named = ("truth_count", "estimated_count", "kinds_right", "over_segmented", "under_segmented")
    return {name: scores.get(name) for name in (*named, "precision", "recall_covered")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--sequence", required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--output", type=Path, help="adds the figures to this file")
    options = parser.parse_args()
    run = load_run(Path(options.run))
    source = open_simulated(options.sequence, load_config(None, tuple(options.set)).simulation)
    figures = {
        "doors": doors(run, source),
        "windows": windows(run, source),
        "rooms": room_scores(run),
        "relations": relations(run, source),
    }
    print_table([(f"doors.{name}", _text(value)) for name, value in figures["doors"].items()])
    print_table([(f"windows.{name}", _text(value)) for name, value in figures["windows"].items()])
    print_table([(f"rooms.{name}", _text(value)) for name, value in figures["rooms"].items()])
    rows = [
        (verb, _text(entry["f1"]), str(entry["true"]), str(entry["found"]))
        for verb, entry in figures["relations"].items()
    ]
    print_table(rows, header=("relation", "F1", "true", "found"))
    if options.output:
        known = json.loads(options.output.read_text()) if options.output.is_file() else {}
        known[f"{options.sequence} {' '.join(options.set)}".strip()] = figures
        options.output.write_text(json.dumps(known, indent=1) + "\n")


def _text(value: float | int | None) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
