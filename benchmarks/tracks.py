"""Why who moves is missed or invented: every true track of simulated worlds, stamp by stamp.

    python benchmarks/tracks.py --seeds 1001 1002 --max-frames 300 --rooms 3 --cache FOLDER

Runs nothing but motion: each walk's frames, rendered once and kept in ``--cache``, go through the
motion stage, free space and the graph's agents as the mapper feeds them, and are scored as
``hydra-mono evaluate`` scores a run. Tells of every true track at how many of the stamps at which
it has to be found it was, how far off the estimate was, and why it was missed at the rest; and at
whom the estimates stand that are nobody's.
"""

import argparse
import json
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from dynamic import WORLDS, settings
from scipy.optimize import linear_sum_assignment

from hydra_mono.cli.progress import print_table
from hydra_mono.core.config import Config
from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.core.frame import Frame
from hydra_mono.core.gate.checks import predict
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.core.source import stream
from hydra_mono.evaluation.dynamics.found import found_tracks
from hydra_mono.evaluation.dynamics.known import instants, query_rows
from hydra_mono.evaluation.dynamics.tracks import GATE_M, Instant, score_tracks, without_optional
from hydra_mono.evaluation.inputs import RunInputs
from hydra_mono.graph.agents.tracks import AgentTracks
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.mapping.freespace.map import create_free_space
from hydra_mono.mapping.motion.map import MotionMap
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.simulation.body import Body
from hydra_mono.simulation.source import SimulatedSource, open_simulated

NEAR_M = 1.2  # of an estimate that is of somebody, but too far off
HALF_NS = 500_000_000  # before and after a stamp, over which a speed is taken
STILL_M_S = 0.05  # slower, somebody stands or sits
SEEN_SHARE = 0.3  # of somebody's pixels that move, so that he counts as seen to move


@dataclass
class Walk:
    """What the motion stage told of a walk."""

    graph: SceneGraph = field(default_factory=SceneGraph)
    stamps_ns: list[int] = field(default_factory=list)
    poses: list[np.ndarray] = field(default_factory=list)
    cost_ms: list[float] = field(default_factory=list)
    seen: list[dict[int, float]] = field(default_factory=list)  # share that moves, by instance


def replay(source: SimulatedSource, config: Config) -> Walk:
    """Every frame through motion, free space and the graph's agents."""
    predictor = create_predictor(config.predictor, source.label_space)
    motion = MotionMap(predictor.label_space, config.free_space.voxel_size)
    space = create_free_space(config.free_space, config.mapping)
    agents, walk = AgentTracks(), Walk()
    for frame in stream(source):
        assert isinstance(frame, Frame)
        prediction = predict(predictor, frame)
        begin = time.process_time()
        split = motion.split(frame, prediction)
        middle = time.process_time()
        free = space.carve(frame, prediction, split.still)
        again = time.process_time()
        motion.learn(frame, free)
        agents.update(walk.graph, split.agents)
        walk.cost_ms.append(1e3 * (middle - begin + time.process_time() - again))
        walk.stamps_ns.append(frame.stamp_ns)
        walk.poses.append(frame.world_from_camera)
        walk.seen.append(_shares(frame, split.moving, source))
    return walk


def _shares(frame: Frame, moving: np.ndarray | None, source: SimulatedSource) -> dict[int, float]:
    assert frame.instances is not None
    shares = {}
    for number, body in enumerate(source.bodies):
        own = frame.instances == body.obj.instance
        count = int(own.sum())
        if body.stamps_ns is not None and count:
            shares[number] = 0.0 if moving is None else float(moving[own].sum()) / count
    return shares


@dataclass
class Told:
    """Of one true track."""

    name: str
    required: int = 0
    met: int = 0
    off_level_m: list[float] = field(default_factory=list)
    off_up_m: list[float] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    missed: Counter[str] = field(default_factory=Counter)
    missed_at_s: list[float] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        errors = [_percentiles(values) for values in (self.off_level_m, self.off_up_m)]
        ids = " ".join(f"{n}×{c}" for n, c in Counter(self.numbers).items())
        why = ", ".join(f"{count} {reason}" for reason, count in self.missed.most_common())
        return (self.name, f"{self.met}/{self.required}", *errors, ids, why)


def _percentiles(values: list[float]) -> str:
    if not values:
        return "–"
    return "/".join(f"{value:.2f}" for value in np.percentile(values, [50, 90, 100]))


def explain(
    walk: Walk, source: SimulatedSource, max_depth_m: float
) -> tuple[dict[str, Any], list[Told], Counter[str]]:
    """Scores, every true track's tale, and the false estimates by whom they stand near."""
    truth, trajectory = source.truth(), Trajectory.of(walk.stamps_ns, walk.poses)
    run = RunInputs(
        graph=walk.graph,
        mesh=SemanticMesh.empty(),
        trajectory=trajectory,
        intrinsics=source[0].intrinsics,
        max_depth_m=max_depth_m,
        label_space=source.label_space,
    )
    moving = [number for number, body in enumerate(source.bodies) if body.stamps_ns is not None]
    told = [(n, track.name) for n, track in zip(moving, truth.agents, strict=True) if track.boxes]
    tales = [Told(name) for _, name in told]
    false: Counter[str] = Counter()
    compared = instants(truth, found_tracks(walk.graph), run)
    for row, instant in zip(query_rows(trajectory.stamps_ns).tolist(), compared, strict=True):
        shares = {k: walk.seen[row].get(number, 0.0) for k, (number, _) in enumerate(told)}
        speeds = {
            k: _speed_m_s(source.bodies[n], walk.stamps_ns[row]) for k, (n, _) in enumerate(told)
        }
        _compare(instant, tales, false, shares, speeds, walk.stamps_ns[row] * 1e-9)
    scores = asdict(score_tracks(compared)) | {
        "median_ms": float(np.median(walk.cost_ms)),
        "p95_ms": float(np.percentile(walk.cost_ms, 95)),
    }
    return scores, tales, false


