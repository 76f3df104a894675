"""Which pixels show something that moves: surface in space that was free before, or by label."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8
from scipy import ndimage

from hydra_mono.core.frame import Frame
from hydra_mono.core.geometry import shared_rays
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.state import State
from hydra_mono.core.map.voxel_keys import pack
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.motion.bodies import Bodies, Signs, without_gaps
from hydra_mono.mapping.motion.detections import Describer, Detection
from hydra_mono.mapping.motion.floor import Floor
from hydra_mono.mapping.motion.looks import Looks, Trace
from hydra_mono.mapping.motion.scene import Scene
from hydra_mono.mapping.motion.tracker import Shape
from hydra_mono.mapping.motion.voxel_history import VoxelHistory, distinct, with_neighbours


@dataclass(frozen=True, slots=True)
class DetectorRule:
    """How points become clusters that move."""

    stride_rad: float = 0.015  # between the pixels looked at: 5 cm at 3 m, half a voxel
    max_depth_m: float = 5.0  # farther, a depth camera's deviation reaches a voxel
    sigmas: float = 3.0  # deviations by which a surface must be nearer than what was free
    ground_m: float = 0.07  # above the floor: noise of a depth camera, and the soles of shoes
    rim_m: float = 0.15  # of depth, by which a body's pixels may lie off its nearest cells, and
    rim_px: int = 2  # pixels round those: mixed of a body and of what lies behind


@dataclass(frozen=True, slots=True)
class Found:
    """What a frame shows that moves.

    ``moving``: pixels of the whole image, None for none. ``static``: voxels with static surface.
    ``mistaken``: voxels that were taken for static surface until now, and are of what moves.
    ``traces``: where what moves was shortly before.
    """

    moving: Bool[np.ndarray, "h w"] | None
    detections: list[Detection]
    static: Int32[np.ndarray, "m 3"]
    mistaken: Int32[np.ndarray, "k 3"]
    traces: list[Trace]


class MotionDetector:
    """Finds what moves in a frame, against the history of the space it looks into.

    People, animals and robots, of whom ``labels`` tells, are taken out whether they move or not;
    floors and walls are never part of anybody.
    """

    def __init__(
        self,
        history: VoxelHistory,
        labels: LabelSpace,
        voxel_size_m: float,
        rule: DetectorRule | None = None,
    ) -> None:
        self._history = history
        self._agents = labels.mask(labels.ids("agent"))
        self._fixed = labels.mask(labels.ids("structure"))
        self._bodies, self._looks, self._floor = Bodies(history), Looks(), Floor()
        self._describer = Describer()
        self._voxel_size_m, self._rule = voxel_size_m, rule or DetectorRule()

    def detect(self, frame: Frame, prediction: Prediction, expected: Sequence[Shape] = ()) -> Found:
        """Splits a frame.

        ``expected``: voxels in which somebody known was, and how far he has supposedly moved.
        """
        scene = self.scene(frame, prediction)
        camera_m = float(frame.camera_position_m[2])
        floor_m = self._floor.height_m(camera_m)
        labels = (
            prediction.labels if prediction.labels is None else scene.strided(prediction.labels)
        )
        none = np.zeros(scene.valid.shape, bool)
        by_label = none if labels is None else self._agents[labels]
        is_fixed = none if labels is None else self._fixed[labels]
        seen_to_move = self._looks.contradicted(frame, prediction.depth_m, scene)
        entered = self._entered(frame, scene)
        entered &= ~self._was_put(frame, labels, scene, entered)
        evident = entered | seen_to_move | by_label
        seeds = evident | self._expected(scene, labels, expected)
        ground = self._ground(scene, floor_m) | is_fixed
        signs = Signs(seeds, evident, by_label, ground & ~evident)
        pieces = self._bodies.parts(scene, signs)
        whole = self._bodies.wholes(scene, seen_to_move & ~by_label, signs.ground)
        pieces = np.where(whole > 0, whole + pieces.max(), pieces).astype(np.int32)
        moving = pieces > 0
        static = scene.valid & ~moving & ~seeds
        self._looks.remember(static)
        self._floor.learn(scene, static, camera_m)
        return Found(
            self._whole_image(moving | by_label, scene, prediction.depth_m),
            self._describer.detections(frame, labels, scene, pieces, signs, floor_m),
            scene.voxels_at(static),
            distinct(scene.voxels_at(whole > 0)),
            self._looks.traces,
        )

    def scene(self, frame: Frame, prediction: Prediction) -> Scene:
        """The frame's points at the stride."""
        stride = max(1, round(self._rule.stride_rad * frame.intrinsics.fx))
        depth = prediction.depth_m[::stride, ::stride]
        valid = (depth > 0) & (depth < self._rule.max_depth_m)
        rays = shared_rays(frame.intrinsics, stride)
        pose = frame.world_from_camera
        points = (rays * np.where(valid, depth, 0)[..., None]) @ pose[:3, :3].T + pose[:3, 3]
        voxels = np.floor(points / self._voxel_size_m).astype(np.int32)
        return Scene(
            stride_px=stride,
            cell_rad=stride / frame.intrinsics.fx,
            points_m=points,
            depth_m=depth,
            valid=valid,
            voxels=voxels,
            sigma_m=_sigma_m(prediction, depth, stride),
        )

    def state(self) -> State:
        """Everything that ``restore`` needs."""
        return {"looks": self._looks.state(), "floor": self._floor.state()}

    def restore(self, state: State) -> None:
        """Becomes what ``state`` was taken of."""
        self._looks.restore(state["looks"])
        self._floor.restore(state["floor"])

    def _ground(self, scene: Scene, floor_m: float | None) -> Bool[np.ndarray, "h w"]:
        """The floor, which joins everybody who stands on it."""
        if floor_m is None:
            return np.zeros(scene.valid.shape, bool)
        return np.asarray(scene.points_m[..., 2] < floor_m + self._rule.ground_m)

    def _entered(self, frame: Frame, scene: Scene) -> Bool[np.ndarray, "h w"]:
        """Points in ever-free voxels that would lie there even if they were farther away.

        The farthest that the depth's deviation allows is tried too, so that an uncertain depth
        does not make walls move.
        """
        entered = np.zeros(scene.valid.shape, bool)
        entered[scene.valid] = self._history.is_ever_free(scene.voxels_at(scene.valid))
        if not entered.any():
            return entered
        away_m = self._rule.sigmas * scene.sigma_m[entered]
        position = frame.camera_position_m
        points_m = scene.points_at(entered)
        rays = (points_m - position) / scene.depth_m[entered][:, None]
        farther = points_m + rays * away_m[:, None]
        voxels = np.floor(farther / self._voxel_size_m).astype(np.int32)
        entered[entered] = self._history.is_ever_free(voxels)
        return entered

    def _was_put(
        self,
        frame: Frame,
        labels: UInt8[np.ndarray, "h w"] | None,
        scene: Scene,
        entered: Bool[np.ndarray, "h w"],
    ) -> Bool[np.ndarray, "h w"]:
        """Points in space that was free once, but nobody has looked at for a while.

        What stands there came unobserved. Where its label is none of an agent, or of nothing
        known, it was put there, and is part of the static world now.
        """
        was_put = np.zeros(entered.shape, bool)
        if labels is None or not entered.any():
            return was_put
        was_put = entered & (labels > 0) & ~self._agents[labels]
        voxels = scene.voxels_at(was_put)
        was_put[was_put] = self._history.was_entered_unseen(voxels, frame.stamp_ns)
        return np.asarray(was_put)

    def _expected(
        self, scene: Scene, labels: UInt8[np.ndarray, "h w"] | None, shapes: Sequence[Shape]
    ) -> Bool[np.ndarray, "h w"]:
        """Points where somebody is supposed to be, less what is known to stand there.

        What is labelled as something else is nobody.
        """
        inside = np.zeros(scene.valid.shape, bool)
        for voxels, moved_m in shapes:
            moved = np.rint(moved_m / self._voxel_size_m).astype(np.int32)
            if not len(voxels):
                continue
            near = with_neighbours(voxels + moved)
            there = scene.valid & _within(scene.voxels, near.min(axis=0), near.max(axis=0))
            there[there] = np.isin(pack(scene.voxels_at(there)), pack(near))
            inside |= there
        if not inside.any():
            return inside
        if labels is not None:
            inside &= (labels == 0) | self._agents[labels]
        solid = scene.valid.copy()
        solid[solid] = self._history.is_solid(scene.voxels_at(solid))
        return np.asarray(inside & ~without_gaps(solid))

    def _whole_image(
        self, moving: Bool[np.ndarray, "h w"], scene: Scene, depth_m: Float32[np.ndarray, "a b"]
    ) -> Bool[np.ndarray, "a b"] | None:
        """The mask at the image's size, None when nothing moves: cells, and a rim round them.

        Pixels beside a cell belong to it where they are as deep as it, and not as their own cell.
        """
        if not moving.any():
            return None
        stride, step_m = scene.stride_px, np.float32(self._rule.rim_m)
        rows, columns = (_span(np.asarray(moving.any(axis=axis))) for axis in (1, 0))
        here = tuple(slice(span.start * stride, span.stop * stride) for span in (rows, columns))
        part, cells = depth_m[here], (rows, columns)
        moves, depth = moving[cells], np.where(scene.valid[cells], scene.depth_m[cells], 0)
        known = np.where(moves & (depth > 0), depth, np.float32(np.inf))
        nearest = ndimage.minimum_filter(known, 3) - step_m
        farthest = ndimage.maximum_filter(np.where(np.isinf(known), 0, known), 3) + step_m

        def whole(image: np.ndarray) -> np.ndarray:
            return image.repeat(stride, 0).repeat(stride, 1)[: part.shape[0], : part.shape[1]]

        own = (part > whole(nearest)) & (part < whole(farthest))
        own &= whole(moves) | (np.abs(part - whole(depth)) > step_m)
        own |= whole(moves) & (part <= 0)
        mask = np.zeros(depth_m.shape, bool)
        mask[here] = ndimage.maximum_filter(own.view(np.uint8), 2 * self._rule.rim_px + 1)
        return mask


def _span(lines: Bool[np.ndarray, " n"]) -> slice:
    """From the first line that is set to the last, and one more on either side."""
    at = np.flatnonzero(lines)
    return slice(max(int(at[0]) - 1, 0), min(int(at[-1]) + 2, len(lines)))


def _within(
    voxels: Int32[np.ndarray, "h w 3"], lower: Int32[np.ndarray, "3"], upper: Int32[np.ndarray, "3"]
) -> Bool[np.ndarray, "h w"]:
    return np.asarray(((voxels >= lower) & (voxels <= upper)).all(axis=2))


def _sigma_m(
    prediction: Prediction, depth_m: Float32[np.ndarray, "h w"], stride: int
) -> Float32[np.ndarray, "h w"]:
    """Deviation of the depth, metres: the prediction's, or a depth camera's."""
    if prediction.sigma_m is not None:
        return np.asarray(prediction.sigma_m[::stride, ::stride])
    away = np.square(depth_m - np.float32(0.4))
    return np.asarray(np.float32(0.0012) + np.float32(0.0019) * away)  # Nguyen, 3DIMPVT 2012
