"""Doors and kinds of rooms of simulated runs, against the plans that the simulator drew.

    hydra-mono run --sequence simulated/2001 --predictor sensor --set simulation.plan=closed
    python benchmarks/rooms.py results/latest --sequence simulated/2001 --set simulation.plan=closed

A passage is right where its middle is within 0.5 m of a true opening's, and one true opening makes
one passage right. Openings count as true where the camera came within 4 m of them.
"""

import argparse
from pathlib import Path

import numpy as np

from hydra_mono.cli.progress import print_table
from hydra_mono.core.config import load_config
from hydra_mono.graph.model.nodes import Passage, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer
from hydra_mono.outputs import load_metrics, load_run
from hydra_mono.simulation.building.plan import Opening
from hydra_mono.simulation.source import open_simulated

NEAR_M = 0.5  # half a doorway
SEEN_M = 4.0  # depth cameras see a doorway's both sides from here


def passages_of(graph: SceneGraph) -> list[Passage]:
    rooms = [node for _, node in graph.present(Layer.ROOMS) if isinstance(node, RoomNode)]
    return list(dict.fromkeys(passage for room in rooms for passage in room.passages))


def matched(found: list[Passage], true: list[Opening]) -> list[tuple[Passage, Opening]]:
    """Pairs, nearest first, each passage and each opening once."""
    away = [
        (float(np.linalg.norm(np.array(p.position_m[:2]) - o.middle_m)), i, j)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--sequence", required=True)
    parser.add_argument("--set", action="append", default=[])
    options = parser.parse_args()
    run = load_run(Path(options.run))
    source = open_simulated(options.sequence, load_config(None, tuple(options.set)).simulation)
    path_m = run.trajectory.world_from_camera[:, :2, 3]
    true = [
        opening
        for opening in source.world.plan.openings
        if np.linalg.norm(path_m - opening.middle_m, axis=1).min() <= SEEN_M
    ]
    found = passages_of(run.graph)
    pairs = matched(found, true)
    precision, recall = len(pairs) / max(len(found), 1), len(pairs) / max(len(true), 1)
    width_m = [abs(p.width_m - o.width_m) for p, o in pairs]
    height_m = [
        abs(p.height_m - (o.top_m - o.bottom_m)) for p, o in pairs if p.height_m is not None
    ]
    scores = load_metrics(run.path).get("scores", {}).get("rooms", {})
    rows = [
        ("passages found", str(len(found))),
        ("openings seen", str(len(true))),
        ("precision", f"{precision:.3f}"),
        ("recall", f"{recall:.3f}"),
        ("F1", f"{2 * len(pairs) / max(len(found) + len(true), 1):.3f}"),
        ("open", str(sum(p.is_open is True for p, _ in pairs))),
        ("width, mean error, m", f"{np.mean(width_m or [np.nan]):.3f}"),
        ("height, mean error, m", f"{np.mean(height_m or [np.nan]):.3f}"),
        ("heights seen", str(len(height_m))),
        *((name, str(scores.get(name))) for name in ("kinds_right", "over_segmented")),
        ("under_segmented", str(scores.get("under_segmented"))),
    ]
    print_table(rows)


if __name__ == "__main__":
    main()
