"""Which pixels show something that moves: surface in space that was free before, or by label."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, UInt8
from scipy import ndimage

from hydra_mono.core.frame import Frame
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.map.state import State
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.motion.bodies import Bodies, Scene
from hydra_mono.mapping.motion.clusters import joined_bodies, most_common
from hydra_mono.mapping.motion.looks import Looks
from hydra_mono.mapping.motion.voxel_history import VoxelHistory, distinct

Box = tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]  # lower and upper corner, metres


@dataclass(frozen=True, slots=True)
class DetectorRule:
    """How points become clusters that move."""

    stride_rad: float = 0.015  # between the pixels looked at: 5 cm at 3 m, half a voxel
    max_depth_m: float = 5.0  # farther, a depth camera's deviation reaches a voxel
    sigmas: float = 3.0  # deviations by which a surface must be nearer than what was free
    least_area_m2: float = 0.02  # of a cluster seen; a hand has as much
    least_extent_m: float = 0.15  # of a cluster's longest side; speckle is shorter
    evident_share: float = 0.05  # of a cluster, below which it is only supposed to move
    join_m: float = 0.15  # gap between boxes of pieces that are one body: an arm before it
    least_depth_m: float = 0.3  # of a body as wide: a chest's; cameras see one side of it
    rim_px: int = 4  # pixels round a body that its depth bleeds into


@dataclass(frozen=True, slots=True)
class Detection:
    """One cluster of points that moves, in world metres along the world's axes.

    ``halves``: mean RGB of its upper and lower half, which tell people apart.
    ``voxels``: the world-grid voxels that its points lie in. ``is_evident``: by where it is or what
    it is called, rather than because somebody was expected there.
    """

    position_m: Float64[np.ndarray, "3"]
    dimensions_m: Float64[np.ndarray, "3"]
    label: int
    halves: Float64[np.ndarray, "2 3"]
    area_m2: float
    voxels: Int32[np.ndarray, "v 3"]
    is_evident: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What a frame shows that moves.

    ``moving``: pixels of the whole image, None for none. ``static``: voxels with static surface.
    ``mistaken``: voxels that were taken for static surface until now, and are of what moves.
    """

    moving: Bool[np.ndarray, "h w"] | None
    detections: list[Detection]
    static: Int32[np.ndarray, "m 3"]
    mistaken: Int32[np.ndarray, "k 3"]


