"""Damages the input of every reader over and over and counts what comes of it.

``python benchmarks/fuzz.py --inputs 5000`` runs each format's inputs in processes of their own,
with 2 GB of memory beside what the imports take and 10 s an input. The same numbers give the same
damage; ``--only NAME --first N --inputs 1`` repeats one. ``--output FILE`` keeps the counts as
JSON, beside those of formats that were run before.
"""

import argparse
import json
import logging
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

HELPERS = Path(__file__).resolve().parents[1] / "tests" / "helpers"
sys.path[:0] = [str(HELPERS), str(HELPERS / "sequences")]

BATCH = 1000  # inputs a process, whose imports take as long as some hundred of them
MOST_BYTES = 2 << 30
MOST_S = 10.0
SHOWN = 5  # faults printed of a format
COLUMNS = ("refused", "accepted", "doubtful", "traceback", "crash", "over 2 GB", "over 10 s")


class TimeLimit(BaseException):
    """An input took longer than it may."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=200, help="damaged inputs of each format")
    parser.add_argument("--only", action="append", help="a format (repeatable)")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--output", type=Path, help="JSON file of the counts by format")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, first, last = options.child
        judge_batch(name, int(first), int(last))
        return
    print("| format | inputs | " + " | ".join(COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    for name in options.only or all_targets():
        counts = report(name, options.first, options.inputs)
        if options.output:
            keep(options.output, name, {"first": options.first, "inputs": options.inputs, **counts})


def keep(path: Path, name: str, counts: dict[str, int]) -> None:
    """Writes a format's counts into the file, and leaves the other formats' there.

    Inputs that follow on those counted before are added to them.
    """
    known = json.loads(path.read_text()) if path.is_file() else {}
    before = known.get(name, {})
    if before and before["first"] + before["inputs"] == counts["first"]:
        counts = {each: before[each] + counts[each] for each in counts}
        counts["first"] = before["first"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known | {name: counts}, indent=1, sort_keys=True) + "\n")


def all_targets() -> list[str]:
    from fuzzing.targets import TARGETS

    return [*TARGETS, "safetensors", "torch", "network"]


def report(name: str, first: int, inputs: int) -> dict[str, int]:
    """Prints a format's row, and its first faults below; the counts by verdict."""
    counts: Counter[str] = Counter()
    faults: list[str] = []
    at = first
    while at < first + inputs:
        last = min(at + BATCH, first + inputs)
        done = at
        for number, verdict, reason in verdicts_of(name, at, last):
            counts[verdict] += 1
            done = number + 1
            if verdict not in ("refused", "accepted"):
                faults.append(f"    {name} {number}: {verdict}: {reason[:300]}")
        at = done
    cells = [str(counts[column]) for column in COLUMNS]
    print(f"| {name} | {inputs} | " + " | ".join(cells) + " |", flush=True)
    print("\n".join(faults[:SHOWN]), file=sys.stderr, end="\n" if faults else "", flush=True)
    return {column: counts[column] for column in COLUMNS}


def verdicts_of(name: str, first: int, last: int) -> list[tuple[int, str, str]]:
    """What a process says of its inputs; the one that ends it is the last."""
    command = [sys.executable, __file__, "--child", name, str(first), str(last)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        watch = Watch(process)
        assert process.stdout is not None
        found: list[tuple[int, str, str]] = []
        for line in process.stdout:
            watch.touch()
            number, verdict, reason = json.loads(line)
            found.append((number, verdict, reason))
        watch.stop()
        process.wait()
    if len(found) < last - first and not (found and found[-1][1].startswith("over")):
        verdict = "over 10 s" if watch.has_killed else "crash"
        number = found[-1][0] + 1 if found else first
        found.append((number, verdict, f"exit status {process.returncode}"))
    return found


class Watch:
    """Ends a process that says nothing for twice the time an input may take, and its imports."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._touched_s = time.monotonic() + 60.0  # importing takes its time on a busy machine
        self._stopped = threading.Event()
        self.has_killed = False
        threading.Thread(target=self._run, daemon=True).start()

    def touch(self) -> None:
        self._touched_s = time.monotonic()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(1.0):
            if time.monotonic() - self._touched_s > 2 * MOST_S:
                self.has_killed = True
                self._process.kill()
                return


def judge_batch(name: str, first: int, last: int) -> None:
    """Judges inputs one by one, a line of JSON each."""
    from fuzzing.verdicts import Fuzzer

    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(name, target_of(name), Path(folder))
        limit_memory()
        signal.signal(signal.SIGALRM, on_alarm)
        before = peak_bytes()
        for number in range(first, last):
            verdict, reason = limited(fuzzer, number)
            if peak_bytes() - before > MOST_BYTES:
                verdict, reason = "over 2 GB", f"{verdict}: {reason}"
            print(json.dumps([number, verdict, reason]), flush=True)
            if verdict.startswith("over"):
                return  # the peak stays, so a new process goes on


def limited(fuzzer: Any, number: int) -> tuple[str, str]:
    """The verdict on an input, or that it took too long."""
    signal.setitimer(signal.ITIMER_REAL, MOST_S)
    try:
        verdict: tuple[str, str] = fuzzer.judge(number)
        return verdict
    except TimeLimit:
        return "over 10 s", ""
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def on_alarm(number: int, frame: FrameType | None) -> None:
    raise TimeLimit


def target_of(name: str) -> Any:
    from fuzzing.targets import TARGETS

    if name in TARGETS:
        return TARGETS[name]
    from fuzzing.weights import NETWORK, WEIGHTS

    return NETWORK if name == "network" else WEIGHTS[name]


def limit_memory() -> None:
    """Half as much again as counts as too much, so that it is seen and nothing is harmed."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 3 * MOST_BYTES // 2
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
