"""What a run shows on screen: a bar on a terminal, plain lines elsewhere, a table at the end."""

import logging
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hydra_mono.cli.console import flush_output
from hydra_mono.core.config import DataConfig
from hydra_mono.core.source import Source
from hydra_mono.session import Session

PLAIN_INTERVAL_S = 10.0
Row = tuple[str, str]
Advance = Callable[[Session], None]

logger = logging.getLogger(__name__)


def create_progress(source: Source, data: DataConfig, *, quiet: bool) -> Advance:
    """A callback for ``Session``; silent where told to be, and where nothing can be shown."""
    total = len(range(data.start, len(source), data.stride))
    total = min(total, data.max_frames) if data.max_frames else total
    if quiet:
        return lambda session: None
    show = _bar if sys.stderr.isatty() else _plain_lines
    return _never_failing(partial(show, source.name, total))


def _never_failing(create: Callable[[], Advance]) -> Advance:
    """Gives up showing progress at the first failure (closed pipe, full disk): the run goes on."""
    show: Advance | None = None
    has_failed = False

    def advance(session: Session) -> None:
        nonlocal show, has_failed
        if has_failed:
            return
        try:
            show = show or create()
            show(session)
        except (OSError, ValueError) as error:
            has_failed = True
            logger.info("progress cannot be shown: %s", error)

    return advance


def _counts(session: Session) -> dict[str, int]:
    counts = session.mapper.graph.counts_present()
    return {name: counts[name] for name in ("objects", "places", "rooms")}


def _bar(name: str, total: int) -> Advance:
    bar = tqdm(total=total, desc=name, unit=" frames", dynamic_ncols=True, leave=False)

    def advance(session: Session) -> None:
        bar.set_postfix(_counts(session), refresh=False)
        bar.update()
        if bar.n >= total:
            bar.close()

    return advance


def _plain_lines(name: str, total: int) -> Advance:
    done, last_s = 0, time.monotonic()

    def advance(session: Session) -> None:
        nonlocal done, last_s
        done += 1
        if done == total or time.monotonic() - last_s >= PLAIN_INTERVAL_S:
            last_s = time.monotonic()
            counts = ", ".join(f"{number} {layer}" for layer, number in _counts(session).items())
            print(f"{name}: frame {done}/{total}, {counts}", file=sys.stderr, flush=True)

    return advance


def show_report(metrics: dict[str, Any], folder: Path) -> None:
    """The table that ends a run, where it can be shown; the map is written either way."""
    try:
        print_report(metrics, folder)
        flush_output()
    except (OSError, ValueError) as error:
        logger.info("the report cannot be shown: %s", error)


def print_report(metrics: dict[str, Any], folder: Path) -> None:
    """The table that ends a run."""
    print_table(run_rows(metrics))
    print_table(stage_rows(metrics), header=("stage", "median ms", "p95 ms"))
    scores = metrics.get("scores")
    if scores:
        print_table(score_rows(scores), header=("score", "value"))
    print("\noutputs")
    for path in sorted(folder.iterdir()):
        print(f"  {path}")


def run_rows(metrics: dict[str, Any]) -> list[Row]:
    skipped = metrics["skipped"]
    reasons = ", ".join(f"{count} {reason}" for reason, count in skipped["reasons"].items())
    frame = metrics["frame_ms"]
    rows = [
        ("frames", f"{metrics['frames']}" + (" (interrupted)" if metrics["interrupted"] else "")),
        ("frames per second", f"{metrics['fps']:.1f}"),
        (
            "mapping, median / p95 / mean",
            "{median:.1f} / {p95:.1f} / {mean:.1f} ms".format(**frame),
        ),
        ("peak memory", f"{metrics['peak_rss_mb']:.0f} MB"),
        ("skipped frames", f"{skipped['total']}" + (f" ({reasons})" if reasons else "")),
        ("up in the sequence's world", "({:.2f}, {:.2f}, {:.2f})".format(*metrics["source_up"])),
        ("mesh vertices", f"{metrics['mesh']['vertices']}"),
    ]
    rows += [(layer, str(count)) for layer, count in metrics["layers"].items()]
    return [
        *rows,
        ("objects removed or retracted", str(metrics["ended_objects"])),
        ("camera poses", str(metrics["camera_poses"])),
    ]


def stage_rows(metrics: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (name, f"{times['median']:.1f}", f"{times['p95']:.1f}")
        for name, times in metrics["stage_ms"].items()
    ]


def score_rows(scores: dict[str, Any]) -> list[Row]:
    """One row a figure, ``subject.figure``; tables within a subject stay in the metrics file."""
    return [
        (f"{subject}.{name}", str(value) if isinstance(value, int) else f"{value:.3f}")
        for subject, figures in scores.items()
        for name, value in figures.items()
        if isinstance(value, int | float)
    ]


def print_table(rows: list[Any], header: tuple[str, ...] | None = None) -> None:
    """Left-aligned first column, right-aligned numbers."""
    lines = [header, *rows] if header else rows
    if not lines:
        return
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    print()
    for line in lines:
        first, rest = line[0].ljust(widths[0]), zip(line[1:], widths[1:], strict=True)
        print("  " + "  ".join([first, *(cell.rjust(width) for cell, width in rest)]))
