"""Real people: one who turns before a fixed camera, and five cut out and moved through scenes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Float64, UInt8
from PIL import Image
from scipy import ndimage

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.mapping.motion.clusters import connected_pixels

LOOKING_ALONG_Y = np.array(
    [[1.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 1.2], [0, 0, 0, 1.0]], np.float64
)
TENTH_NS = 100_000_000
FIVE_CAMERA = Intrinsics(525.0, 525.0, 319.5, 239.5, 640, 480)
FLOOR_NORMAL = np.array([-0.0015, 0.9968, 0.0797])  # of the five people's, camera axes, down
FLOOR_M = 1.282  # of the camera above that floor: RANSAC, within a centimetre of both
PAIR_COLUMN = 367  # where two of the five touch


def real_data(name: str) -> Path | None:
    """The folder of real data beside the project or above it, None where there is none."""
    folders = (parent / "shared" / "data" / name for parent in Path(__file__).resolve().parents)
    return next((folder for folder in folders if folder.is_dir()), None)


def person_turning(folder: Path, every: int = 1) -> Iterator[tuple[Frame, Bool[np.ndarray, "h w"]]]:
    """Frames at 10 Hz of somebody who turns on the spot, and the pixels that show him.

    The mask is closed where it is full of holes, by depth: nobody else is so near.
    """
    camera = Intrinsics(525.0, 525.0, 320.0, 240.0, 640, 480)
    for number, path in enumerate(sorted(folder.glob("*.color.jpg"))[::every]):
        depth = np.asarray(Image.open(str(path).replace("color.jpg", "depth.png")))
        mask = np.asarray(Image.open(str(path).replace("color.jpg", "mask.png"))) > 0
        stamp_ns = number * every * TENTH_NS
        rgb = np.asarray(Image.open(path).convert("RGB"))
        depth_m = depth.astype(np.float32) / np.float32(1000)
        frame = Frame(number, path.stem, stamp_ns, LOOKING_ALONG_Y, camera, rgb, depth_m)
        yield frame, mask


@dataclass(frozen=True)
class Cutout:
    """The seen side of somebody: points upright about his feet (x right, y away, z up)."""

    points_m: Float64[np.ndarray, "n 3"]
    color: UInt8[np.ndarray, "n 3"]


@cache
def five_people(folder: Path) -> tuple[Cutout, ...]:
    """Everybody in the picture, cut out by depth, above the floor."""
    depth = np.asarray(Image.open(folder / "five_people.depth.png"))
    depth_m = depth.astype(np.float32) / np.float32(1000)
    rgb = np.asarray(Image.open(folder / "five_people.color.png").convert("RGB"))
    v, u = np.indices(depth_m.shape)
    k = FIVE_CAMERA
    rays = np.stack([(u - k.cx) / k.fx, (v - k.cy) / k.fy, np.ones(u.shape)], axis=-1)
    points = rays * depth_m[..., None]
    height = FLOOR_M - points @ FLOOR_NORMAL
    standing = (depth_m > 0) & (height > 0.08) & (height < 2.1)
    numbers = connected_pixels(depth_m, standing, np.float32(0.05) + np.float32(0.01) * depth_m)
    sizes = np.bincount(numbers.ravel())
    order = [n for n in np.argsort(sizes) if n > 0 and sizes[n] > 20_000]
    *alone, pair = [numbers == n for n in order]
    people = list(alone)
    people += [pair & (u < PAIR_COLUMN), pair & (u >= PAIR_COLUMN)]
    people = [ndimage.binary_erosion(mask, iterations=2) for mask in people]
    return tuple(_cutout(points[mask], height[mask], rgb[mask]) for mask in people)


def _cutout(
    points_m: Float64[np.ndarray, "n 3"],
    height_m: Float64[np.ndarray, " n"],
    color: UInt8[np.ndarray, "n 3"],
) -> Cutout:
    x = points_m[:, 0] - np.median(points_m[:, 0])
    y = points_m[:, 2] - np.median(points_m[:, 2])
    return Cutout(np.stack([x, y, height_m], axis=1), color)


@dataclass(frozen=True)
class Walker:
    """Somebody's cut-out, and where his feet are at stamps (world metres)."""

    cutout: Cutout
    stamps_ns: np.ndarray
    feet_m: Float64[np.ndarray, "n 3"]

    def feet_at(self, stamp_ns: int) -> Float64[np.ndarray, "3"]:
        return np.array([np.interp(stamp_ns, self.stamps_ns, axis) for axis in self.feet_m.T])