class MotionDetector:
    """Finds what moves in a frame, against the history of the space it looks into.

    ``agents`` is true at the label ids of people, animals and robots: they are taken out
    whether they move or not.
    """

    def __init__(
        self,
        history: VoxelHistory,
        agents: Bool[np.ndarray, "256"],
        voxel_size_m: float,
        rule: DetectorRule | None = None,
    ) -> None:
        self._history, self._agents = history, agents
        self._bodies, self._looks = Bodies(history), Looks()
        self._voxel_size_m, self._rule = voxel_size_m, rule or DetectorRule()

    def detect(self, frame: Frame, prediction: Prediction, expected: Sequence[Box] = ()) -> Found:
        """Splits a frame.

        ``expected``: boxes in which somebody known is supposed to be now, lower and upper corner.
        """
        scene = self.scene(frame, prediction)
        by_label = self._labelled(prediction, scene.stride_px)
        seen_to_move = self._looks.contradicted(frame, prediction.depth_m, scene)
        entered = self._entered(frame, scene)
        entered &= ~self._was_put(frame, prediction, scene, entered)
        evident = entered | seen_to_move | by_label
        seeds = evident | self._expected(scene, expected)
        pieces = self._bodies.parts(scene, seeds, by_label)
        whole = self._bodies.wholes(scene, seen_to_move & ~by_label)
        pieces = np.where(whole > 0, whole + pieces.max(), pieces).astype(np.int32)
        moving = pieces > 0
        static = scene.valid & ~moving & ~seeds
        self._looks.remember(static)
        return Found(
            self._whole_image(moving | by_label, scene.stride_px, prediction.depth_m.shape),
            self._detections(frame, prediction, scene, pieces, evident),
            scene.voxels[static],
            distinct(scene.voxels[whole > 0]),
        )

    def scene(self, frame: Frame, prediction: Prediction) -> Scene:
        """The frame's points at the stride."""
        stride = max(1, round(self._rule.stride_rad * frame.intrinsics.fx))
        depth = prediction.depth_m[::stride, ::stride]
        valid = (depth > 0) & (depth < self._rule.max_depth_m)
        rays = camera_rays(frame.intrinsics, stride)
        pose = frame.world_from_camera
        points = (rays * np.where(valid, depth, 0)[..., None]) @ pose[:3, :3].T + pose[:3, 3]
        voxels = np.floor(points / self._voxel_size_m).astype(np.int32)
        return Scene(stride, points, depth, valid, voxels, _sigma_m(prediction, depth, stride))

    def state(self) -> State:
        """Everything that ``restore`` needs."""
        return self._looks.state()

    def restore(self, state: State) -> None:
        """Becomes what ``state`` was taken of."""
        self._looks.restore(state)

    def _labelled(self, prediction: Prediction, stride: int) -> Bool[np.ndarray, "h w"]:
        if prediction.labels is None:
            return np.zeros(prediction.depth_m[::stride, ::stride].shape, bool)
        return np.asarray(self._agents[prediction.labels[::stride, ::stride]])

    def _entered(self, frame: Frame, scene: Scene) -> Bool[np.ndarray, "h w"]:
        """Points in ever-free voxels that would lie there even if they were farther away.

        The farthest that the depth's deviation allows is tried too, so that an uncertain depth
        does not make walls move.
        """
        entered = np.zeros(scene.valid.shape, bool)
        entered[scene.valid] = self._history.is_ever_free(scene.voxels[scene.valid])
        if not entered.any():
            return entered
        away_m = self._rule.sigmas * scene.sigma_m[entered]
        position = frame.camera_position_m
        rays = (scene.points_m[entered] - position) / scene.depth_m[entered][:, None]
        farther = scene.points_m[entered] + rays * away_m[:, None]
        voxels = np.floor(farther / self._voxel_size_m).astype(np.int32)
        entered[entered] = self._history.is_ever_free(voxels)
        return entered

    def _was_put(
        self, frame: Frame, prediction: Prediction, scene: Scene, entered: Bool[np.ndarray, "h w"]
    ) -> Bool[np.ndarray, "h w"]:
        """Points in space that was free once, but nobody has looked at for a while.

        What stands there came unobserved. Where its label is none of an agent, or of nothing
        known, it was put there, and is part of the static world now.
        """
        was_put = np.zeros(entered.shape, bool)
        if prediction.labels is None or not entered.any():
            return was_put
        labels = prediction.labels[:: scene.stride_px, :: scene.stride_px]
        was_put = entered & (labels > 0) & ~self._agents[labels]
        was_put[was_put] = self._history.was_entered_unseen(scene.voxels[was_put], frame.stamp_ns)
        return np.asarray(was_put)

    def _expected(self, scene: Scene, boxes: Sequence[Box]) -> Bool[np.ndarray, "h w"]:
        """Points where somebody is supposed to be, less what is known to stand there."""
        inside = np.zeros(scene.valid.shape, bool)
        for lower, upper in boxes:
            inside |= ((scene.points_m > lower) & (scene.points_m < upper)).all(axis=2)
        inside &= scene.valid
        inside[inside] = ~self._history.is_solid(scene.voxels[inside])
        return inside

    def _detections(
        self,
        frame: Frame,
        prediction: Prediction,
        scene: Scene,
        pieces: Int32[np.ndarray, "h w"],
        evident: Bool[np.ndarray, "h w"],
    ) -> list[Detection]:
        stride = scene.stride_px
        rgb = frame.rgb[::stride, ::stride]
        labels = None if prediction.labels is None else prediction.labels[::stride, ::stride]
        pixel_area = np.square(scene.depth_m * stride / frame.intrinsics.fx)
        found = []
        for mask in joined_bodies(scene.points_m, pieces, self._rule.join_m):
            detection = self._describe(scene, mask, rgb, labels, float(pixel_area[mask].sum()))
            if detection is not None:
                share = float(evident[mask].mean())
                middle, dimensions = self._with_depth(frame, scene.points_m[mask], detection)
                found.append(
                    replace(
                        detection,
                        position_m=middle,
                        dimensions_m=dimensions,
                        is_evident=share >= self._rule.evident_share,
                    )
                )
        return found

    def _describe(
        self,
        scene: Scene,
        mask: Bool[np.ndarray, "h w"],
        rgb: UInt8[np.ndarray, "h w 3"],
        labels: UInt8[np.ndarray, "h w"] | None,
        area_m2: float,
    ) -> Detection | None:
        """The cluster, or None for one too small to be anybody."""
        points = scene.points_m[mask]
        lower, upper = np.percentile(points, [2, 98], axis=0)
        if area_m2 < self._rule.least_area_m2 or (upper - lower).max() < self._rule.least_extent_m:
            return None
        colors = rgb[mask].astype(np.float64)
        is_upper = points[:, 2] >= np.median(points[:, 2])
        halves = np.stack(
            [colors[is_upper].mean(axis=0), colors[~is_upper | (is_upper.all())].mean(axis=0)]
        )
        return Detection(
            position_m=(lower + upper) / 2,
            dimensions_m=np.maximum(upper - lower, self._voxel_size_m),
            label=0 if labels is None else most_common(labels[mask]),
            halves=halves,
            area_m2=area_m2,
            voxels=distinct(scene.voxels[mask]),
            is_evident=True,
        )

    def _with_depth(
        self, frame: Frame, points_m: Float64[np.ndarray, "n 3"], detection: Detection
    ) -> tuple[Float64[np.ndarray, "3"], Float64[np.ndarray, "3"]]:
        """Middle and size of the body whose front was seen: bodies reach on behind it."""
        away = detection.position_m[:2] - frame.camera_position_m[:2]
        away = away / max(float(np.linalg.norm(away)), 1e-6)
        axes = np.stack([away, [-away[1], away[0]]], axis=1)
        deep_m, wide_m = np.ptp(np.percentile(points_m[:, :2] @ axes, [2, 98], axis=0), axis=0)
        hidden = away * max(min(self._rule.least_depth_m, wide_m) - deep_m, 0.0)
        middle, dimensions = detection.position_m.copy(), detection.dimensions_m.copy()
        middle[:2] += hidden / 2
        dimensions[:2] += np.abs(hidden)
        return middle, dimensions

    def _whole_image(
        self, moving: Bool[np.ndarray, "h w"], stride: int, size: tuple[int, ...]
    ) -> Bool[np.ndarray, "a b"] | None:
        """The mask at the image's size, with a rim; None when nothing moves."""
        if not moving.any():
            return None
        rim = ndimage.binary_dilation(moving, iterations=-(-self._rule.rim_px // stride))
        return np.asarray(rim.repeat(stride, 0).repeat(stride, 1)[: size[0], : size[1]])


def _sigma_m(
    prediction: Prediction, depth_m: Float32[np.ndarray, "h w"], stride: int
) -> Float32[np.ndarray, "h w"]:
    """Deviation of the depth, metres: the prediction's, or a depth camera's."""
    if prediction.sigma_m is not None:
        return np.asarray(prediction.sigma_m[::stride, ::stride])
    away = np.square(depth_m - np.float32(0.4))
    return np.asarray(np.float32(0.0012) + np.float32(0.0019) * away)  # Nguyen, 3DIMPVT 2012
