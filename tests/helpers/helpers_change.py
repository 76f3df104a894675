"""A room of boxes that come and go, drawn exactly, and a camera that looks where it is told."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hydra_mono.core.config import load_config
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import LabelSpace, load_label_space
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer
from hydra_mono.pipeline import Mapper

CAMERA = Intrinsics(80.0, 80.0, 59.5, 44.5, 120, 90)
FPS = 5
SECOND_NS = 1_000_000_000
SPACE = load_label_space("apartment")
WALL, FLOOR = SPACE.ids_with_role("wall")[0], SPACE.ids_with_role("floor")[0]
ROOM = ((-3.0, -3.0, 0.0), (3.0, 3.0, 2.5))
Corner = tuple[float, float, float]


def label_of(name: str) -> int:
    return next(label.id for label in SPACE.labels if label.name == name)


@dataclass(frozen=True)
class Solid:
    """An upright box that is there from ``from_s`` to ``until_s``."""

    name: str
    lower: Corner
    upper: Corner
    color: tuple[int, int, int] = (200, 40, 40)
    from_s: float = -math.inf
    until_s: float = math.inf

    @property
    def center(self) -> np.ndarray:
        return (np.array(self.lower) + np.array(self.upper)) / 2


def box_at(x: float, y: float, size: Corner, name: str = "chair", **times: object) -> Solid:
    w, d, h = size
    lower, upper = (x - w / 2, y - d / 2, 0.0), (x + w / 2, y + d / 2, h)
    return Solid(name, lower, upper, **times)  # type: ignore[arg-type]


def look_at(eye: Sequence[float], target: Sequence[float]) -> np.ndarray:
    """``world_from_camera`` of a level camera."""
    ahead = np.subtract(target, eye).astype(float)
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(ahead, right), ahead], axis=1)
    pose[:3, 3] = eye
    return pose


def frame_of(solids: Iterable[Solid], pose: np.ndarray, index: int, noise_m: float = 0.0) -> Frame:
    """The room and what is in it at the frame's stamp, with noise that grows with distance."""
    time_s = index / FPS
    v, u = np.indices((CAMERA.height, CAMERA.width))
    rays = np.stack(
        [(u - CAMERA.cx) / CAMERA.fx, (v - CAMERA.cy) / CAMERA.fy, np.ones(u.shape)], -1
    )
    rays = rays @ pose[:3, :3].T
    depth, labels, color = _room(rays, pose[:3, 3])
    for solid in solids:
        if solid.from_s <= time_s < solid.until_s:
            near = _hit(rays, pose[:3, 3], solid)
            closer = near < depth
            depth = np.where(closer, near, depth)
            labels[closer], color[closer] = label_of(solid.name), solid.color
    if noise_m:
        rng = np.random.default_rng(index)
        depth = depth + rng.normal(0, noise_m, depth.shape) * np.square(depth / 2)
    return Frame(
        index=index,
        name=f"{index}",
        stamp_ns=index * SECOND_NS // FPS,
        world_from_camera=pose,
        intrinsics=CAMERA,
        rgb=color,
        depth_m=depth.astype(np.float32),
        labels=labels,
    )


def _room(rays: np.ndarray, eye: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.where(rays > 0, np.array(ROOM[1]) - eye, np.array(ROOM[0]) - eye) / rays
    ends = np.where(np.isfinite(ends), ends, np.inf)
    axis = ends.argmin(axis=-1)
    is_floor = (axis == 2) & (rays[..., 2] < 0)
    labels = np.where(is_floor, FLOOR, WALL).astype(np.uint8)
    color = np.where(is_floor[..., None], (120, 90, 60), (210, 210, 200)).astype(np.uint8)
    return ends.min(axis=-1), labels, color


def _hit(rays: np.ndarray, eye: np.ndarray, solid: Solid) -> np.ndarray:
    """Depth at which rays enter a box, infinite where they miss it (slab method)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (np.array(solid.lower) - eye) / rays, (np.array(solid.upper) - eye) / rays
    enter = np.nanmax(np.minimum(a, b), axis=-1)
    leave = np.nanmin(np.maximum(a, b), axis=-1)
    return np.where((enter < leave) & (enter > 0.05), enter, np.inf)


class Truth:
    """A predictor that takes depth and labels as they are."""

    depth_is_measured = True

    @property
    def label_space(self) -> LabelSpace:
        return SPACE

    def __call__(self, frame: Frame) -> Prediction:
        assert frame.depth_m is not None
        return Prediction(depth_m=frame.depth_m, labels=frame.labels)


def swing(eye: Sequence[float], target: Sequence[float], seconds: float) -> list[np.ndarray]:
    """Poses that look at a target from about one spot for a while."""
    count = round(seconds * FPS)
    side = 0.25 * np.sin(np.linspace(0, 2 * np.pi, count, endpoint=False))
    return [look_at(np.add(eye, (s, 0.5 * s, 0.0)), target) for s in side]


def mapped(solids: Sequence[Solid], poses: Sequence[np.ndarray], noise_m: float = 0.004) -> Mapper:
    """A map of all the frames."""
    mapper = Mapper(load_config(), Truth())
    for index, pose in enumerate(poses):
        mapper.step(frame_of(solids, pose, index, noise_m))
    mapper.finish()
    return mapper


def objects(graph: SceneGraph) -> dict[str, ObjectNode]:
    """Every object node by its id, ended ones too."""
    nodes = graph.nodes(Layer.OBJECTS)
    return {str(symbol): node for symbol, node in nodes if isinstance(node, ObjectNode)}


def chair(x: float, y: float, **more: object) -> Solid:
    return box_at(x, y, (0.45, 0.5, 0.9), **more)
