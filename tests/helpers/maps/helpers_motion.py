"""A bare room seen by a fixed camera, with boxes that move through it; all in closed form."""

from collections.abc import Iterable, Sequence

import numpy as np
from helpers_mapping import new_volume
from jaxtyping import Bool, Float32, Float64

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import Label, LabelSpace
from hydra_mono.core.map.motion import Motion
from hydra_mono.core.mesh import BlockMesh
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.freespace.map import FreeSpaceMap
from hydra_mono.mapping.motion.map import MotionMap

CAMERA = Intrinsics(130.0, 130.0, 79.5, 59.5, 160, 120)
# x right, y away, z up; the camera stands 1.2 m high and looks along y
LOOKING_ALONG_Y = np.array(
    [[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 1.2], [0, 0, 0, 1.0]], np.float64
)
WALL_M = 4.0
TENTH_NS = 100_000_000
PERSON = 7
LABELS = LabelSpace(
    "room",
    (Label(1, "wall", (200, 200, 200), "structure"), Label(PERSON, "person", (255, 0, 0), "agent")),
)


def seen(
    stamp_ns: int,
    bodies: Sequence[tuple[float, float, tuple[int, int, int]]],
    *,
    noise_m: float = 0.0,
    doors_m: float | None = None,
    pose: np.ndarray = LOOKING_ALONG_Y,
    told: np.ndarray | None = None,
) -> tuple[Frame, Prediction, Bool[np.ndarray, "h w"]]:
    """The frame, its depth, and the pixels that show bodies.

    ``bodies``: x, distance y and colour of fronts 0.5 m wide that reach from the floor to 1.7 m.
    ``doors_m``: half the gap between two doors 0.8 m before the camera. ``told``: another pose
    than the true one, which the frame claims. The pose may be moved, not turned.
    """
    v, u = np.indices((CAMERA.height, CAMERA.width))
    x, z = (u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy
    eye = pose[:3, 3]
    with np.errstate(divide="ignore"):
        floor = np.where(z > 0, eye[2] / z, np.inf)
    depth = np.minimum(WALL_M - eye[1], floor)
    rgb = np.full((*depth.shape, 3), 128, np.uint8)
    moving = np.zeros(depth.shape, bool)
    for middle, away, color in sorted(bodies, key=lambda body: -body[1]):
        near = away - eye[1]
        height = eye[2] - z * near
        hit = (np.abs(x * near + eye[0] - middle) < 0.25) & (height > 0) & (height < 1.7)
        depth, moving = np.where(hit, near, depth), moving | hit
        rgb[hit] = color
    if doors_m is not None:
        shut = np.abs(x * 0.8) > doors_m
        depth, moving = np.where(shut, 0.8, depth), moving | shut
    rng = np.random.default_rng(stamp_ns % 2**31)
    noisy = (depth + noise_m * rng.standard_normal(depth.shape)).astype(np.float32)
    return (
        Frame(0, f"{stamp_ns}", stamp_ns, pose if told is None else told, CAMERA, rgb),
        _prediction(noisy),
        moving,
    )


def _prediction(depth_m: Float32[np.ndarray, "h w"]) -> Prediction:
    return Prediction(depth_m=depth_m)


class Room:
    """The maps that motion needs, fed frame by frame; with ``fused`` the surface is mapped too."""

    def __init__(self, fused: bool = False) -> None:
        self.motion = MotionMap(LABELS, voxel_size_m=0.1)
        self.space = FreeSpaceMap(
            voxel_size_m=0.1, max_distance_m=2.0, max_depth_m=5.0, window_radius_m=8.0
        )
        self.volume = new_volume() if fused else None
        self.mesh = BlockMesh()

    def show(self, frame: Frame, prediction: Prediction) -> Motion:
        motion = self.motion.split(frame, prediction)
        if self.volume is not None:
            self.volume.forget(motion.mistaken, self.motion.voxel_size_m)
            self.volume.integrate(frame, prediction, motion.still)
        self.motion.learn(frame, self.space.carve(frame, prediction, motion.still))
        return motion

    def watch_empty(self, frames: int = 20, noise_m: float = 0.0, since_ns: int = 0) -> int:
        """Shows the empty room at 10 Hz; the stamp after it."""
        for number in range(frames):
            frame, prediction, _ = seen(since_ns + number * TENTH_NS, [], noise_m=noise_m)
            self.show(frame, prediction)
        return since_ns + frames * TENTH_NS

    def surface_m(self) -> Float64[np.ndarray, "n 3"]:
        """Vertices of the mesh as it is now; free space takes them over."""
        assert self.volume is not None
        update = self.volume.update_mesh(0, np.zeros(3))
        self.mesh.apply(update)
        self.free = self.space.update(update, np.zeros(3))
        return np.asarray(self.mesh.whole_mesh().vertices_m, np.float64)

    def stray(self) -> Float64[np.ndarray, "n 3"]:
        """Vertices more than 15 cm from the wall and the floor."""
        points = self.surface_m()
        return points[np.minimum(np.abs(points[:, 1] - WALL_M), np.abs(points[:, 2])) > 0.15]


def walk(
    room: Room, start_ns: int, places: Iterable[tuple[float, float]], color: tuple[int, int, int]
) -> tuple[int, list[Motion]]:
    """Shows somebody at one place a tenth of a second; the stamp after, and what was found."""
    found = []
    for x, away in places:
        frame, prediction, _ = seen(start_ns, [(x, away, color)])
        found.append(room.show(frame, prediction))
        start_ns += TENTH_NS
    return start_ns, found
