"""From single points that move to the bodies they belong to."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32
from scipy import ndimage

from hydra_mono.mapping.motion.clusters import connected_pixels, numbers_of
from hydra_mono.mapping.motion.scene import Scene, is_level, spread_m
from hydra_mono.mapping.motion.voxel_history import VoxelHistory


@dataclass(frozen=True, slots=True)
class BodyRule:
    """What is one body, and how much of it has to be seen to move."""

    step_m: float = 0.06  # of depth between neighbouring pixels of one body, and
    step_per_m: float = 0.02  # as much more for every metre of depth: a body seen flatly
    seed_share: float = 0.25  # of a connected piece that has to lie in ever-free space
    whole_share: float = 0.1  # of a body that is seen to move all at once, and so many cells
    whole_cells: int = 6  # of what was taken for static in it: 150 cm² at 3 m
    own_share: float = 0.7  # of what is connected and static, else it only rests on something
    reach_m: float = 0.3  # from what is seen to move of a body to the rest of it: half its width
    older: float = 1.25  # times as long as what moves, and
    older_ticks: int = 5  # half a second more, that the rest of a body may have stood there
    bleed_cells: int = 2  # round somebody, to which his label may bleed, and
    behind_m: float = 0.3  # so far behind, where it is no longer he: a body is as deep
    most_wide_m: float = 1.5  # of a body in any level direction: arms stretched out
    most_tall_m: float = 2.2  # of a body
    up_cosine: float = 0.85  # of surface that others stand on: within 32 degrees of level


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells of motion, by pixel of a scene.

    ``seeds``: what moves or is supposed to; ``evident``: of these, what moves for sure;
    ``by_label``: of these, what is labelled as somebody. ``ground``: floors and walls.
    """

    seeds: Bool[np.ndarray, "h w"]
    evident: Bool[np.ndarray, "h w"]
    by_label: Bool[np.ndarray, "h w"]
    ground: Bool[np.ndarray, "h w"]


