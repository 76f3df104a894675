"""Worlds that move: who moved, what changed, what stayed, and what it costs a frame.

    python benchmarks/dynamic.py --seeds 4001 4002 --columns labelled,unlabelled
    python benchmarks/dynamic.py --count 1 --max-frames 600 --rooms 2      # minutes, not hours
    python benchmarks/dynamic.py --columns one_camera --weights FILE

``labelled`` and ``unlabelled`` map the sensor's depth with noise, the second without labels of
people; ``one_camera`` lets the network predict depth and labels. Everything in a world, the walk
too, is planned for ``--max-frames``, so that a short run has changes that are looked at twice.
``--static`` maps the same apartments without life too, for false removals. Prints a table of means
over the seeds and writes every figure to one JSON file.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from run_inputs import inputs_of

from hydra_mono.cli.progress import print_table
from hydra_mono.core.config import Config, load_config
from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.core.frame import Frame
from hydra_mono.core.source import stream
from hydra_mono.evaluation import evaluate
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.pipeline import Mapper
from hydra_mono.simulation.source import SimulatedSource, open_simulated

FIRST_SEED = 4001  # of the worlds that nothing is tuned on
WORLDS = {
    "labelled": "simulated/dynamic-{seed}",
    "unlabelled": "simulated/dynamic-unlabelled-{seed}",
    "one_camera": "simulated/dynamic-{seed}",
}
ROWS = {
    "background F1 at 10 cm": ("background", "f1_10cm"),
    "vertices 15 cm off the house": ("background", "off_surface_15cm"),
    "dynamic F1": ("dynamic", "f1"),
    "IDF1": ("dynamic", "idf1"),
    "MOTA": ("dynamic", "mota"),
    "identity switches per track": ("dynamic", "id_switches_per_track"),
    "objects F1 over time": ("objects_over_time", "f1"),
    "objects F1 at the end": ("objects", "f1"),
    "change F1": ("changes", "f1"),
    "interval holds the time": ("changes", "interval_holds_truth"),
    "time error (s)": ("changes", "time_error_s"),
    "false removals": ("changes", "false_removals"),
    "false removals, static": ("static", "false_removals"),
    "motion, ms a frame": ("cost", "motion_ms"),
    "whole step, ms a frame": ("cost", "frame_ms"),
}


def settings(column: str, options: argparse.Namespace) -> Config:
    overrides = [f"simulation.width={options.width}", f"simulation.height={options.width * 3 // 4}"]
    for name in ("rooms", "people"):
        if (value := getattr(options, name)) is not None:
            overrides.append(f"simulation.{name}={value}")
    if options.max_frames:
        overrides.append(f"simulation.frames={options.max_frames}")
    if options.cache:
        overrides.append(f"simulation.cache={options.cache}")
    is_network = column == "one_camera"
    overrides.append(f"predictor.name={'m2h' if is_network else 'sensor'}")
    if is_network and options.weights:
        overrides.append(f"predictor.weights={options.weights}")
    return load_config(overrides=(*overrides, *options.set))


def map_world(name: str, config: Config) -> tuple[Mapper, SimulatedSource, Trajectory]:
    """Maps a whole walk."""
    source = open_simulated(name, config.simulation)
    mapper = Mapper(config, create_predictor(config.predictor, source.label_space))
    poses = []
    for number, frame in enumerate(stream(source)):
        assert isinstance(frame, Frame)
        mapper.step(frame)
        poses.append((frame.stamp_ns, frame.world_from_camera))
        if number % 100 == 0:
            print(f"{name}: frame {number}/{len(source)}", file=sys.stderr, flush=True)
    mapper.finish()
    return mapper, source, Trajectory.of(*zip(*poses, strict=True))


def score_world(name: str, config: Config) -> dict[str, Any]:
    """Every score of one world, and the medians of motion and of the whole step."""
    mapper, source, trajectory = map_world(name, config)
    run = inputs_of(mapper, source, trajectory)
    truth = source.truth()
    clock = mapper.clock
    cost = {
        "motion_ms": float(np.median(clock.stage_ms.get("motion", [0.0]))),
        "frame_ms": float(np.median(clock.frame_ms)),
    }
    told = {
        "frames": len(trajectory),
        "tracks": sum(track.kind != "object" for track in truth.agents),
        "changes": len(truth.changes),
    }
    return evaluate(run, truth).as_dict() | {"cost": cost, "world": told}


def measure(column: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Scores of a dynamic world and, if wanted, the false removals of the same without life."""
    config = settings(column, options)
    result = score_world(WORLDS[column].format(seed=seed), config)
    if options.static:
        static = score_world(f"simulated/{seed}", config)
        result["static"] = {"false_removals": static["changes"]["false_removals"]}
    return result


def means(results: list[dict[str, Any]]) -> dict[str, float | None]:
    """Means over the seeds, by row; None where no seed had anything to score."""
    table: dict[str, float | None] = {}
    for row, (subject, name) in ROWS.items():
        values = [result.get(subject, {}).get(name) for result in results]
        known = [value for value in values if value is not None]
        table[row] = float(np.mean(known)) if known else None
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--count", type=int, default=5, help="of seeds from 4001 on")
    parser.add_argument("--columns", default="labelled,unlabelled")
    parser.add_argument("--max-frames", type=int)
    parser.add_argument("--rooms", type=int)
    parser.add_argument("--people", type=int)
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--weights")
    parser.add_argument("--static", action="store_true")
    parser.add_argument("--cache")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/dynamic.json"))
    options = parser.parse_args()
    seeds = options.seeds or list(range(FIRST_SEED, FIRST_SEED + options.count))
    columns = options.columns.split(",")
    scores: dict[str, dict[str, Any]] = {column: {} for column in columns}
    for column in columns:
        for seed in seeds:
            scores[column][str(seed)] = measure(column, seed, options)
            report(scores, seeds, options)


def report(scores: dict[str, Any], seeds: list[int], options: argparse.Namespace) -> None:
    """Prints the table of what is scored so far, and writes it."""
    table = {column: means(list(worlds.values())) for column, worlds in scores.items()}
    rows = [(row, *(_cell(table[column][row]) for column in table)) for row in ROWS]
    print_table(rows, header=(f"means over {len(seeds)}", *table))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    how = {name: getattr(options, name) for name in ("max_frames", "rooms", "people", "width")}
    document = {"seeds": seeds, "settings": options.set} | how | {"means": table, "worlds": scores}
    options.output.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\n{options.output}", flush=True)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}" if value < 1 else f"{value:.2f}"


if __name__ == "__main__":
    main()
