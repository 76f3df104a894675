"""``hydra-mono align`` and ``merge``: maps of several runs in one frame, and as one."""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hydra_mono.cli.console import say
from hydra_mono.core.errors import DataError, HydraMonoError, one_line
from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.graph.align.align import Alignment, align
from hydra_mono.graph.align.transform import Matrix
from hydra_mono.graph.align.views import MapView, view_of
from hydra_mono.graph.merge.merge import Merged, merge_graphs
from hydra_mono.graph.merge.meshes import join_meshes
from hydra_mono.graph.merge.robots import renamed
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.outputs import (
    LoadedRun,
    RunRecord,
    load_images,
    load_run,
    update_metrics,
    write_new_run,
)

JOINED = ("objects", "places", "rooms", "buildings")


def align_runs(options: argparse.Namespace) -> int:
    """Prints how a run lies in another; exit status 1 where that is not sure."""
    found = aligned(load_run(Path(options.run)), load_run(Path(options.to)))
    if options.json:
        print(json.dumps(told(found, options.to), indent=1))
    elif found.is_sure:
        print(line_of(found, options.to))
    if not found.is_sure:
        raise DataError(refusal(options.run, options.to, found))
    return 0


def align_finished(run: Path, to: Path) -> None:
    """Adds to a run's metrics how it lies in another, and says so in a line.

    The run is whole all the same where that fails.
    """
    try:
        found = aligned(load_run(run), load_run(to))
        update_metrics(run, {"aligned_to": told(found, str(to))})
    except HydraMonoError as error:
        say(f"not aligned: {one_line(error)}")
        return
    say(line_of(found, str(to)) if found.is_sure else refusal("this run", str(to), found))


def aligned(source: LoadedRun, target: LoadedRun) -> Alignment:
    return align(view_of_run(source), view_of_run(target))


def view_of_run(run: LoadedRun) -> MapView:
    return view_of(run.graph, run.mesh, run.labels)


def told(found: Alignment, to: str) -> dict[str, Any]:
    """What metrics and ``--json`` tell of an alignment."""
    return {
        "run": to,
        "target_from_source": found.target_from_source.tolist() if found.is_sure else None,
        "certainty": found.certainty,
        "surfaces_agree": round(found.share, 4),
        "overlap": round(found.overlap, 4),
        "next_best": round(found.rival, 4),
        "doubt": found.doubt,
    }


def line_of(found: Alignment, to: str) -> str:
    x, y, z = found.target_from_source[:3, 3].tolist()
    turn = math.degrees(found.yaw_rad)
    return (
        f"aligned to {to}: turned by {turn:.2f}° about z, then moved by {x:.3f}, {y:.3f}, {z:.3f} m"
        f" (certainty {found.certainty:.2f})"
    )


def refusal(run: str, to: str, found: Alignment) -> str:
    return f"{run} is not aligned to {to}: {found.doubt}"


def merge(options: argparse.Namespace) -> int:
    """Writes one run of several; nothing is written where that fails."""
    output = Path(options.output)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise DataError(f"{output} exists: --output names a folder that is new or empty")
    if len(options.runs) < 2:
        raise DataError("merge joins two runs or more")
    runs = [load_run(Path(name)) for name in options.runs]
    require_one_kind(runs)
    poses, certainties = frames_of(runs) if options.align else ([np.eye(4)] * len(runs), {})
    merged = merge_graphs([(run.graph, pose) for run, pose in zip(runs, poses, strict=True)])
    write_new_run(output, record_of(runs, merged, certainties))
    counts = ", ".join(f"{getattr(merged.reconciled, name)} {name}" for name in JOINED)
    print(f"{len(runs)} runs joined, seen twice: {counts}; the map is in {output}")
    return 0


