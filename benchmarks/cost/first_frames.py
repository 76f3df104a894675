"""What the first-frames check costs: reading, judging, and all that happens before mapping.

    python benchmarks/cost/first_frames.py --sequence DIR [--sequence DIR] [--no-depth]

One row per sequence: ms to read the frames that are compared, to judge them, and of ``prepare`` as
a run does it (check and estimate of up), the median of ``--repeats``; and what is suspected. The
sequence's own lists are read before, and are not counted.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hydra_mono.cli.progress import print_table
from hydra_mono.core.config import DataConfig
from hydra_mono.core.frame import Frame
from hydra_mono.core.source import Source
from hydra_mono.datasets.first_frames.pairs import read_first_frames
from hydra_mono.datasets.first_frames.suspect import judge
from hydra_mono.datasets.prepare import prepare
from hydra_mono.datasets.registry import open_sequence


class Colors:
    """A sequence as one camera records it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name, self.label_space = source.name, source.label_space
        self.world_up, self.unknown_label_pixels = source.world_up, 0

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Frame:
        return replace(self._source[index], depth_m=None)


def timed_ms(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started_s = time.perf_counter()
        work()
        times.append((time.perf_counter() - started_s) * 1e3)
    return statistics.median(times)


def row(path: str, options: argparse.Namespace) -> tuple[str, ...]:
    source: Source = open_sequence(path, Path())
    if options.no_depth:
        source = Colors(source)
    config = DataConfig(pose_convention=options.convention)
    first = read_first_frames(source)
    verdict = prepare(source, config)[1]
    return (
        source.name,
        str(len(first.frames)),
        f"{timed_ms(lambda: read_first_frames(source), options.repeats):.0f}",
        f"{timed_ms(lambda: judge(first, source.world_up), options.repeats):.0f}",
        f"{timed_ms(lambda: prepare(source, config), options.repeats):.0f}",
        verdict.suspect,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sequence", action="append", required=True, metavar="DIR")
    parser.add_argument("--no-depth", action="store_true", help="as one camera records it")
    parser.add_argument("--convention", default="auto", help="of poses; a wrong one is an alarm")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    header = ("sequence", "frames", "reading ms", "judging ms", "all before mapping ms", "suspect")
    print_table([row(path, options) for path in options.sequence], header=header)


if __name__ == "__main__":
    main()
