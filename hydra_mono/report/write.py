"""``report.html``: what a run mapped, what changed, what went wrong and what it cost."""

import math
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hydra_mono.core.config import Config
from hydra_mono.core.files import atomic
from hydra_mono.graph.drawing.floor_plan import floor_plan_svg, storeys_of
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.query.answers import ObjectFact
from hydra_mono.graph.query.questions import Questions
from hydra_mono.graph.query.relations import all_relations
from hydra_mono.outputs import LoadedRun, load_run
from hydra_mono.report.html import figure, page, paragraph, section, table, tiles
from hydra_mono.report.plots import bar_plot, line_plot

REPORT = "report.html"
MOST_PATH_POINTS = 1500  # of the camera; more are not told apart on a page
NS_PER_S = 1e9
WORLD_CHANGES = ("appeared", "vanished", "moved", "merged", "retracted")


def write_report(folder: Path) -> Path:
    """Writes the page into the run's folder, whole or not at all.

    Raises:
        DataError: there is no complete run.
        ExportError: the page cannot be written.
    """
    run = load_run(folder)
    path = run.path / REPORT
    atomic.write_text(path, report_page(run))
    return path


def report_page(run: LoadedRun) -> str:
    """The page of a run."""
    queries = Questions(run.graph, run.labels)
    name = str(run.metrics.get("sequence") or run.path.name)
    body = [
        f"<h1>{escape(name)}</h1>",
        paragraph(f"mapped by hydra-mono, {run.path.name}"),
        tiles(_figures(run)),
        section("Floor plan", *_plans(run)),
        section("Rooms", _rooms(queries)),
        section("Objects", _objects(queries)),
        section("What changed", _changes(queries)),
        section("Frames", *_frames(run.metrics)),
        section("Time and memory", *_costs(run.metrics)),
    ]
    if scores := run.metrics.get("scores"):
        body.append(section("Scores", table(("score", "value"), _score_rows(scores))))
    body.append(section("Settings that differ from the defaults", _settings(run.config_text)))
    return page(f"{name}: report", body)


def _figures(run: LoadedRun) -> Iterator[tuple[str, str]]:
    counts = run.graph.counts_present()
    yield "frames", str(run.metrics.get("frames", len(run.trajectory.stamps_ns)))
    for layer in ("rooms", "objects", "places"):
        yield layer, str(counts[layer])
    poses = run.trajectory.world_from_camera[:, :3, 3]
    yield "walked", f"{np.linalg.norm(np.diff(poses, axis=0), axis=1).sum():.0f} m"
    if "frame_ms" in run.metrics:
        yield "a frame, median", f"{run.metrics['frame_ms']['median']:.0f} ms"
    if "peak_rss_mb" in run.metrics:
        yield "peak memory", f"{run.metrics['peak_rss_mb'] / 1024:.1f} GB"


def _plans(run: LoadedRun) -> Iterator[str]:
    poses_m = run.trajectory.world_from_camera[:, :3, 3]
    path_m = poses_m[:: max(1, math.ceil(len(poses_m) / MOST_PATH_POINTS))]
    storeys = storeys_of(run.graph)
    for storey in storeys:
        drawing = floor_plan_svg(run.graph, storey, path_m)
        level = f"storey {storey}: " if len(storeys) > 1 else ""
        yield figure(drawing, f"{level}rooms, objects (dashed: taken away), the camera's path")


def _rooms(queries: Questions) -> str:
    rooms = queries.rooms().items
    if not rooms:
        return paragraph("no room was seen")
    header = ("room", "kind", "sure", "because of", "m²", "high, m", "objects", "leads to")
    rows = [
        (
            f"{room.name} ({room.id})",
            room.category,
            f"{room.probability:.0%}" if room.evidence else "",
            ", ".join(room.evidence),
            room.area_m2 if room.area_m2 else "",
            room.height_m if room.height_m else "",
            room.objects,
            ", ".join(other.room for other in queries.neighbours(str(room.id)).items),
        )
        for room in rooms
    ]
    return table(header, rows)


