"""What rooms' descriptions, objects' images and relations cost a frame.

    python benchmarks/graph/describe.py --sequence simulated/2002 --max-frames 400 \\
        --output benchmarks/results/describe.json

Maps a sequence with its own depth and labels. Times are of the processor, ms. ``a frame``: rooms
(kinds, outlines, doors, windows) and images in every frame, ``at a refresh``: in those in which
they are brought up to date. Relations are told when somebody wants them: ``relations`` is what all
of them cost after a refresh, with the snapshot that they are looked up in told apart.
"""

import argparse
import json
import time
from pathlib import Path

from hydra_mono.cli.progress import print_table
from hydra_mono.core.config import load_config
from hydra_mono.core.timing import frozen_gc, summary
from hydra_mono.graph.query.relations import all_relations
from hydra_mono.graph.query.snapshot.index import index_of
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.pipeline import Mapper
from hydra_mono.simulation.source import open_simulated

STAGES = ("describe", "images")
WANTED_MS = {"a frame": 3.0, "at a refresh": 15.0}  # in the median


def timed(mapper: Mapper, times_ms: dict[str, list[float]]) -> None:
    """Snapshot and relations of the map as it is."""
    started_s = time.process_time()
    index = index_of(mapper.graph, mapper.label_space)
    between_s = time.process_time()
    all_relations(index)
    times_ms["snapshot"].append((between_s - started_s) * 1e3)
    times_ms["relations"].append((time.process_time() - between_s) * 1e3)


def costs(options: argparse.Namespace) -> dict[str, list[float]]:
    config = load_config(None, ("predictor.name=sensor", *options.set))
    source = open_simulated(options.sequence, config.simulation)
    mapper = Mapper(config, create_predictor(config.predictor, source.label_space))
    names = ("a frame", "at a refresh", *STAGES, "relations", "snapshot")
    times_ms: dict[str, list[float]] = {name: [] for name in names}
    with frozen_gc():
        for number in range(min(len(source), options.max_frames)):
            mapper.step(source[number])
            spent = {s: ms for s, ms in mapper.clock.latest_ms().items() if s in STAGES}
            times_ms["a frame"].append(sum(spent.values()))
            for name, ms in spent.items():
                times_ms[name].append(ms)
            if spent:
                times_ms["at a refresh"].append(sum(spent.values()))
            if "describe" in spent:
                timed(mapper, times_ms)
    return times_ms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequence", default="simulated/2002")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--max-frames", type=int, default=10**9)
    parser.add_argument("--output", type=Path, help="adds the figures to this file")
    options = parser.parse_args()
    time.perf_counter = time.process_time  # of the stages: what else runs here counts for little
    found = costs(options)
    figures = {name: summary(values) for name, values in found.items()}
    rows = [
        (name, *(f"{value:.2f}" for value in entry.values()), f"{WANTED_MS.get(name, '')}")
        for name, entry in figures.items()
    ]
    print_table(rows, header=("", "median ms", "p95", "mean", "wanted"))
    if options.output:
        known = json.loads(options.output.read_text()) if options.output.is_file() else {}
        name = f"{options.sequence} {' '.join(options.set)}".strip()
        known[name] = {"frames": len(found["a frame"]), "ms": figures}
        options.output.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
