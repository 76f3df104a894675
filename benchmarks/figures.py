"""The README's figures: maps simulated apartments that were not tuned on and scores them.

    python benchmarks/figures.py                                  # closed and open plans
    python benchmarks/figures.py --closed 2001 --open 2011 --set mapping.voxel_size=0.1

Every apartment is one run of the command line in a process of its own. Prints a row an apartment
and writes one JSON file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

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
    "found": ("scores", "objects", "found"),
    "correct": ("scores", "objects", "correct"),
    "box IoU": ("scores", "objects", "mean_box_iou"),
    "room P": ("scores", "rooms", "precision_covered"),
    "room R": ("scores", "rooms", "recall_covered"),
    "clear err": ("scores", "places", "clearance_error_m"),
    "covered": ("scores", "places", "free_space_covered"),
    "passable": ("scores", "places", "edges_passable"),
}


def run_apartment(seed: int, plan: str, settings: list[str]) -> dict[str, Any]:
    """Metrics of one run, scores included."""
    overrides = ["predictor.name=sensor", f"simulation.plan={plan}", *settings]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "hydra_mono", "run", "--quiet", "--viewer", "none"]
        command += ["--sequence", f"simulated/{seed}", "--output", folder]
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


def mean_row(results: dict[str, dict[str, Any]], plan: str) -> tuple[str, ...]:
    chosen = [metrics for name, metrics in results.items() if name.startswith(plan)]
    cells = []
    for path in COLUMNS.values():
        mean = sum(value_at(metrics, path) for metrics in chosen) / len(chosen)
        cells.append(f"{mean:.3f}" if mean < 10 else f"{mean:.0f}")
    return f"{plan} mean", *cells


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--closed", type=int, nargs="*", default=[2001, 2002])
    parser.add_argument("--open", type=int, nargs="*", default=[2011, 2012])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--output", type=Path, default=Path("results/benchmark-figures.json"))
    options = parser.parse_args()
    jobs = [("closed", seed) for seed in options.closed] + [("open", seed) for seed in options.open]
    results: dict[str, dict[str, Any]] = {}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for plan, seed in jobs:
        results[f"{plan} {seed}"] = run_apartment(seed, plan, options.set)
        print(*row(f"{plan} {seed}", results[f"{plan} {seed}"]), file=sys.stderr, flush=True)
        options.output.write_text(json.dumps(results, indent=1) + "\n")
    rows = [row(name, metrics) for name, metrics in results.items()]
    rows += [mean_row(results, plan) for plan in dict.fromkeys(plan for plan, _ in jobs)]
    print_table(rows, header=("apartment", *COLUMNS))
    print(f"\n{options.output}")


if __name__ == "__main__":
    main()