def _objects(queries: Questions) -> str:
    facts = queries.objects().items if queries.objects().is_found else ()
    if not facts:
        return paragraph("no object was seen")
    index = queries.snapshot()
    stands = {
        fact.subject_id: f"{fact.verb.replace('_', ' ')} {fact.target}"
        for fact in all_relations(index)
        if fact.verb in ("on", "in", "attached_to")
    }
    header = (
        "object",
        "label sure by",
        "room",
        "stands",
        "x, y, z in m",
        "size in m",
        "seen of it",
        "seen, s",
    )
    rows = [_object_row(fact, index.objects[fact.id], stands.get(fact.id, "")) for fact in facts]
    return table(header, rows)


def _object_row(fact: ObjectFact, node: ObjectNode, stands: str) -> tuple[object, ...]:
    seen = f"{fact.first_seen_ns / NS_PER_S:.0f} to {fact.last_seen_ns / NS_PER_S:.0f}"
    return (
        f"{fact.name} ({fact.id})" + (" by hand" if fact.provenance == "edited" else ""),
        _certainty(node),
        fact.room or "",
        stands,
        ", ".join(f"{value:.2f}" for value in fact.position_m),
        " × ".join(f"{value:.2f}" for value in fact.box.dimensions_m),
        f"{node.seen_fraction:.0%}",
        seen,
    )


def _certainty(node: ObjectNode) -> str:
    """The label's probability, and what else it may be."""
    if not node.view_count:
        return ""
    second = node.second
    other = f", {second.name} {second.probability:.0%}" if second is not None else ""
    return f"{node.probability:.0%}{other}"


def _changes(queries: Questions) -> str:
    """What came, left and moved; what was there from the beginning, the list above says."""
    changes = [c for c in queries.changed().items if c.kind in WORLD_CHANGES]
    if not changes:
        return paragraph("nothing that was seen twice had changed")
    rows = [
        (
            f"{change.name} ({change.object_id})",
            f"{change.kind} {change.detail}".strip(),
            f"{change.from_ns / NS_PER_S:.1f} to {change.until_ns / NS_PER_S:.1f}",
            ", ".join(f"{value:.2f}" for value in change.position_m),
        )
        for change in changes
    ]
    return table(("object", "what", "when, s", "x, y, z in m"), rows)


def _frames(metrics: dict[str, Any]) -> Iterator[str]:
    skipped = metrics.get("skipped") or {}
    total = int(skipped.get("total", 0))
    yield paragraph(f"{metrics.get('frames', 0)} mapped, {total} skipped")
    if reasons := skipped.get("reasons"):
        yield table(("reason", "frames"), _most_first(reasons))
        yield table(("first of them",), [(line,) for line in skipped.get("frames", [])])


def _most_first(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda row: (-row[1], row[0]))


def _costs(metrics: dict[str, Any]) -> Iterator[str]:
    series = metrics.get("series") or {}
    last = int(metrics.get("frames", 0))
    if values := series.get("frame_ms"):
        yield figure(line_plot(values, "ms", last), "mapping a frame, the slowest of each step")
    if values := series.get("rss_mb"):
        yield figure(line_plot(values, "MB", last), "memory of the process")
    stages = metrics.get("stage_ms") or {}
    rows = [(name, times["median"], times["p95"]) for name, times in stages.items()]
    if rows:
        yield figure(bar_plot(rows, "ms"), "stages: median, and what 95 % stay below")


def _score_rows(scores: dict[str, Any]) -> list[tuple[str, object]]:
    return [
        (f"{subject}: {name.replace('_', ' ')}", value)
        for subject, figures in scores.items()
        for name, value in figures.items()
        if isinstance(value, int | float)
    ]


def _settings(config_text: str) -> str:
    try:
        own = yaml.safe_load(config_text) or {}
    except yaml.YAMLError:
        return paragraph("the settings cannot be read")
    rows = list(_differing(own, Config().model_dump(mode="json"), ""))
    if not rows:
        return paragraph("none")
    return table(("setting", "here", "default"), rows)


def _differing(own: Any, usual: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(own, dict) and isinstance(usual, dict):
        for key, value in own.items():
            yield from _differing(value, usual.get(key), f"{path}.{key}".lstrip("."))
    elif own != usual:
        yield path, str(own), str(usual)
