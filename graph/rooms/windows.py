"""The windows of a room: panes in its walls, found by the label of their surface.

A pane does not lead on, so that it knows one room. Where labels know of no windows, there is none:
glass gives no depth, and an opening that nobody walked through may as well be unseen wall.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float64
from scipy import ndimage

from hydra_mono.core.map.keyframe import KeyframeInput
from hydra_mono.core.mesh import SemanticMesh, blocks_between, concatenate
from hydra_mono.graph.model.nodes import RoomNode, Window

BEHIND_M = 0.4  # behind a room's outline: a niche, and the outline's own error
INWARD_M = 0.35  # from a pane along its normal: past the niche, inside the room
JOINT_M = 0.15  # bars between panes are thinner, walls between windows wider
UPRIGHT = 0.5  # |z| of a normal below it is a wall's
LEAST_SIDE_M = 0.3  # smaller is a picture's glass, or noise of labels
LEAST_SHARE = 0.4  # of the rectangle round a pane that is seen to be pane
SAME_WINDOW_M = 0.6  # middles so near are of one window: half a window and some


def windows_of(
    keyframe: KeyframeInput,
    node: RoomNode,
    border_m: Float64[np.ndarray, "n 2"],
    is_window: Bool[np.ndarray, "256"],
) -> tuple[Window, ...]:
    """The windows of a room with a known outline, in a fixed order.

    Of one known from before the larger view is kept: some of it may be out of the mapped window.
    One that does not look into the room any more is another room's.
    """
    if len(border_m) < 3 or not is_window.any():
        return node.windows
    before = [window for window in node.windows if _looks_into(window, border_m)]
    found = [*_panes(_surface(keyframe, node, border_m, is_window)), *before]
    kept: list[Window] = []
    for window in sorted(found, key=lambda w: (-w.width_m * w.height_m, w.position_m)):
        kept += without([window], kept)
    return tuple(sorted(kept, key=lambda window: window.position_m))


def without(windows: Sequence[Window], others: Sequence[Window]) -> tuple[Window, ...]:
    """Windows but for those that are among others, too."""
    return tuple(
        window
        for window in windows
        if all(math.dist(window.position_m, w.position_m) >= SAME_WINDOW_M for w in others)
    )


def _looks_into(window: Window, border_m: Float64[np.ndarray, "n 2"]) -> bool:
    across = INWARD_M * np.array([-math.sin(window.heading_rad), math.cos(window.heading_rad)])
    sides = np.array(window.position_m[:2]) + np.stack([across, -across])
    return bool(_is_inside(sides, border_m).any())


def _surface(
    keyframe: KeyframeInput,
    node: RoomNode,
    border_m: Float64[np.ndarray, "n 2"],
    is_window: Bool[np.ndarray, "256"],
) -> SemanticMesh:
    """Upright surface with the label that faces into the room from its border."""
    size_m, mesh = keyframe.mesh_update.block_size_m, keyframe.mesh
    if size_m <= 0:
        return SemanticMesh.empty()
    half_m = node.box.dimensions_m[2] / 2
    heights_m = (node.box.center_m[2] - half_m, node.box.center_m[2] + half_m)
    lower, upper = border_m.min(axis=0) - BEHIND_M, border_m.max(axis=0) + BEHIND_M
    corners = (np.append(lower, heights_m[0]), np.append(upper, heights_m[1]))
    parts = []
    for key in blocks_between(*corners, size_m):
        block = None if mesh.is_archived(key) else mesh.find_block(key)
        if block is None or not (labelled := is_window[block.labels]).any():
            continue
        parts.append(block.points(labelled & (np.abs(block.normals[:, 2]) < UPRIGHT)))
    surface = concatenate(parts)
    inside = (surface.vertices_m + INWARD_M * surface.normals)[:, :2].astype(np.float64)
    return surface.points(_is_inside(inside, border_m))


def _is_inside(
    points_m: Float64[np.ndarray, "n 2"], border_m: Float64[np.ndarray, "k 2"]
) -> Bool[np.ndarray, " n"]:
    """Whether a polygon holds points: a ray along x crosses its border an odd number of times."""
    start, end = border_m, np.roll(border_m, -1, axis=0)
    y = points_m[:, 1:]
    crosses = (start[:, 1] > y) != (end[:, 1] > y)
    rise = np.where(end[:, 1] == start[:, 1], 1.0, end[:, 1] - start[:, 1])
    at_x = start[:, 0] + (y - start[:, 1]) / rise * (end[:, 0] - start[:, 0])
    return np.asarray((crosses & (points_m[:, :1] < at_x)).sum(axis=1) % 2 == 1)


def _panes(surface: SemanticMesh) -> Iterator[Window]:
    """Every connected patch that is large and full enough."""
    if not len(surface):
        return
    cells = np.floor(surface.vertices_m / JOINT_M).astype(np.int64)
    cells -= cells.min(axis=0)
    grid = np.zeros(cells.max(axis=0) + 1, bool)
    grid[tuple(cells.T)] = True
    parts, count = ndimage.label(grid, structure=np.ones((3, 3, 3)))
    part_of = parts[tuple(cells.T)]
    for number in range(1, count + 1):
        window = _pane(surface.points(part_of == number))
        if window is not None:
            yield window


def _pane(patch: SemanticMesh) -> Window | None:
    """The upright rectangle round a patch, along its longest extent seen from above."""
    plan = patch.vertices_m[:, :2].astype(np.float64)
    x, y = np.linalg.svd(plan - plan.mean(axis=0), full_matrices=False)[2][0].tolist()
    heading_rad = math.atan2(y, x) % math.pi
    along = np.array([math.cos(heading_rad), math.sin(heading_rad)])
    across = np.array([-along[1], along[0]])
    points = patch.vertices_m.astype(np.float64)
    axes = np.column_stack([points[:, :2] @ along, points[:, 2]])
    low, high = axes.min(axis=0), axes.max(axis=0)
    width_m, height_m = (high - low).tolist()
    if min(width_m, height_m) < LEAST_SIDE_M or _share(axes, low, high) < LEAST_SHARE:
        return None
    middle, depth_m = (low + high) / 2, float(np.median(points[:, :2] @ across))
    at_x, at_y = (middle[0] * along + depth_m * across).tolist()
    return Window(
        position_m=(round(at_x, 3), round(at_y, 3), round(float(middle[1]), 3)),
        width_m=round(width_m, 3),
        height_m=round(height_m, 3),
        heading_rad=round(heading_rad, 4),
        last_seen_ns=int(patch.last_seen_ns.max()),
    )


def _share(
    axes_m: Float64[np.ndarray, "n 2"],
    low: Float64[np.ndarray, "2"],
    high: Float64[np.ndarray, "2"],
) -> float:
    """How full the rectangle is: of its cells those with a vertex in them."""
    cells = np.floor((axes_m - low) / JOINT_M).astype(np.int64)
    every = np.prod(np.floor((high - low) / JOINT_M) + 1)
    return len(np.unique(cells, axis=0)) / float(every)
