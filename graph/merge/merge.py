"""Graphs of several runs as one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hydra_mono.graph.align.transform import Matrix
from hydra_mono.graph.merge.reconcile import reconcile
from hydra_mono.graph.merge.robots import robots_in, take_in
from hydra_mono.graph.merge.rule import Reconciled
from hydra_mono.graph.model.scene_graph import SceneGraph


@dataclass(frozen=True)
class Merged:
    """``first_robot[i]``: of the i-th graph; a merged one has several. ``poses``: of all of them,
    ``merged_from_graph``, between positions relative to their origins.
    """

    graph: SceneGraph
    first_robot: tuple[int, ...]
    poses: tuple[Matrix, ...]
    reconciled: Reconciled


def merge_graphs(parts: Sequence[tuple[SceneGraph, Matrix]]) -> Merged:
    """One graph of many; each comes with the pose of its world in that of the first.

    The graphs given are left as they are.

    Raises:
        GraphError: there are more robots than numbers.
    """
    origin_m = parts[0][0].origin_m if parts else (0.0, 0.0, 0.0)
    merged, robots, poses, next_robot = SceneGraph(origin_m), [], [], 0
    for graph, world_from_graph in parts:
        pose = between_origins(world_from_graph, graph.origin_m, origin_m)
        take_in(merged, graph, pose, next_robot)
        robots.append(next_robot)
        poses.append(pose)
        next_robot += robots_in(graph)
    stamps = [n.last_seen_ns for key in merged.layer_keys() for _, n in merged.nodes(*key)]
    stamp_ns = max(stamps, default=0)
    merged.advance(stamp_ns)
    return Merged(merged, tuple(robots), tuple(poses), reconcile(merged, stamp_ns))


def between_origins(
    pose: Matrix, source_m: tuple[float, float, float], target_m: tuple[float, float, float]
) -> Matrix:
    """A pose between two worlds as one between positions relative to an origin in each."""
    found = pose.copy()
    found[:3, 3] += pose[:3, :3] @ np.array(source_m) - np.array(target_m)
    return found
