"""Fusion of one depth image into the voxels of the blocks it concerns."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8

from hydra_mono.mapping.block_pool import RESOLUTION, VOXELS, VoxelArrays
from hydra_mono.mapping.depth import flying
from hydra_mono.mapping.semantics import vote
from hydra_mono.mapping.tiles import LEAST_SLANT, Tiles, spread
from hydra_mono.mapping.view import DepthView

_COLOR_FRAMES = 16  # a colour is the mean of about so many frames
_SURE = 1.0  # weight of a voxel that is seen through or has never been near a surface


@dataclass(frozen=True, slots=True)
class FusionRule:
    """How much one observation says. Lengths in metres, weights in close observations.

    ``front_m``/``behind_m``: distances are measured that far in front of the surface and that
    far behind it. An observation weighs 1/(1 + (sigma(z)/sigma0)²) with the sensor's noise
    sigma(z), and behind the surface less, down to ``least_weight`` at ``behind_m``.
    ``carve_weight``: what seeing through a solid voxel weighs.
    """

    voxel_size_m: float
    front_m: float
    behind_m: float
    least_weight: float
    max_weight: float
    carve_weight: float
    max_label_weight: float
    min_depth_m: float

    @property
    def reach_m(self) -> float:
        """How much deeper than the measured depth a voxel may be and still be concerned."""
        return self.behind_m / LEAST_SLANT


@dataclass(frozen=True, slots=True)
class Pixels:
    """The images of one frame as flat arrays; depth and slant have a border of zeros.

    ``stride`` is the width of the bordered images; pixels are numbered as in them.
    """

    stride: int
    focal_px: float
    depth_m: Float32[np.ndarray, " p"]
    slant: Float32[np.ndarray, " p"]
    color: UInt8[np.ndarray, "q 3"]
    label: UInt8[np.ndarray, " q"] | None
    confidence: Float32[np.ndarray, " q"] | None

    def unbordered(self, pixel: Int32[np.ndarray, " k"]) -> Int32[np.ndarray, " k"]:
        """The same pixels, none of the border, in the images without one."""
        return np.asarray(pixel - 2 * (pixel // self.stride) - self.stride + 1)


@dataclass(frozen=True, slots=True)
class Samples:
    """The voxels of chosen blocks as the camera sees them, 512 for each of ``slots``.

    ``sdf_m`` is the measured depth minus the voxel's own; NaN where nothing was measured.
    """

    slots: Int64[np.ndarray, " n"]
    pixel: Int32[np.ndarray, " m"]
    sdf_m: Float32[np.ndarray, " m"]

    def voxel(self, chosen: Int64[np.ndarray, " k"]) -> Int64[np.ndarray, " k"]:
        """Places of samples in the flat voxel arrays."""
        rows = chosen // VOXELS
        return np.asarray((self.slots[rows] - rows) * VOXELS + chosen)


def fuse(
    voxels: VoxelArrays, samples: Samples, pixels: Pixels, rule: FusionRule, frame_number: int
) -> None:
    """Updates distance, weight, colour, label and stamps of the sampled voxels."""
    farthest = rule.front_m / LEAST_SLANT
    clear = np.flatnonzero((samples.sdf_m > farthest) & _open_to_carving(voxels, samples.slots))
    close = np.flatnonzero((samples.sdf_m <= farthest) & (samples.sdf_m >= -rule.reach_m))
    voxel, pixel = samples.voxel(close), samples.pixel[close]
    sdf = samples.sdf_m[close] * pixels.slant[pixel]
    _carve(voxels, samples.voxel(clear), rule)
    _carve(voxels, voxel[sdf > rule.front_m], rule)
    near = np.flatnonzero((sdf <= rule.front_m) & (sdf >= -rule.behind_m))
    near = near[~flying(pixels.depth_m, pixel[near], pixels.stride, pixels.focal_px)]
    voxel, pixel, sdf = voxel[near], pixel[near], sdf[near]
    _average(voxels, voxel, sdf, pixels.depth_m[pixel], rule)
    at_surface = np.flatnonzero(np.abs(sdf) <= 1.5 * rule.voxel_size_m)
    voxel, pixel = voxel[at_surface], pixels.unbordered(pixel[at_surface])
    _paint(voxels, voxel, np.take(pixels.color, pixel, axis=0))
    if pixels.label is not None:
        trust = np.ones(len(pixel), np.float32)
        if pixels.confidence is not None:
            trust = pixels.confidence[pixel]
        _name(voxels, voxel, pixels.label[pixel], trust, rule.max_label_weight)
    _stamp(voxels, voxel, frame_number)


def _open_to_carving(voxels: VoxelArrays, slots: Int64[np.ndarray, " n"]) -> Bool[np.ndarray, " m"]:
    """Which voxels of blocks would change if they were seen through."""
    return np.asarray(((voxels.sdf_m[slots] < 0) | (voxels.weight[slots] < _SURE)).reshape(-1))


def depth_weight(depth_m: Float32[np.ndarray, " m"]) -> Float32[np.ndarray, " m"]:
    """Certainty of a measurement, 1 close by; the noise of Nguyen et al. (3DIMPVT 2012)."""
    sigma_m = np.float32(0.0012) + np.float32(0.0019) * (depth_m - np.float32(0.4)) ** 2
    return 1 / (1 + (sigma_m / np.float32(0.01)) ** 2)


def _average(
    voxels: VoxelArrays,
    voxel: Int64[np.ndarray, " m"],
    sdf_m: Float32[np.ndarray, " m"],
    depth_m: Float32[np.ndarray, " m"],
    rule: FusionRule,
) -> None:
    """The running weighted mean of Curless and Levoy (SIGGRAPH 1996), its memory bounded."""
    fades = 1 + np.minimum(sdf_m, 0) / np.float32(rule.behind_m)
    weight = depth_weight(depth_m) * np.maximum(fades, np.float32(rule.least_weight))
    stored_sdf, stored_weight = voxels.sdf_m.reshape(-1), voxels.weight.reshape(-1)
    total = stored_weight[voxel] + weight
    old = stored_sdf[voxel]
    stored_sdf[voxel] = old + (sdf_m - old) * (weight / total)
    stored_weight[voxel] = np.minimum(total, np.float32(rule.max_weight))


def _carve(voxels: VoxelArrays, voxel: Int64[np.ndarray, " m"], rule: FusionRule) -> None:
    """Sees through voxels: unobserved ones become free, solid ones wear off."""
    stored_sdf, stored_weight = voxels.sdf_m.reshape(-1), voxels.weight.reshape(-1)
    concerned = (stored_sdf[voxel] < 0) | (stored_weight[voxel] < _SURE)
    voxel = voxel[concerned]
    old, weight = stored_sdf[voxel], stored_weight[voxel]
    share = np.float32(rule.carve_weight) / (weight + np.float32(rule.carve_weight))
    stored_sdf[voxel] = old + (np.float32(rule.front_m) - old) * share
    stored_weight[voxel] = np.maximum(weight, np.float32(_SURE))


def _paint(
    voxels: VoxelArrays, voxel: Int64[np.ndarray, " m"], seen: UInt8[np.ndarray, "m 3"]
) -> None:
    colors = voxels.color.reshape(-1, 3)
    weight = np.clip(voxels.weight.reshape(-1)[voxel], 1, _COLOR_FRAMES)
    fresh = voxels.first_seen.reshape(-1)[voxel] < 0
    share = np.where(fresh, np.float32(1), 1 / weight)
    old = np.take(colors, voxel, axis=0)
    colors[voxel] = old + (seen - old) * share[:, None]


def _name(
    voxels: VoxelArrays,
    voxel: Int64[np.ndarray, " m"],
    seen: UInt8[np.ndarray, " m"],
    trust: Float32[np.ndarray, " m"],
    max_weight: float,
) -> None:
    labels, weights = voxels.label.reshape(-1), voxels.label_weight.reshape(-1)
    labels[voxel], weights[voxel] = vote(labels[voxel], weights[voxel], seen, trust, max_weight)


def _stamp(voxels: VoxelArrays, voxel: Int64[np.ndarray, " m"], frame_number: int) -> None:
    first = voxels.first_seen.reshape(-1)
    known = first[voxel]
    first[voxel] = np.where(known < 0, np.int32(frame_number), known)
    voxels.last_seen.reshape(-1)[voxel] = frame_number


def project(
    view: DepthView,
    pixels: Pixels,
    keys: Int32[np.ndarray, "n 3"],
    slots: Int64[np.ndarray, " n"],
    rule: FusionRule,
) -> Samples:
    """Where the voxels of blocks fall in the image, and what was measured there."""
    camera = view.intrinsics
    # Pixel (u, v) sits at (u + 1, v + 1) of the bordered images; the half rounds.
    matrix = camera.matrix
    matrix[:2, 2] += 1.5
    pose = view.camera_from_world
    projection = matrix @ pose[:3, :3] * rule.voxel_size_m
    origins = (keys * RESOLUTION) @ projection.T + matrix @ pose[:3, 3]
    local = _local_voxels() @ projection.T
    a, b, z = (_sums(origins[:, i], local[:, i]) for i in range(3))
    inverse_z = 1 / np.maximum(z, np.float32(1e-3))
    u = np.clip(a * inverse_z, 0.5, camera.width + 1.5).astype(np.int32)
    v = np.clip(b * inverse_z, 0.5, camera.height + 1.5).astype(np.int32)
    pixel = v * np.int32(pixels.stride) + u
    depth = np.take(pixels.depth_m, pixel)
    sdf = np.where((depth > 0) & (z > rule.min_depth_m), depth - z, np.float32(np.nan))
    return Samples(slots=slots, pixel=pixel, sdf_m=sdf)


def _sums(
    origins: Float64[np.ndarray, " n"], local: Float64[np.ndarray, " 512"]
) -> Float32[np.ndarray, " m"]:
    return np.add.outer(origins.astype(np.float32), local.astype(np.float32)).reshape(-1)


@cache
def _local_voxels() -> Float64[np.ndarray, "512 3"]:
    z, y, x = np.indices((RESOLUTION,) * 3)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float64)


def bordered(
    view: DepthView,
    tiles: Tiles,
    rgb: UInt8[np.ndarray, "h w 3"],
    labels: UInt8[np.ndarray, "h w"] | None,
    confidence: Float32[np.ndarray, "h w"] | None,
) -> Pixels:
    """The images of a frame, made ready for look-ups."""
    return Pixels(
        stride=view.depth_m.shape[1] + 2,
        focal_px=max(view.intrinsics.fx, view.intrinsics.fy),
        depth_m=_pad(view.depth_m),
        slant=_pad(spread(tiles.slant, (view.intrinsics.height, view.intrinsics.width))),
        color=rgb.reshape(-1, 3),
        label=None if labels is None else labels.reshape(-1),
        confidence=None if confidence is None else confidence.reshape(-1),
    )


def _pad(image: np.ndarray) -> np.ndarray:
    height, width = image.shape
    padded = np.zeros((height + 2, width + 2), image.dtype)
    padded[1:-1, 1:-1] = image
    return padded.reshape(-1)