def with_people(frame: Frame, walkers: list[Walker]) -> tuple[Frame, Bool[np.ndarray, "h w"]]:
    """The frame with people in it, hidden by whatever is nearer; and the pixels that show them.

    They show the camera the side they were seen from. Where the frame has no depth they are left
    out: what is there may be nearer.
    """
    assert frame.depth_m is not None
    depth, rgb = frame.depth_m.copy(), frame.rgb.copy()
    shown = np.zeros(depth.shape, bool)
    for walker in walkers:
        body_m, color = _splatted(frame, walker)
        hit = (body_m > 0) & (body_m < depth)
        depth[hit], rgb[hit] = body_m[hit], color[hit]
        shown |= hit
    return replace(frame, depth_m=depth, rgb=rgb), shown


def _splatted(
    frame: Frame, walker: Walker
) -> tuple[Float32[np.ndarray, "h w"], UInt8[np.ndarray, "h w 3"]]:
    camera, pose = frame.intrinsics, frame.world_from_camera
    feet = walker.feet_at(frame.stamp_ns)
    away = feet[:2] - pose[:2, 3]
    away = away / max(float(np.linalg.norm(away)), 1e-6)
    points = walker.cutout.points_m
    right = np.array([away[1], -away[0]])
    world = np.empty_like(points)
    world[:, :2] = feet[:2] + points[:, :1] * right + points[:, 1:2] * away
    world[:, 2] = feet[2] + points[:, 2]
    local = (world - pose[:3, 3]) @ pose[:3, :3]
    ahead = local[:, 2] > 0.3
    local, color = local[ahead], walker.cutout.color[ahead]
    u = np.rint(local[:, 0] / local[:, 2] * camera.fx + camera.cx).astype(int)
    v = np.rint(local[:, 1] / local[:, 2] * camera.fy + camera.cy).astype(int)
    inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    u, v, z, color = u[inside], v[inside], local[inside, 2], color[inside]
    order = np.argsort(-z)  # the nearest is written last
    depth = np.zeros((camera.height, camera.width), np.float32)
    rgb = np.zeros((*depth.shape, 3), np.uint8)
    depth[v[order], u[order]], rgb[v[order], u[order]] = z[order], color[order]
    return _closed(depth, rgb)


def _closed(
    depth_m: Float32[np.ndarray, "h w"], rgb: UInt8[np.ndarray, "h w 3"]
) -> tuple[Float32[np.ndarray, "h w"], UInt8[np.ndarray, "h w 3"]]:
    """Holes between splats take over the nearest splat's depth and colour."""
    seen = depth_m > 0
    if not seen.any():
        return depth_m, rgb
    holes = ndimage.binary_closing(seen, np.ones((5, 5), bool)) & ~seen
    row, column = ndimage.distance_transform_edt(~seen, return_distances=False, return_indices=True)
    depth_m[holes] = depth_m[row[holes], column[holes]]
    rgb[holes] = rgb[row[holes], column[holes]]
    return depth_m, rgb


def crossing(
    cutout: Cutout, frame: Frame, away_m: float, side: int, seconds: float = 4.0
) -> Walker:
    """Somebody who walks to and fro before where the camera is in a frame, on the floor z = 0."""
    pose = frame.world_from_camera
    middle = pose[:3, 3] + away_m * pose[:3, 2]
    right = np.array([pose[0, 0], pose[1, 0], 0.0])
    right /= np.linalg.norm(right)
    ends = [middle - side * 0.9 * right, middle + side * 0.9 * right]
    legs = 20
    feet = np.array([ends[leg % 2] for leg in range(legs)]) * [1, 1, 0]
    stamps = frame.stamp_ns + (np.arange(legs) * seconds * 1e9).astype(np.int64)
    return Walker(cutout, stamps, feet)
