"""Fusion of one depth image into the voxels of the blocks it observes."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8

from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.monocular_rule import MonocularRule
from hydra_mono.mapping.tsdf.attributes import fuse_color, fuse_label, update_timestamps
from hydra_mono.mapping.tsdf.blocks import RESOLUTION, VOXELS, VoxelArrays
from hydra_mono.mapping.tsdf.depth import flying_pixels
from hydra_mono.mapping.tsdf.frustum import DepthView
from hydra_mono.mapping.tsdf.tiles import LEAST_COS_INCIDENCE, TILE, Tiles
from hydra_mono.mapping.tsdf.weights import certainty, closeness, depth_weight, expected_sdf_m

_FREE_WEIGHT = 1.0  # of a voxel seen to be free: one close observation of a surface outweighs it
_FREE_SLACK_M = 0.001  # by which a voxel seen free may miss the truncation: rounding


FRONT_VOXELS = 3.0  # measured in front of a surface, so that distances have a gradient to mesh by
BEHIND_VOXELS = 1.2  # measured behind it: the corners of its cells, yet thin walls keep two sides


@dataclass(frozen=True, slots=True)
class FusionRule:
    """Truncation and weights of an observation; weights in close observations.

    Distances are measured ``front_m`` in front of the surface and ``behind_m`` behind it. An
    observation weighs 1/(1 + (sigma/sigma0)²) with the deviation of its depth, and behind the
    surface less, down to ``least_weight`` at ``behind_m``.
    Where the deviation is known pixel by pixel, sigma0 is ``half_sigma_m``, and both distances
    grow by ``margin_sigmas`` deviations, ``max_margin_m`` at most. Within that margin nothing
    weighs less for lying behind: it may as well lie before, and surfaces would recede.
    """

    voxel_size_m: float
    min_depth_m: float = 0.1  # m; nearest depth of common depth cameras
    front_m: float = 0.15  # FRONT_VOXELS of 5 cm
    behind_m: float = 0.06  # BEHIND_VOXELS of 5 cm
    least_weight: float = 0.1  # behind_m behind a surface it is not known whether there is any
    max_weight: float = 20.0  # a surface that moved has moved after as many observations
    carve_weight: float = 2.0  # of a free-space observation of an occupied voxel: removes ghosts
    max_label_weight: float = 10.0  # votes; a label that was wrong is outvoted after as many
    half_sigma_m: float = 0.01  # m; deviation of a depth camera at 2.5 m, which weighs half
    margin_sigmas: float = 0.0  # deviations; depth cameras err less than a voxel
    max_margin_m: float = 0.0

    @property
    def deepest_m(self) -> float:
        """The farthest behind a surface that any pixel is measured."""
        return self.behind_m + self.max_margin_m

    @property
    def reach_m(self) -> float:
        """How much deeper than the measured depth a voxel may be and still be observed."""
        return self.deepest_m / LEAST_COS_INCIDENCE


def with_estimated_depth(rule: FusionRule, monocular: MonocularRule) -> FusionRule:
    """The rule for depth whose deviation is known pixel by pixel, and is larger."""
    return replace(
        rule,
        half_sigma_m=monocular.half_sigma_m,
        margin_sigmas=monocular.margin_sigmas,
        max_margin_m=monocular.max_margin_m if monocular.noise else 0.0,
    )


@dataclass(frozen=True, slots=True)
class Pixels:
    """The images of one frame as flat arrays; depth and sigma have a border of zeros.

    ``stride`` is the width of the bordered images; pixels are numbered as in them.
    ``cos_incidence``: by tile.
    """

    stride: int
    focal_px: float
    depth_m: Float32[np.ndarray, " p"]
    cos_incidence: Float32[np.ndarray, "r c"]
    color: UInt8[np.ndarray, "q 3"]
    label: UInt8[np.ndarray, " q"] | None
    confidence: Float32[np.ndarray, " q"] | None
    sigma_m: Float32[np.ndarray, " p"] | None

    def unbordered(self, pixel: Int32[np.ndarray, " k"]) -> Int32[np.ndarray, " k"]:
        """The same pixels, none of the border, in the images without one."""
        return np.asarray(pixel - 2 * (pixel // self.stride) - self.stride + 1)

    def cos_incidence_at(self, pixel: Int32[np.ndarray, " k"]) -> Float32[np.ndarray, " k"]:
        """The cosine of incidence at pixels, none of the border."""
        row = pixel // self.stride
        column = pixel - row * self.stride
        tile = (row - 1) // TILE * np.int32(self.cos_incidence.shape[1]) + (column - 1) // TILE
        return np.asarray(self.cos_incidence.reshape(-1).take(tile))


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
    far = (rule.front_m + rule.max_margin_m) / LEAST_COS_INCIDENCE
    clear = np.flatnonzero((samples.sdf_m > far) & _is_carvable(voxels, samples.slots))
    close = np.flatnonzero((samples.sdf_m <= far) & (samples.sdf_m >= -rule.reach_m))
    voxel, pixel = samples.voxel(close), samples.pixel.take(close)
    sdf = samples.sdf_m.take(close) * pixels.cos_incidence_at(pixel)
    margin = _margin_m(pixels, pixel, rule)
    before = np.flatnonzero(sdf > rule.front_m + margin)
    _carve(voxels, samples.voxel(clear), _carve_certainty(pixels, samples.pixel[clear], rule), rule)
    _carve(voxels, voxel[before], _carve_certainty(pixels, pixel[before], rule), rule)
    near = np.flatnonzero((sdf <= rule.front_m + margin) & (sdf >= -rule.behind_m - margin))
    near = near[~flying_pixels(pixels.depth_m, pixel.take(near), pixels.stride, pixels.focal_px)]
    voxel, pixel, sdf = voxel.take(near), pixel.take(near), sdf.take(near)
    _average(voxels, voxel, sdf, pixels, pixel, rule)
    attribute_band_m = 1.5 * rule.voxel_size_m
    at_surface = np.flatnonzero(np.abs(sdf) <= attribute_band_m)
    voxel, sdf = voxel.take(at_surface), sdf.take(at_surface)
    pixel = pixels.unbordered(pixel.take(at_surface))
    fuse_color(voxels, voxel, np.take(pixels.color, pixel, axis=0))
    if pixels.label is not None:
        weight = _label_weight(pixels, pixel, sdf, attribute_band_m)
        fuse_label(voxels, voxel, pixels.label.take(pixel), weight, rule.max_label_weight)
    update_timestamps(voxels, voxel, frame_number)


def _is_carvable(voxels: VoxelArrays, slots: Int64[np.ndarray, " n"]) -> Bool[np.ndarray, " m"]:
    """Which voxels of blocks would change if they were seen through."""
    return np.asarray(
        ((voxels.sdf_m[slots] < 0) | (voxels.weight[slots] < _FREE_WEIGHT)).reshape(-1)
    )


def _margin_m(
    pixels: Pixels, pixel: Int32[np.ndarray, " m"], rule: FusionRule
) -> np.float32 | Float32[np.ndarray, " m"]:
    """How much farther than usual, in front and behind, distances are measured."""
    if pixels.sigma_m is None:
        return np.float32(0)
    wanted = pixels.sigma_m[pixel] * np.float32(rule.margin_sigmas)
    return np.asarray(np.minimum(wanted, np.float32(rule.max_margin_m)))


def _carve_certainty(
    pixels: Pixels, pixel: Int32[np.ndarray, " m"], rule: FusionRule
) -> np.float32 | Float32[np.ndarray, " m"]:
    """Weight of a free-space observation, of what it would weigh if the depth were certain."""
    if pixels.sigma_m is None:
        return np.float32(1)
    return certainty(pixels.sigma_m[pixel], rule.half_sigma_m)


def _average(
    voxels: VoxelArrays,
    voxel: Int64[np.ndarray, " m"],
    sdf_m: Float32[np.ndarray, " m"],
    pixels: Pixels,
    pixel: Int32[np.ndarray, " m"],
    rule: FusionRule,
) -> None:
    """The running weighted mean of Curless and Levoy (SIGGRAPH 1996), its memory bounded.

    What a voxel was seen free with fades as the observation does, so that what was put into free
    space has as much surface as what was always there; else its sides come ten times later.
    """
    stored_sdf, stored_weight = voxels.sdf_m.reshape(-1), voxels.weight.reshape(-1)
    old, old_weight = stored_sdf.take(voxel), stored_weight.take(voxel)
    if pixels.sigma_m is None:
        weight = depth_weight(pixels.depth_m.take(pixel))
        expected = expected_sdf_m(old, old_weight, sdf_m, rule.behind_m)
    else:
        weight = certainty(pixels.sigma_m[pixel], rule.half_sigma_m)
        expected = sdf_m + _margin_m(pixels, pixel, rule)
    fades = 1 + np.minimum(expected, 0) / np.float32(rule.behind_m)
    fades = np.maximum(fades, np.float32(rule.least_weight))
    weight = weight * fades
    if pixels.sigma_m is None:  # an estimate's errors last, and would put surface into free space
        is_free = (old_weight <= _FREE_WEIGHT) & (old > rule.front_m - _FREE_SLACK_M)
        old_weight = np.where(is_free, old_weight * fades, old_weight)
    total = old_weight + weight
    stored_sdf[voxel] = old + (sdf_m - old) * (weight / total)
    stored_weight[voxel] = np.minimum(total, np.float32(rule.max_weight))


def _carve(
    voxels: VoxelArrays,
    voxel: Int64[np.ndarray, " m"],
    certainties: np.float32 | Float32[np.ndarray, " m"],
    rule: FusionRule,
) -> None:
    """Free-space observations: unobserved voxels become free, occupied ones lose evidence."""
    stored_sdf, stored_weight = voxels.sdf_m.reshape(-1), voxels.weight.reshape(-1)
    free_weight = np.broadcast_to(np.float32(_FREE_WEIGHT) * certainties, voxel.shape)
    carvable = (stored_sdf.take(voxel) < 0) | (stored_weight.take(voxel) < free_weight)
    voxel, free_weight = voxel[carvable], free_weight[carvable]
    old, weight = stored_sdf.take(voxel), stored_weight.take(voxel)
    carving = np.float32(rule.carve_weight) * free_weight
    stored_sdf[voxel] = old + (np.float32(rule.front_m) - old) * (carving / (weight + carving))
    stored_weight[voxel] = np.maximum(weight, free_weight)


def _label_weight(
    pixels: Pixels,
    pixel: Int32[np.ndarray, " m"],
    sdf_m: Float32[np.ndarray, " m"],
    reach_m: float,
) -> Float32[np.ndarray, " m"]:
    """Weights of labels at unbordered pixels; estimated depth does not tell what is close."""
    confidence = pixels.confidence
    weight = np.ones(len(pixel), np.float32) if confidence is None else confidence[pixel]
    return weight if pixels.sigma_m is not None else weight * closeness(sdf_m, reach_m)


def project(
    view: DepthView,
    pixels: Pixels,
    keys: Int32[np.ndarray, "n 3"],
    slots: Int64[np.ndarray, " n"],
    rule: FusionRule,
) -> Samples:
    """The voxels of blocks projected into the image, and the depth measured there."""
    camera = view.intrinsics
    # Pixel (u, v) sits at (u + 1, v + 1) of the bordered images; the half rounds.
    matrix = camera.matrix
    matrix[:2, 2] += 1.5
    pose = view.camera_from_world
    projection = matrix @ pose[:3, :3] * rule.voxel_size_m
    origins = (keys * RESOLUTION) @ projection.T + matrix @ pose[:3, 3]
    local = _local_voxels() @ projection.T
    a, b, z = (_sums(origins[:, i], local[:, i]) for i in range(3))
    inverse_z = np.maximum(z, np.float32(1e-3))
    np.divide(1, inverse_z, out=inverse_z)
    a *= inverse_z
    b *= inverse_z
    pixel = np.clip(b, 0.5, camera.height + 1.5, out=b).astype(np.int32)
    pixel *= np.int32(pixels.stride)
    pixel += np.clip(a, 0.5, camera.width + 1.5, out=a).astype(np.int32)
    sdf = np.take(pixels.depth_m, pixel)
    unmeasured = (sdf <= 0) | (z <= rule.min_depth_m)
    sdf -= z
    sdf.view(np.int32)[:] |= -unmeasured.astype(np.int32)  # all bits set: not a number
    return Samples(slots=slots, pixel=pixel, sdf_m=sdf)


def _sums(
    origins: Float64[np.ndarray, " n"], local: Float64[np.ndarray, " 512"]
) -> Float32[np.ndarray, " m"]:
    return np.add.outer(origins.astype(np.float32), local.astype(np.float32)).reshape(-1)


@cache
def _local_voxels() -> Float64[np.ndarray, "512 3"]:
    z, y, x = np.indices((RESOLUTION,) * 3)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float64)


def bordered_pixels(
    view: DepthView, tiles: Tiles, rgb: UInt8[np.ndarray, "h w 3"], prediction: Prediction
) -> Pixels:
    """The images of a frame, made ready for look-ups; the view's depth is the cleaned one."""
    labels, confidence, sigma_m = prediction.labels, prediction.confidence, prediction.sigma_m
    return Pixels(
        stride=view.depth_m.shape[1] + 2,
        focal_px=max(view.intrinsics.fx, view.intrinsics.fy),
        depth_m=_pad(view.depth_m),
        cos_incidence=tiles.cos_incidence,
        color=rgb.reshape(-1, 3),
        label=None if labels is None else labels.reshape(-1),
        confidence=None if confidence is None else confidence.reshape(-1),
        sigma_m=None if sigma_m is None else _pad(sigma_m),
    )


def _pad(image: np.ndarray) -> np.ndarray:
    height, width = image.shape
    padded = np.empty((height + 2, width + 2), image.dtype)
    padded[[0, -1]] = 0
    padded[:, [0, -1]] = 0
    padded[1:-1, 1:-1] = image
    return padded.reshape(-1)