def without_gaps(solid: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """Gaps of a cell are filled: noise moves points into voxels where none was before."""
    return np.asarray(solid | ndimage.binary_closing(solid, np.ones((3, 3), bool)))


class Bodies:
    """Connects points that move with what is connected to them."""

    def __init__(self, history: VoxelHistory, rule: BodyRule | None = None) -> None:
        self._history, self._rule = history, rule or BodyRule()

    def parts(self, scene: Scene, signs: Signs) -> Int32[np.ndarray, "h w"]:
        """Numbers from 1 of connected bodies that are no known static surface, 0 elsewhere.

        A body is what is connected in depth, is no known static surface, and has seeds for a
        good part. What is labelled as somebody is a body of its own, without what it touches.
        """
        if not signs.seeds.any():
            return np.zeros(signs.seeds.shape, np.int32)
        region = ndimage.binary_dilation(signs.seeds, iterations=12) & scene.valid & ~signs.ground
        candidates = region.copy()
        candidates[region] = ~self._history.is_solid(scene.voxels_at(region))
        candidates |= signs.seeds & ~signs.ground
        candidates &= scene.valid & ~signs.by_label
        numbers = self._connected(scene, candidates)
        count = int(numbers.max()) + 1
        size = np.bincount(numbers.ravel(), minlength=count)
        seeded = np.bincount(numbers[signs.seeds], minlength=count)
        keep = seeded >= np.maximum(self._rule.seed_share * size, 1)
        keep[0] = False
        pieces = np.where(keep[numbers], numbers, 0)
        near = ndimage.binary_dilation(signs.seeds & (pieces > 0), iterations=6)
        pieces = np.where(near, self._body_sized(scene, pieces, signs.evident), 0)
        if not signs.by_label.any():
            return pieces.astype(np.int32)
        people = self._connected(scene, self._labelled(scene, signs.by_label))
        return np.where(people > 0, people + pieces.max(), pieces).astype(np.int32)

    def _labelled(self, scene: Scene, by_label: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
        """What is labelled as somebody, less what lies far behind the outline of somebody nearer.

        Labels bleed over outlines, on to walls.
        """
        labelled = scene.valid & by_label
        depth = np.where(labelled, scene.depth_m, np.float32(np.inf))
        nearest = ndimage.minimum_filter(depth, 2 * self._rule.bleed_cells + 1)
        return np.asarray(labelled & (scene.depth_m < nearest + self._rule.behind_m))

    def _body_sized(
        self, scene: Scene, pieces: Int32[np.ndarray, "h w"], evident: Bool[np.ndarray, "h w"]
    ) -> Int32[np.ndarray, "h w"]:
        """The pieces, of those larger than a body only what moves for sure."""
        for number in numbers_of(pieces).tolist():
            own = pieces == number
            if not self._is_body_sized(scene.points_at(own)):
                pieces[own & ~evident] = 0
        return pieces

    def wholes(
        self,
        scene: Scene,
        seen_to_move: Bool[np.ndarray, "h w"],
        ground: Bool[np.ndarray, "h w"],
    ) -> Int32[np.ndarray, "h w"]:
        """Numbers from 1 of bodies that were taken for static surface and are seen to move.

        Whatever is connected, less what others stand on, and is no larger than a body; less the
        desk that he leans on, too.
        """
        found = np.zeros(seen_to_move.shape, np.int32)
        if seen_to_move.sum() < self._rule.whole_cells:
            return found
        solid = scene.valid.copy()
        solid[solid] = self._history.is_solid(scene.voxels_at(solid))
        if (solid & seen_to_move).sum() < self._rule.whole_cells:
            return found
        level = solid & is_level(scene.points_m, self._rule.up_cosine)
        numbers = self._connected(scene, scene.valid & ~level & ~ground)
        count = int(numbers.max()) + 1
        size = np.bincount(numbers.ravel(), minlength=count)
        moves = np.bincount(numbers[seen_to_move], minlength=count)
        mistaken = np.bincount(numbers[solid & seen_to_move], minlength=count)
        keep = mistaken >= self._rule.whole_cells  # else what moves only touches what stands
        keep &= moves >= self._rule.whole_share * size
        keep[0] = False
        for number in np.flatnonzero(keep):
            own = numbers == number
            part = self._of_what_moves(scene, own, solid & seen_to_move)
            is_alone = (part & solid).sum() >= self._rule.own_share * (own & solid).sum()
            if is_alone and self._is_body_sized(scene.points_at(own)):
                found[part] = number
        return found

    def _of_what_moves(
        self, scene: Scene, body: Bool[np.ndarray, "h w"], moves: Bool[np.ndarray, "h w"]
    ) -> Bool[np.ndarray, "h w"]:
        """What is beside what moves of a body, and has not stood there for much longer."""
        rule, seen = self._rule, body & moves
        lower, upper = np.percentile(scene.points_at(seen)[:, :2], [5, 95], axis=0)
        level = scene.points_m[..., :2]
        near = ((level > lower - rule.reach_m) & (level < upper + rule.reach_m)).all(axis=2)
        ticks = np.median(self._history.solid_ticks(scene.voxels_at(seen)))
        most = rule.older * ticks + rule.older_ticks
        older = scene.valid.copy()
        older[older] = self._history.solid_ticks(scene.voxels_at(older)) > most
        return np.asarray(body & near & ~without_gaps(older))

    def _connected(
        self, scene: Scene, candidates: Bool[np.ndarray, "h w"]
    ) -> Int32[np.ndarray, "h w"]:
        step = self._rule.step_m + self._rule.step_per_m * scene.depth_m
        return connected_pixels(scene.depth_m, candidates, step)

    def _is_body_sized(self, points_m: Float64[np.ndarray, "n 3"]) -> bool:
        x, y, z = np.ptp(spread_m(points_m), axis=0)
        return bool(max(x, y) <= self._rule.most_wide_m and z <= self._rule.most_tall_m)
