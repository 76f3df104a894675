"""The doors and openings of a room: gaps in its walls that free space leads through."""

import math
from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Bool, Float64
from scipy import ndimage

from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.graph.model.nodes import Passage, RoomNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.rooms.floor_plan import RULE, Gap

STEP_M = 0.05  # along a gap; half a voxel of free space
FREE_AT_M = (0.4, 0.9, 1.4)  # above the floor: a doorway is free at all of them, a sill is not
SAME_GAP_M = 0.6  # two gaps with middles so near are one: half a doorway
LINTEL_M = 0.15  # lower than the room: two voxels and noise
FACES_DOWN = -0.7  # z of a normal: the underside of a lintel or a ceiling, tilted by 45° at most
LEAST_HEIGHT_M = 1.6  # above the floor: lower is furniture, and nobody's passage
LEAST_POINTS = 4  # vertices of an underside that are believed: a voxel has about one


def passages_of(
    graph: SceneGraph,
    keyframe: KeyframeInput,
    room: NodeSymbol,
    gaps: Iterable[Gap],
    floor_m: float,
) -> Iterator[Passage]:
    """A room's gaps that free space led through, in a fixed order.

    What nobody ever passed may be wall that was not seen. What is known from before is kept.
    """
    node = graph.get_node(room)
    assert isinstance(node, RoomNode)
    for gap in sorted(gaps, key=lambda gap: (gap.rooms, gap.middle_m)):
        if room not in gap.rooms:
            continue
        before, is_open = _same_passage(node, gap), _is_passed(graph, gap)
        if before is None and not is_open:
            continue
        middle_m, width_m = _free_part(keyframe, gap, floor_m, before)
        height_m = _height_above_m(keyframe, middle_m, floor_m)
        if height_m is None and before is not None:
            height_m = before.height_m
        is_low = height_m is not None and height_m < node.height_m - LINTEL_M
        open_ns = before.last_seen_open_ns if before else None
        yield Passage(
            kind="door" if width_m <= RULE.door_m and (gap.has_lintel or is_low) else "opening",
            rooms=gap.rooms,
            position_m=(round(middle_m[0], 3), round(middle_m[1], 3), floor_m + 1.0),
            width_m=round(width_m, 3),
            height_m=height_m,
            heading_rad=round(gap.heading_rad, 4),
            is_open=is_open,
            last_seen_open_ns=node.last_seen_ns if is_open else open_ns,
        )


def _free_part(
    keyframe: KeyframeInput, gap: Gap, floor_m: float, before: Passage | None
) -> tuple[tuple[float, float], float]:
    """Middle and width of the part of a gap that was seen to be free: its sides may be unseen wall.

    Where it is not in view: as known from before, or the whole gap.
    """
    along = np.array([math.cos(gap.heading_rad), math.sin(gap.heading_rad)])
    steps_m = np.arange(-gap.width_m / 2 + STEP_M / 2, gap.width_m / 2, STEP_M)
    level = np.array(gap.middle_m) + steps_m[:, None] * along
    heights_m = floor_m + np.array(FREE_AT_M)
    points = np.concatenate([np.column_stack([level, np.full(len(level), z)]) for z in heights_m])
    seen = keyframe.free_space.is_free(points).reshape(len(heights_m), -1)
    run = _longest_run(seen.sum(axis=0) > len(heights_m) / 2)
    if run is None:
        if before is not None:
            return before.position_m[:2], before.width_m
        return gap.middle_m, gap.width_m
    first, last = run
    x, y = (np.array(gap.middle_m) + (steps_m[first] + steps_m[last]) / 2 * along).tolist()
    return (x, y), min(gap.width_m, (last - first + 1) * STEP_M + 2 * STEP_M)


def _longest_run(flags: Bool[np.ndarray, " n"]) -> tuple[int, int] | None:
    """First and last index of the longest run of true; None without any."""
    runs, count = ndimage.label(flags)
    if not count:
        return None
    sizes = np.bincount(runs)[1:]
    inside = np.flatnonzero(runs == 1 + int(np.argmax(sizes)))
    return int(inside[0]), int(inside[-1])


def _same_passage(node: RoomNode, gap: Gap) -> Passage | None:
    near = [
        (math.dist(passage.position_m[:2], gap.middle_m), number)
        for number, passage in enumerate(node.passages)
        if passage.rooms == gap.rooms
    ]
    away_m, number = min(near, default=(math.inf, 0))
    return node.passages[number] if away_m <= SAME_GAP_M else None


def _is_passed(graph: SceneGraph, gap: Gap) -> bool:
    """Whether places on both sides of the gap are joined through it: it is free."""
    a, b = gap.rooms
    for place in graph.children(a):
        for other in graph.siblings(place):
            if graph.find_parent(other) != b:
                continue
            ends = [np.array(graph.get_node(s).position_m[:2]) for s in (place, other)]
            if _away_m(np.array(gap.middle_m), *ends) <= gap.width_m / 2 + SAME_GAP_M / 2:
                return True
    return False


def _away_m(
    point_m: Float64[np.ndarray, "2"],
    start_m: Float64[np.ndarray, "2"],
    end_m: Float64[np.ndarray, "2"],
) -> float:
    """From a point to the line between two others."""
    along = end_m - start_m
    share = float(np.clip((point_m - start_m) @ along / max(float(along @ along), 1e-12), 0, 1))
    return float(np.linalg.norm(start_m + share * along - point_m))


def _height_above_m(
    keyframe: KeyframeInput, middle_m: tuple[float, float], floor_m: float
) -> float | None:
    """How high the lowest surface above a gap is that faces down; None where none was seen."""
    size_m, mesh = keyframe.mesh_update.block_size_m, keyframe.mesh
    heights = [np.zeros(0, np.float32)]
    if size_m <= 0:
        return None
    i, j = (math.floor(value / size_m) for value in middle_m)
    lowest = math.floor((floor_m + LEAST_HEIGHT_M) / size_m)
    for k in range(lowest, lowest + math.ceil(2.5 / size_m)):  # m: up to a high ceiling
        block = None if mesh.is_archived((i, j, k)) else mesh.find_block((i, j, k))
        if block is None:
            continue
        above = np.abs(block.vertices_m[:, :2] - np.array(middle_m, np.float32)).max(axis=1) < 0.2
        above &= block.normals[:, 2] < FACES_DOWN  # 0.2 m: inside the width of any door
        heights.append(block.vertices_m[above, 2])
    found = np.sort(np.concatenate(heights)) - floor_m
    found = found[found > LEAST_HEIGHT_M]
    if len(found) < LEAST_POINTS:
        return None
    return round(float(np.median(found[found < found[0] + 0.15])), 3)  # m: two voxels and noise
