"""The box of a whole body of which one side, and often only a part, is seen.

Bodies stand on the floor: what hides their legs changes nothing. Heads are above the image, and
half a body behind a door's frame: there a usual body's measures stand in for what is not seen.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from hydra_mono.core.frame import Frame
from hydra_mono.mapping.motion.scene import Scene, spread_m


@dataclass(frozen=True, slots=True)
class BoxRule:
    """What is not seen of a body."""

    tall_m: float = 1.7  # of a grown-up whose head nobody has seen yet
    wide_m: float = 0.45  # of a body of which one side is hidden: shoulders
    deep_m: float = 0.3  # of a body as wide: a chest's; cameras see one side of it
    standing_m: float = 1.8  # above the floor, under which what is seen of somebody begins
    over_m: float = 0.25  # by which what hides a part of a body is nearer than it
    cut_share: float = 0.5  # of the outline, which has to be hidden or out of the image
    rim_m: float = 0.15  # under the upper end, that belongs to it: a head, without shoulders
    beside_cells: int = 2  # beside the outline, where what hides a body is looked for


@dataclass(frozen=True, slots=True)
class BodyBox:
    """An upright box along the world's axes, metres.

    ``stands``: reaches down to the floor. ``is_cut``: the upper end is out of the image or hidden,
    so that the height is a usual one's.
    """

    middle_m: Float64[np.ndarray, "3"]
    sides_m: Float64[np.ndarray, "3"]
    stands: bool
    is_cut: bool

    @property
    def bottom_m(self) -> float:
        return float(self.middle_m[2] - self.sides_m[2] / 2)

    @property
    def top_m(self) -> float:
        return float(self.middle_m[2] + self.sides_m[2] / 2)


def upright_box(
    middle_m: Float64[np.ndarray, "2"],
    sides_m: Float64[np.ndarray, "2"],
    span_m: tuple[float, float],
    *,
    stands: bool,
    is_cut: bool,
) -> BodyBox:
    """The box over a rectangle, from one height to another."""
    bottom, top = span_m
    return BodyBox(
        np.array([*middle_m, (bottom + top) / 2]),
        np.array([*sides_m, top - bottom]),
        stands,
        is_cut,
    )


def body_box(
    frame: Frame,
    scene: Scene,
    mask: Bool[np.ndarray, "h w"],
    floor_m: float | None,
    rule: BoxRule,
) -> BodyBox:
    """The box of the body that a scene shows in a mask, as far as one frame tells."""
    low, high = spread_m(scene.points_m[..., 2][mask]).tolist()
    stands = floor_m is not None and low - floor_m < rule.standing_m
    if floor_m is not None and stands:
        low = floor_m
    is_cut = _is_hidden(scene, mask & (scene.points_m[..., 2] > high - rule.rim_m), 0, 1, rule)
    if is_cut and stands:
        high = max(high, low + rule.tall_m)
    middle, sides = _level(frame, scene, mask, rule)
    return upright_box(middle, sides, (low, max(high, low + 0.1)), stands=stands, is_cut=is_cut)


def _level(
    frame: Frame, scene: Scene, mask: Bool[np.ndarray, "h w"], rule: BoxRule
) -> tuple[Float64[np.ndarray, "2"], Float64[np.ndarray, "2"]]:
    """Middle and sides on the floor: bodies reach on behind what is seen, and beside it."""
    points = scene.points_at(mask)[:, :2]
    lower, upper = spread_m(points)
    away = (lower + upper) / 2 - frame.camera_position_m[:2]
    away = away / max(float(np.linalg.norm(away)), 1e-6)
    right = np.array([away[1], -away[0]])
    axes = np.stack([away, right], axis=1)
    deep_m, wide_m = np.ptp(spread_m(points @ axes), axis=0)
    behind = away * max(min(rule.deep_m, wide_m) - deep_m, 0.0)
    beside = right * max(rule.wide_m - wide_m, 0.0) * _hidden_side(frame, scene, mask, rule)
    shift = behind + beside
    return (lower + upper + shift) / 2, upper - lower + np.abs(shift)


def _hidden_side(frame: Frame, scene: Scene, mask: Bool[np.ndarray, "h w"], rule: BoxRule) -> float:
    """1 where the body goes on to the right of what is seen, -1 to the left, else 0."""
    left, right = (_is_hidden(scene, mask, 1, step, rule) for step in (1, -1))
    return float(right) - float(left)


def _is_hidden(
    scene: Scene, mask: Bool[np.ndarray, "h w"], axis: int, step: int, rule: BoxRule
) -> bool:
    """Whether the outline on one side is where the image ends, or something nearer begins.

    ``axis`` 0 and ``step`` 1: the upper side; axis 1: the left one; step -1: the opposite one.
    """
    turned = (mask, scene.depth_m, scene.valid)
    shape, depth, valid = (np.moveaxis(image, axis, 0)[::step] for image in turned)
    lines = np.flatnonzero(shape.any(axis=0))
    if not len(lines):
        return False
    first = shape[:, lines].argmax(axis=0)
    hidden = first == 0
    own = depth[first, lines] - rule.over_m
    for cells in range(1, rule.beside_cells + 1):
        beside = np.maximum(first - cells, 0)
        hidden |= valid[beside, lines] & (depth[beside, lines] < own)
    return float(hidden.mean()) >= rule.cut_share