def require_one_kind(runs: Sequence[LoadedRun]) -> None:
    """Returns where all runs are of one label space, and no two are the same.

    Raises:
        DataError: they are not; says which.
    """
    paths = [run.path.resolve() for run in runs]
    for number, run in enumerate(runs):
        if paths[number] in paths[:number]:
            raise DataError(f"{run.path} is given twice")
        if run.labels != runs[0].labels:
            raise DataError(
                f"{run.path} has labels '{run.labels.name}', {runs[0].path} has "
                f"'{runs[0].labels.name}': maps of one label space can be joined"
            )


def frames_of(runs: Sequence[LoadedRun]) -> tuple[list[Matrix], dict[int, float]]:
    """The pose of every run in the first one's frame, and how certain it is.

    Raises:
        DataError: a run cannot be aligned to any that has been placed.
    """
    views = [view_of_run(run) for run in runs]
    poses, certainties = {0: np.eye(4)}, {0: 1.0}
    doubts: dict[tuple[int, int], str] = {}
    while len(poses) < len(runs):
        left = [number for number in range(len(runs)) if number not in poses]
        new = [(a, b) for a in left for b in poses if (a, b) not in doubts]
        if not new:
            doubt = doubts[left[0], 0]
            raise DataError(f"{runs[left[0]].path} is not aligned to {runs[0].path}: {doubt}")
        number, placed = new[0]
        found = align(views[number], views[placed])
        if found.is_sure:
            poses[number] = poses[placed] @ found.target_from_source
            certainties[number] = min(found.certainty, certainties[placed])
        else:
            doubts[number, placed] = found.doubt
    return [poses[number] for number in range(len(runs))], certainties


def record_of(
    runs: Sequence[LoadedRun], merged: Merged, certainties: dict[int, float]
) -> RunRecord:
    """What is written of a merged map; poses of all robots by stamp."""
    trajectories = [
        replace(run.trajectory, world_from_camera=pose @ run.trajectory.world_from_camera)
        for run, pose in zip(runs, merged.poses, strict=True)
    ]
    together = _by_stamp(trajectories)
    done = merged.reconciled
    metrics = {
        "sequence": " + ".join(str(run.metrics.get("sequence", run.path.name)) for run in runs),
        "robots": [
            {
                "robot": robot,
                "run": str(run.path),
                "sequence": run.metrics.get("sequence"),
                "certainty": certainties.get(number),
                "merged_from_run": pose.tolist(),
            }
            for number, (run, robot, pose) in enumerate(
                zip(runs, merged.first_robot, merged.poses, strict=True)
            )
        ],
        "joined": {name: getattr(done, name) for name in (*JOINED, "links")},
    }
    return RunRecord(
        graph=merged.graph,
        mesh=join_meshes([(run.mesh, pose) for run, pose in zip(runs, merged.poses, strict=True)]),
        labels=runs[0].labels,
        stamps_ns=together.stamps_ns.tolist(),
        world_from_camera=list(together.world_from_camera),
        config_text=runs[0].config_text,
        metrics=metrics,
        images=images_of(runs, merged),
    )


def images_of(runs: Sequence[LoadedRun], merged: Merged) -> dict[NodeSymbol, bytes]:
    """The images of every robot's objects; of what several saw, the node that stays shows the
    first that there is.
    """
    images: dict[NodeSymbol, bytes] = {}
    for run, robot in zip(runs, merged.first_robot, strict=True):
        own = load_images(run.path)
        images |= {renamed(symbol, robot): image for symbol, image in sorted(own.items())}
    for symbol, image in list(images.items()):
        ending = node.ending if (node := merged.graph.find_node(symbol)) is not None else None
        if ending is not None and ending.into is not None:
            images.setdefault(ending.into, image)
    return images


def _by_stamp(trajectories: Sequence[Trajectory]) -> Trajectory:
    stamps_ns = np.concatenate([each.stamps_ns for each in trajectories])
    poses = np.concatenate([each.world_from_camera for each in trajectories])
    order = np.argsort(stamps_ns, kind="stable")
    return Trajectory(stamps_ns[order], poses[order])
