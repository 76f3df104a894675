"""What a frame costs in two versions of the code, run in turn on the same frames.

    python benchmarks/cost/side_by_side.py --against ../first                 # another checkout
    python benchmarks/cost/side_by_side.py --against ../first --rounds 3 --sequence simulated/2002

Each version runs in processes of its own, from its own folder, through its command line. Times
are of the processor, not of the clock on the wall: what else the machine does counts for little.
Prints a table of stages (milliseconds a frame, mean over all frames) and writes one JSON file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from hydra_mono.cli.progress import print_table
from hydra_mono.core.timing import summary

OUTSIDE = ("read", "predict", "write")  # not the mapper's own work

# Runs in the other checkout, whatever its modules are called today: only the clock and the
# command line are taken for granted.
WORKER = """
import json, resource, sys, time
time.perf_counter = time.process_time
from hydra_mono.cli.main import main
from hydra_mono.core.timing import StageClock
clocks, begin = [], StageClock.__init__
def kept(self, *args, **named):
    begin(self, *args, **named)
    clocks.append(self)
StageClock.__init__ = kept
code = main(sys.argv[2:])
peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = {"stage_ms": clocks[0].stage_ms, "frame_ms": clocks[0].frame_ms, "peak_mb": peak_kb / 1024}
open(sys.argv[1], "w").write(json.dumps(found))
sys.exit(code)
"""


def timed(checkout: Path, sequence: str, frames: int, settings: list[str]) -> dict[str, Any]:
    """Stage times of one run of a checkout's code, on one core."""
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times.json"
        arguments = ["run", "--sequence", sequence, "--max-frames", str(frames)]
        arguments += ["--predictor", "sensor", "--viewer", "none", "--output", folder, "--quiet"]
        for setting in settings:
            arguments += ["--set", setting]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        subprocess.run(
            [sys.executable, "-c", WORKER, str(times), *arguments],
            cwd=checkout,
            env=os.environ | threads | {"PYTHONPATH": str(checkout)},
            check=True,
        )
        return dict(json.loads(times.read_text()))


def figures(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each frame and each stage the least of all rounds: noise only adds."""
    frame_ms = np.min([run["frame_ms"] for run in runs], axis=0)
    names = [name for name in runs[0]["stage_ms"] if name not in OUTSIDE]
    least = {name: min(sum(run["stage_ms"][name]) for run in runs) for name in names}
    return {
        "frames": len(frame_ms),
        "frame_ms": summary(frame_ms.tolist()),
        "mean_ms_of_rounds": [round(float(np.mean(run["frame_ms"])), 2) for run in runs],
        "stage_ms": {name: round(total / len(frame_ms), 3) for name, total in least.items()},
        "peak_mb": round(max(run["peak_mb"] for run in runs), 1),
    }


def report(own: dict[str, Any], other: dict[str, Any]) -> None:
    rows = []
    for name in ("median", "p95", "mean"):
        ours, theirs = own["frame_ms"][name], other["frame_ms"][name]
        rows.append((name, f"{ours:.2f}", f"{theirs:.2f}", f"{ours / max(theirs, 1e-9):.3f}"))
    print_table(rows, header=("a frame, ms", "this", "other", "ratio"))
    stages = dict.fromkeys([*own["stage_ms"], *other["stage_ms"]])
    print_table(
        [
            (name, *(f"{side['stage_ms'].get(name, 0.0):.2f}" for side in (own, other)))
            for name in stages
        ],
        header=("stage, ms a frame", "this", "other"),
    )
    print(f"peak memory: {own['peak_mb']:.0f} MB, {other['peak_mb']:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--against", type=Path, required=True, metavar="CHECKOUT")
    parser.add_argument("--sequence", default="simulated/2002")
    parser.add_argument("--frames", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--output", type=Path, default=Path("results/side-by-side.json"))
    options = parser.parse_args()
    here = Path(__file__).resolve().parents[2]
    checkouts = (here, options.against.resolve())
    runs: tuple[list[dict[str, Any]], ...] = ([], [])
    for _ in range(options.rounds):
        for checkout, found in zip(checkouts, runs, strict=True):
            found.append(timed(checkout, options.sequence, options.frames, options.set))
    own, other = map(figures, runs)
    report(own, other)
    result = {"sequence": options.sequence, "this": own, "other": other}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\n{options.output}")


if __name__ == "__main__":
    main()
