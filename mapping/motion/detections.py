"""Clusters that move as bodies: where each is, how large, and what it looks like."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, UInt8

from hydra_mono.core.frame import Frame
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.motion.appearance import Appearance, appearance
from hydra_mono.mapping.motion.bodies import Scene
from hydra_mono.mapping.motion.body_boxes import BodyBox, BoxRule, body_box
from hydra_mono.mapping.motion.clusters import joined_bodies, most_common
from hydra_mono.mapping.motion.voxel_history import distinct


@dataclass(frozen=True, slots=True)
class DetectionRule:
    """Which clusters are bodies."""

    least_area_m2: float = 0.02  # of a cluster seen; a hand has as much
    least_extent_m: float = 0.15  # of a cluster's longest side; speckle is shorter
    evident_share: float = 0.05  # of a cluster, below which it is only supposed to move
    join_m: float = 0.15  # gap between boxes of pieces that are one body: an arm before it


@dataclass(frozen=True, slots=True)
class Detection:
    """One cluster of points that moves.

    ``voxels``: the world-grid voxels that its points lie in. ``is_evident``: by where it is or what
    it is called, rather than because somebody was expected there.
    """

    box: BodyBox
    label: int
    looks: Appearance
    area_m2: float
    voxels: Int32[np.ndarray, "v 3"]
    is_evident: bool


class Describer:
    """Makes bodies of the pieces of a scene that move."""

    def __init__(self, rule: DetectionRule | None = None, box_rule: BoxRule | None = None) -> None:
        self._rule, self._box_rule = rule or DetectionRule(), box_rule or BoxRule()

    def detections(
        self,
        frame: Frame,
        prediction: Prediction,
        scene: Scene,
        pieces: Int32[np.ndarray, "h w"],
        evident: Bool[np.ndarray, "h w"],
        floor_m: float | None,
    ) -> list[Detection]:
        """Whatever is large enough to be somebody.

        ``pieces``: numbers from 1 of what is connected. ``evident``: pixels that move for sure.
        """
        stride, found = scene.stride_px, []
        rgb = frame.rgb[::stride, ::stride]
        labels = None if prediction.labels is None else prediction.labels[::stride, ::stride]
        pixel_m2 = np.square(scene.depth_m * stride / frame.intrinsics.fx)
        for mask in joined_bodies(scene.points_m, pieces, self._rule.join_m):
            area_m2 = float(pixel_m2[mask].sum())
            if not self._is_large(scene.points_m[mask], area_m2):
                continue
            box = body_box(frame, scene, mask, floor_m, self._box_rule)
            found.append(
                Detection(
                    box=box,
                    label=0 if labels is None else most_common(labels[mask]),
                    looks=_looks(rgb[mask], scene.points_m[mask], box),
                    area_m2=area_m2,
                    voxels=distinct(scene.voxels[mask]),
                    is_evident=float(evident[mask].mean()) >= self._rule.evident_share,
                )
            )
        return found

    def _is_large(self, points_m: Float64[np.ndarray, "n 3"], area_m2: float) -> bool:
        extent_m = np.ptp(np.percentile(points_m, [2, 98], axis=0), axis=0).max()
        return bool(area_m2 >= self._rule.least_area_m2 and extent_m >= self._rule.least_extent_m)


def _looks(
    rgb: UInt8[np.ndarray, "n 3"], points_m: Float64[np.ndarray, "n 3"], box: BodyBox
) -> Appearance:
    return appearance(rgb, points_m[:, 2], box.bottom_m, box.top_m)
