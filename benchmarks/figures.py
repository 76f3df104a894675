"""The README's figures: maps simulated apartments that were not tuned on and scores them.

    python benchmarks/figures.py                                  # closed, open, turned, odd
    python benchmarks/figures.py --kinds turned odd --count 2     # fewer worlds of fewer kinds
    python benchmarks/figures.py --kinds odd --seeds 1031 1032    # others than those reported

Every world is one run of the command line in a process of its own. Prints a row a world and
writes one JSON file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from hydra_mono.cli.progress import print_table

COLUMNS = {
    "rooms": ("scores", "rooms", "truth_count"),
    "frames": ("frames",),
    "mean ms": ("frame_ms", "mean"),
    "p95 ms": ("frame_ms", "p95"),
    "peak MB": ("peak_rss_mb",),
    "growth MB": ("growth_mb",),
    "mesh<5cm": ("scores", "mesh", "accuracy_5cm"),
    "mesh err": ("scores", "mesh", "mean_error_m"),
    "mesh F1": ("scores", "mesh", "f1_5cm"),
    "rooms found": ("scores", "rooms", "estimated_count"),
    "object F1": ("scores", "objects", "f1"),
    "found": ("scores", "objects", "found"),
    "correct": ("scores", "objects", "correct"),
    "false removals": ("scores", "objects", "false_removals"),
    "box IoU": ("scores", "objects", "mean_box_iou"),
    "room P": ("scores", "rooms", "precision_covered"),
    "room R": ("scores", "rooms", "recall_covered"),
    "clear err": ("scores", "places", "clearance_error_m"),
    "covered": ("scores", "places", "free_space_covered"),
    "passable": ("scores", "places", "edges_passable"),
}


class Kind(NamedTuple):
    """Worlds of one kind: how they are named and set, and the seeds that figures are of.

    Nothing was tuned on those seeds.
    """

    sequence: str
    settings: tuple[str, ...]
    seeds: range


KINDS = {
    "closed": Kind("simulated/{}", ("simulation.plan=closed",), range(2001, 2006)),
    "open": Kind("simulated/{}", ("simulation.plan=open",), range(2011, 2016)),
    "odd": Kind("simulated/odd-{}", (), range(2031, 2036)),
    "turned": Kind("simulated/turned-{}", (), range(2021, 2026)),
}


def run_world(seed: int, kind: Kind, settings: list[str]) -> dict[str, Any]:
    """Metrics of one run, scores included."""
    overrides = ["predictor.name=sensor", *kind.settings, *settings]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hydra_mono", "run", "--quiet", "--viewer", "none"]
        command += ["--sequence", kind.sequence.format(seed), "--output", folder]
        command += [part for override in overrides for part in ("--set", override)]
        subprocess.run(command, check=True)
        metrics: dict[str, Any] = json.loads((Path(folder) / "latest/metrics.json").read_text())
    metrics["growth_mb"] = round(metrics["peak_rss_mb"] - metrics["first_frame_rss_mb"], 1)
    return metrics


def value_at(metrics: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = metrics
    for key in path:
        value = value[key]
    return value


def row(name: str, metrics: dict[str, Any]) -> tuple[str, ...]:
    values = [value_at(metrics, path) for path in COLUMNS.values()]
    return name, *(f"{v:.3f}" if isinstance(v, float) and v < 10 else f"{v:.0f}" for v in values)


def mean_row(results: dict[str, dict[str, Any]], kind: str) -> tuple[str, ...]:
    chosen = [metrics for name, metrics in results.items() if name.startswith(f"{kind} ")]
    cells = []
    for path in COLUMNS.values():
        mean = sum(value_at(metrics, path) for metrics in chosen) / len(chosen)
        cells.append(f"{mean:.3f}" if mean < 10 else f"{mean:.0f}")
    return f"{kind} mean", *cells


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--count", type=int, default=5, help="worlds of each kind")
    parser.add_argument("--seeds", type=int, nargs="*", help="instead of those reported")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--output", type=Path, default=Path("results/benchmark-figures.json"))
    options = parser.parse_args()
    jobs = [
        (name, seed)
        for name in options.kinds
        for seed in (options.seeds or KINDS[name].seeds)[: options.count]
    ]
    results: dict[str, dict[str, Any]] = {}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for name, seed in jobs:
        metrics = run_world(seed, KINDS[name], options.set)
        results[f"{name} {seed}"] = metrics
        print(*row(f"{name} {seed}", metrics), file=sys.stderr, flush=True)
        options.output.write_text(json.dumps(results, indent=1) + "\n")
    rows = [row(name, metrics) for name, metrics in results.items()]
    rows += [mean_row(results, name) for name in dict.fromkeys(name for name, _ in jobs)]
    print_table(rows, header=("world", *COLUMNS))
    print(f"\n{options.output}")


if __name__ == "__main__":
    main()
