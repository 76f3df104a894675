"""Clusters that move as bodies: where each is, how large, and what it looks like."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, UInt8

from hydra_mono.core.frame import Frame
from hydra_mono.mapping.motion.appearance import Appearance, appearance
from hydra_mono.mapping.motion.bodies import Signs
from hydra_mono.mapping.motion.body_boxes import BodyBox, BoxRule, body_box
from hydra_mono.mapping.motion.clusters import joined_bodies, most_common
from hydra_mono.mapping.motion.scene import Scene, rows_at, spread_m
from hydra_mono.mapping.motion.voxel_history import distinct


@dataclass(frozen=True, slots=True)
class DetectionRule:
    """Which clusters are bodies."""

    least_area_m2: float = 0.02  # of a cluster seen; a hand has as much
    least_extent_m: float = 0.15  # of a cluster's longest side; speckle is shorter
    labelled: float = 0.3  # of both, of what is labelled as somebody: a hand beyond a door frame
    evident_share: float = 0.05  # of a cluster, below which it is only supposed to move
    join_m: float = 0.15  # gap between boxes of pieces that are one body: an arm before it
    most_wide_m: float = 0.9  # of pieces that are one body: two who pass each other are not
    reach_m: float = 0.4  # from what moves for sure of a body to the rest of it: half its width


@dataclass(frozen=True, slots=True)
class Detection:
    """One cluster of points that moves.

    ``voxels``: the world-grid voxels that its points lie in; ``shape``: of these, the ones that
    belong to what moves for sure. ``is_evident``: by where it is or what it is called, rather than
    because somebody was expected there.
    """

    box: BodyBox
    label: int
    looks: Appearance
    area_m2: float
    voxels: Int32[np.ndarray, "v 3"]
    shape: Int32[np.ndarray, "s 3"]
    is_evident: bool


class Describer:
    """Makes bodies of the pieces of a scene that move."""

    def __init__(self, rule: DetectionRule | None = None, box_rule: BoxRule | None = None) -> None:
        self._rule, self._box_rule = rule or DetectionRule(), box_rule or BoxRule()

    def detections(
        self,
        frame: Frame,
        labels: UInt8[np.ndarray, "h w"] | None,
        scene: Scene,
        pieces: Int32[np.ndarray, "h w"],
        signs: Signs,
        floor_m: float | None,
    ) -> list[Detection]:
        """Whatever is large enough to be somebody.

        ``labels`` are at the scene's stride. ``pieces``: numbers from 1 of what is connected.
        """
        if not pieces.any():
            return []
        found, rgb = [], np.ascontiguousarray(scene.strided(frame.rgb))
        pixel_m2 = np.square(scene.depth_m * scene.cell_rad)
        for mask in self._bodies(scene, pieces, signs):
            area_m2 = float(pixel_m2[mask].sum())
            share = self._rule.labelled if signs.by_label[mask].any() else 1.0
            points_m = scene.points_at(mask)
            if not self._is_large(points_m, area_m2, share):
                continue
            box = body_box(frame, scene, mask, floor_m, self._box_rule)
            found.append(
                Detection(
                    box=box,
                    label=0 if labels is None else most_common(labels[mask]),
                    looks=_looks(rows_at(rgb, mask), points_m, box),
                    area_m2=area_m2,
                    voxels=distinct(scene.voxels_at(mask)),
                    shape=distinct(scene.voxels_at(self._shape(scene, mask, signs.evident))),
                    is_evident=float(signs.evident[mask].mean()) >= self._rule.evident_share,
                )
            )
        return found

    def _bodies(
        self, scene: Scene, pieces: Int32[np.ndarray, "h w"], signs: Signs
    ) -> list[Bool[np.ndarray, "h w"]]:
        """Pieces put together; what is labelled as somebody is never joined to what is not."""
        rule, found = self._rule, []
        for own in (np.where(signs.by_label, pieces, 0), np.where(signs.by_label, 0, pieces)):
            found += joined_bodies(scene.points_m, own, rule.join_m, rule.most_wide_m)
        return found

    def _shape(
        self, scene: Scene, mask: Bool[np.ndarray, "h w"], evident: Bool[np.ndarray, "h w"]
    ) -> Bool[np.ndarray, "h w"]:
        """What is beside what moves for sure, on the level; the rest may be what it touches."""
        sure = scene.points_at(mask & evident)[:, :2]
        if not len(sure):
            return np.zeros_like(mask)
        lower, upper = sure.min(axis=0) - self._rule.reach_m, sure.max(axis=0) + self._rule.reach_m
        level = scene.points_m[..., :2]
        return np.asarray(mask & ((level > lower) & (level < upper)).all(axis=2))

    def _is_large(self, points_m: Float64[np.ndarray, "n 3"], area_m2: float, share: float) -> bool:
        extent_m = np.ptp(spread_m(points_m), axis=0).max()
        rule = self._rule
        return bool(
            area_m2 >= share * rule.least_area_m2 and extent_m >= share * rule.least_extent_m
        )


def _looks(
    rgb: UInt8[np.ndarray, "n 3"], points_m: Float64[np.ndarray, "n 3"], box: BodyBox
) -> Appearance:
    return appearance(rgb, points_m[:, 2], box.bottom_m, box.top_m)
