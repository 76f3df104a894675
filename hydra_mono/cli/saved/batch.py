"""``hydra-mono batch``: many sequences, a process each; given again, it maps what is left."""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from hydra_mono.cli.console import say
from hydra_mono.cli.progress import print_table
from hydra_mono.core.errors import DataError, HydraMonoError
from hydra_mono.core.files.documents import MOST_YAML_BYTES, read_text
from hydra_mono.outputs import find_run, load_metrics

OWN_OPTIONS = ("--sequence", "--output")  # of a run, which the batch sets itself


@dataclass(frozen=True)
class Result:
    """What became of a sequence. ``state``: ``done``, ``done before`` or ``failed``."""

    sequence: str
    state: str
    frames: int = 0
    rooms: int = 0
    objects: int = 0
    seconds: float = 0.0
    note: str = ""


def batch(options: argparse.Namespace) -> int:
    """Maps what is not mapped yet; exit status 1 where a sequence failed."""
    sequences = read_sequences(Path(options.sequences))
    extra = [option for option in options.run_options if option != "--"]
    refuse_own(extra)
    if options.workers < 1:
        raise DataError(f"--workers {options.workers}: at least one is needed")
    root = Path(options.output)
    told = Told(len(sequences), is_silent=options.json)
    if options.ray:
        from hydra_mono.cli.saved.on_ray import map_on_ray

        results = map_on_ray(sequences, root, extra, options.ray, told)
    else:
        results = map_all(sequences, root, extra, options.workers, told)
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=1))
    else:
        header = ("sequence", "state", "frames", "rooms", "objects", "seconds")
        print_table([_row(result) for result in results], header=header)
    for result in results:
        if result.state == "failed":
            say(f"{result.sequence}: {result.note}")
    return int(any(result.state == "failed" for result in results))


class Told:
    """Says of each sequence, as it is done, what became of it."""

    def __init__(self, count: int, *, is_silent: bool) -> None:
        self._count, self._is_silent = count, is_silent
        self._done, self._lock = 0, threading.Lock()

    def __call__(self, result: Result) -> None:
        with self._lock:
            self._done += 1
            if not self._is_silent:
                say(f"{self._done}/{self._count} {result.sequence}: {result.state}")


def read_sequences(path: Path) -> list[str]:
    """The sequences of a file, each once, in order.

    Raises:
        DataError: the file cannot be read, or names none.
    """
    try:
        lines = read_text(path, MOST_YAML_BYTES).splitlines()
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    named = [line.split("#")[0].strip() for line in lines]
    found = list(dict.fromkeys(name for name in named if name))
    if not found:
        raise DataError(f"{path} names no sequence")
    return found


def refuse_own(extra: Sequence[str]) -> None:
    """Options that each run is given by the batch cannot be given to all of them.

    Raises:
        DataError: one is among them.
    """
    for option in extra:
        if option.split("=")[0] in OWN_OPTIONS:
            raise DataError(f"{option} is set by the batch for each run")


def map_all(
    sequences: Sequence[str],
    root: Path,
    extra: Sequence[str],
    workers: int,
    tell: Callable[[Result], None],
) -> list[Result]:
    """The results in the order of the sequences; each run has a folder of its name in ``root``.

    ``tell`` is called as they come, by any thread.
    """

    def work(sequence: str) -> Result:
        result = map_one(sequence, root / folder_name(sequence), extra)
        tell(result)
        return result

    return _in_threads(work, sequences, workers)


def _in_threads(
    work: Callable[[str], Result], sequences: Sequence[str], workers: int
) -> list[Result]:
    """Each thread waits for a process; an interruption starts no more of them."""
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        return list(pool.map(work, sequences))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def folder_name(sequence: str) -> str:
    """A folder for a sequence: two different ones never share one."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", sequence).strip("-.")[-80:] or "sequence"
    return plain if plain == sequence else f"{plain}-{_checksum(sequence)}"


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]  # of thousands hardly two are alike


def map_one(sequence: str, folder: Path, extra: Sequence[str]) -> Result:
    """Maps one sequence in a process of its own, unless its folder has a complete run."""
    before = finished(sequence, folder, "done before")
    if before is not None:
        return before
    command = [sys.executable, "-m", "hydra_mono", "run", "--sequence", sequence, "--quiet"]
    command += ["--viewer", "none", "--output", str(folder), *extra]
    run = subprocess.run(command, check=False, capture_output=True, text=True, env=dict(os.environ))
    after = finished(sequence, folder, "done")
    if run.returncode == 0 and after is not None:
        return after
    lines = run.stderr.strip().splitlines() or [f"ended with status {run.returncode}"]
    return Result(sequence, "failed", note=lines[-1])


def finished(sequence: str, folder: Path, state: str) -> Result | None:
    """The result of a run that went on to the end of its sequence; None where there is none."""
    try:
        metrics = load_metrics(find_run(folder))
        layers = metrics["layers"]
    except (HydraMonoError, KeyError):
        return None
    if metrics.get("interrupted", True) or not metrics.get("complete", False):
        return None
    return Result(
        sequence,
        state,
        frames=metrics["frames"],
        rooms=layers["rooms"],
        objects=layers["objects"],
        seconds=metrics["seconds"],
    )


def _row(result: Result) -> tuple[str, ...]:
    numbers = (result.frames, result.rooms, result.objects)
    return result.sequence, result.state, *map(str, numbers), f"{result.seconds:.0f}"
