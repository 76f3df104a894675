"""Second visits to simulated homes in frames of their own, and pairs of homes that differ.

    python benchmarks/graph/align.py --visits 10 --pairs 50 --output benchmarks/results/align.json

A visit is a map made from the truth: surface points with 1 cm of noise, free space on a grid,
objects by their boxes; 20 % of the objects were carried elsewhere in their room between visits,
and the second map is turned and shifted at random. Errors are of the corners of the home.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests" / "helpers" / "graphs"))
from helpers_visits import home, view

from hydra_mono.cli.progress import print_table
from hydra_mono.graph.align.align import Alignment, align
from hydra_mono.graph.align.transform import moved_points, upright_pose

MOVED_SHARE = 0.2


def random_pose(seed: int) -> np.ndarray:
    rng = np.random.default_rng([5, seed])
    return upright_pose(float(rng.uniform(-math.pi, math.pi)), rng.uniform(-10, 10, 3))


def errors(seed: int, found: Alignment, pose: np.ndarray, rooms: int) -> tuple[float, float]:
    """How far corners of the home are off at most, metres, and the turn, degrees."""
    off = found.target_from_source @ pose
    corners = np.concatenate(
        [[[*r.lower_m, r.floor_m], [*r.upper_m, r.ceiling_m]] for r in home(seed, rooms).plan.rooms]
    ).astype(float)
    moved = np.linalg.norm(moved_points(off, corners) - corners, axis=1).max()
    return float(moved), abs(math.degrees(math.atan2(off[1, 0], off[0, 0])))


def row_of(name: str, found: Alignment) -> dict[str, Any]:
    return {
        "pair": name,
        "sure": found.is_sure,
        "certainty": found.certainty,
        "surfaces_agree": round(found.share, 3),
        "overlap": round(found.overlap, 3),
        "next_best": round(found.rival, 3),
    }


def second_visits(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Visits to one home, some to a part of it, each laid on the first visit."""
    for number in range(options.visits + options.parts):
        seed, pose = options.first_seed + number, random_pose(number)
        is_part = number >= options.visits
        second = view(
            seed,
            pose,
            moved_share=MOVED_SHARE,
            rooms=options.rooms,
            seen_rooms=max(options.rooms // 2, 2) if is_part else None,
            draw=1,
        )
        first, started_s = view(seed, rooms=options.rooms), time.perf_counter()
        found = align(second, first)
        seconds = time.perf_counter() - started_s
        off_m, off_deg = errors(seed, found, pose, options.rooms)
        name = f"{seed}{' in part' if is_part else ''}"
        figures = {"off_m": round(off_m, 4), "off_deg": round(off_deg, 3)}
        yield row_of(name, found) | figures | {"seconds": round(seconds, 2)}


def different_homes(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Pairs of homes that have nothing in common."""
    homes = 2
    while homes * (homes - 1) // 2 < options.pairs:
        homes += 1
    views = [
        view(options.first_seed + i, random_pose(i), rooms=options.rooms) for i in range(homes)
    ]
    pairs = [(i, j) for j in range(homes) for i in range(j)][: options.pairs]
    for i, j in pairs:
        name = f"{options.first_seed + i} and {options.first_seed + j}"
        yield row_of(name, align(views[i], views[j]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=5, help="second visits to one home")
    parser.add_argument("--parts", type=int, default=3, help="of them, to half the rooms only")
    parser.add_argument("--pairs", type=int, default=10, help="of different homes")
    parser.add_argument("--rooms", type=int, default=4)
    parser.add_argument("--first-seed", type=int, default=2001)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    rows = []
    for row in chain(second_visits(options), different_homes(options)):
        rows.append(row)
        print(row, flush=True)
    same = [row for row in rows if "off_m" in row]
    differ = [row for row in rows if "off_m" not in row]
    figures = {
        "second_visits": len(same),
        "sure": sum(row["sure"] for row in same),
        "worst_off_m": max((row["off_m"] for row in same if row["sure"]), default=None),
        "worst_off_deg": max((row["off_deg"] for row in same if row["sure"]), default=None),
        "least_agreement": min((row["surfaces_agree"] for row in same), default=None),
        "pairs_of_different_homes": len(differ),
        "falsely_sure": sum(row["sure"] for row in differ),
        "most_agreement": max((row["surfaces_agree"] for row in differ), default=None),
        "seconds_median": float(np.median([row["seconds"] for row in same])) if same else None,
    }
    print_table([(name, str(value)) for name, value in figures.items()])
    if options.output:
        options.output.write_text(json.dumps({"figures": figures, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