def _speed_m_s(body: Body, stamp_ns: int) -> float:
    """Over the half second before and after."""
    assert body.stamps_ns is not None and body.positions_m is not None
    ends = [stamp_ns - HALF_NS, stamp_ns + HALF_NS]
    gone = [np.interp(ends, body.stamps_ns, axis) for axis in body.positions_m.T]
    return float(np.linalg.norm([late - early for early, late in gone]))


def _compare(
    instant: Instant,
    tales: list[Told],
    false: Counter[str],
    shares: dict[int, float],
    speeds: dict[int, float],
    second: float,
) -> None:
    """One stamp: pairs as near as can be, and the reasons for whoever is left."""
    scored = without_optional(instant)
    apart = np.linalg.norm(scored.truth_m[:, None] - scored.found_m[None], axis=2)
    rows, columns = linear_sum_assignment(np.where(apart <= GATE_M, apart, 1e3))
    pairs = {r: c for r, c in zip(rows, columns, strict=True) if apart[r, c] <= GATE_M}
    for row, truth in enumerate(scored.truth_ids):
        tale = tales[truth]
        tale.required += 1
        if row in pairs:
            gap = scored.found_m[pairs[row]] - scored.truth_m[row]
            tale.met += 1
            tale.off_level_m.append(float(np.hypot(*gap[:2])))
            tale.off_up_m.append(abs(float(gap[2])))
            tale.numbers.append(scored.found_ids[pairs[row]])
        else:
            left = np.setdiff1d(np.arange(len(scored.found_ids)), list(pairs.values()))
            gaps = scored.found_m[left] - scored.truth_m[row]
            tale.missed[_why_missed(gaps, shares[truth], speeds[truth])] += 1
            tale.missed_at_s.append(second)
    for column in range(len(scored.found_ids)):
        if column not in pairs.values():
            met = {scored.truth_ids[row] for row in pairs}
            number = f"#{scored.found_ids[column]}"
            false[f"{number} {_whose(instant, scored.found_m[column], met, tales)}"] += 1


def _why_missed(gaps_m: np.ndarray, share: float, speed_m_s: float) -> str:
    near = gaps_m[np.linalg.norm(gaps_m, axis=1) < NEAR_M]
    if len(near):
        gap = near[np.argmin(np.linalg.norm(near, axis=1))]
        return "off in height" if np.hypot(*gap[:2]) < abs(gap[2]) else "off level"
    if share >= SEEN_SHARE:
        return "seen to move, no track"
    return "not seen to move" if speed_m_s > STILL_M_S else "stands still, not seen to move"


def _whose(instant: Instant, found_m: np.ndarray, met: set[int], tales: list[Told]) -> str:
    if not len(instant.truth_ids):
        return "nobody"
    apart = np.linalg.norm(instant.truth_m - found_m, axis=1)
    nearest = int(np.argmin(apart))
    if apart[nearest] > NEAR_M:
        return "nobody"
    identity = instant.truth_ids[nearest]
    state = "hidden" if not instant.is_required[nearest] else "met" if identity in met else "missed"
    return f"{tales[identity].name} ({state})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--columns", default="labelled,unlabelled")
    parser.add_argument("--max-frames", type=int)
    parser.add_argument("--rooms", type=int)
    parser.add_argument("--people", type=int)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--weights")
    parser.add_argument("--cache")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    table = {}
    for seed in options.seeds:
        for column in options.columns.split(","):
            table[f"{seed} {column}"] = tell(column, seed, options)
    names = list(next(iter(table.values())))
    print_table([(k, *map(_text, row.values())) for k, row in table.items()], ("world", *names))
    if options.output:
        options.output.write_text(json.dumps(table, indent=1) + "\n")


def tell(column: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Prints the tale of one world; its scores."""
    config = settings(column, options)
    source = open_simulated(WORLDS[column].format(seed=seed), config.simulation)
    walk = replay(source, config)
    scores, tales, false = explain(walk, source, config.mapping.max_depth)
    rows = [tale.row() for tale in tales if tale.required or tale.numbers]
    head = (f"{seed} {column}", "met", "off level m", "off in height m", "numbers", "missed")
    print_table(rows, head)
    for reason, count in false.most_common():
        print(f"  false: {count:4} {reason}")
    for tale in tales:
        if tale.missed_at_s:
            print(f"  {tale.name} missed at", " ".join(f"{s:.1f}" for s in tale.missed_at_s))
    print(flush=True)
    return scores


def _text(value: Any) -> str:
    return "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
