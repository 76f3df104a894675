"""Views of training worlds drawn once and kept on disk, a folder of plain arrays a world.

Drawn at twice the size and averaged, so that an image looks like a camera's, resized.
"""

import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int8

from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.clutter.lived_in import lived_in
from hydra_mono.simulation.render.images import Rendered, Renderer
from hydra_mono.simulation.scene import World
from hydra_mono.training.data.edges import edge_map
from hydra_mono.training.data.worlds.near_views import near_views
from hydra_mono.training.data.worlds.views import random_views, random_world, second_views

logger = logging.getLogger(__name__)

FOCAL_PER_WIDTH = 525.0 / 640.0  # of the drawn cameras
NAMES = ("rgb", "depth_m", "labels", "edges", "normals")
SECOND, TRANSFORM = "second_", "first_from_second"  # of another camera's view beside each


@dataclass(frozen=True)
class ViewSize:
    """Pixels of the cached images; drawing happens at twice that."""

    width: int = 256
    height: int = 192

    def camera(self, scale: int = 1) -> Intrinsics:
        width, height = self.width * scale, self.height * scale
        focal = FOCAL_PER_WIDTH * width
        return Intrinsics(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def cache_world(
    folder: Path, seed: int, labels: LabelSpace, views: int, size: ViewSize, *, pairs: bool = False
) -> Path:
    """The folder of training world ``seed``, drawn unless it is there already, whole.

    Worlds of odd seeds are lived in; half of their views are of what lies on furniture, near by.

    ``rgb`` n h w 3 u8; ``depth_m`` n h w f16; ``labels`` n h w u8 (of ``labels``); ``edges``
    n h w u8; ``normals`` n h w 3 i8, camera axes, times 127. ``pairs``: beside each view the truth
    of another camera a step away, as ``second_depth_m`` …, and ``first_from_second`` n 4 4.
    """
    kind = ("lived" if is_lived_in(seed) else "") + ("pairs" if pairs else "")
    target = folder / f"world_{seed:06d}_{size.width}x{size.height}x{views}{kind}"
    if target.exists():
        return target
    draft = folder / f".{target.name}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    world = training_world(seed, labels)
    for name, images in draw_views(world, seed, views, size, pairs=pairs).items():
        np.save(draft / f"{name}.npy", images)
    draft.rename(target)
    return target


def is_lived_in(seed: int) -> bool:
    """Whether people and small objects in heaps are in training world ``seed``: every other one."""
    return seed % 2 == 1


def training_world(seed: int, labels: LabelSpace) -> World:
    """World ``seed`` of the training split, lived in or as it was furnished.

    Raises:
        DataError: its furniture would block a room.
    """
    world = random_world("training", seed, labels)
    return lived_in(np.random.default_rng([6, seed]), world) if is_lived_in(seed) else world


def draw_views(
    world: World, seed: int, count: int, size: ViewSize, *, pairs: bool = False
) -> dict[str, np.ndarray]:
    """The arrays that ``cache_world`` keeps."""
    poses = _poses(world, seed, count)
    renderer = Renderer(world, size.camera(2), threads=1)
    drawn = _drawn(renderer, poses)
    if not pairs:
        return drawn
    others = second_views(np.random.default_rng([4, seed]), world, poses)
    truth = {name: x for name, x in _drawn(renderer, others).items() if name != "rgb"}
    seconds = {f"{SECOND}{name}": images for name, images in truth.items()}
    return drawn | seconds | {TRANSFORM: np.linalg.inv(poses) @ others}


def _poses(world: World, seed: int, count: int) -> Float64[np.ndarray, "n 4 4"]:
    near = np.empty((0, 4, 4))
    if is_lived_in(seed):
        near = near_views(np.random.default_rng([7, seed]), world, count // 2)
    others = random_views(np.random.default_rng([3, seed]), world, count - len(near))
    return np.concatenate([others, near])


def _drawn(renderer: Renderer, poses: Float64[np.ndarray, "n 4 4"]) -> dict[str, np.ndarray]:
    images = [_halved(renderer.render(pose)) for pose in poses]
    return {name: np.stack([image[name] for image in images]) for name in NAMES}


def _halved(view: Rendered) -> dict[str, np.ndarray]:
    """Colour averaged over 2×2 pixels; of what cannot be averaged, one of the four."""
    rgb = view.rgb.astype(np.uint16)
    mean = (rgb[::2, ::2] + rgb[1::2, ::2] + rgb[::2, 1::2] + rgb[1::2, 1::2] + 2) // 4
    depth = view.depth_m[::2, ::2]
    return {
        "rgb": mean.astype(np.uint8),
        "depth_m": depth.astype(np.float16),
        "labels": view.labels[::2, ::2],
        "edges": edge_map(view.labels[::2, ::2], view.instances[::2, ::2], depth),
        "normals": _quantised(view.normals[::2, ::2]),
    }


def _quantised(normals: Float32[np.ndarray, "h w 3"]) -> Int8[np.ndarray, "h w 3"]:
    return np.asarray(np.rint(normals * 127), np.int8)
