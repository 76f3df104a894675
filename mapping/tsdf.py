"""Fusion of one depth image into the voxels of the blocks it concerns."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int32, Int64, UInt8

from hydra_mono.mapping.block_pool import RESOLUTION, VoxelArrays
from hydra_mono.mapping.semantics import vote
from hydra_mono.mapping.view import DepthView


@dataclass(frozen=True, slots=True)
class FusionRule:
    """How much one observation says. Lengths in metres, weights in observations from near by.

    ``front_m``/``behind_m``: distances are measured that far in front of the surface and that
    far behind it. An observation weighs 1/(1 + (sigma(z)/sigma0)²) with the sensor's noise
    sigma(z), and behind the surface less, down to nothing at ``behind_m``. ``carve_weight``:
    what seeing through a solid voxel weighs.
    """

    voxel_size_m: float
    front_m: float
    behind_m: float
    max_weight: float
    carve_weight: float
    max_label_weight: float
    min_depth_m: float


@dataclass(frozen=True, slots=True)
class Pixels:
    """The images of one frame as flat arrays with a border of zeros, ready for look-ups."""

    stride: int
    depth_m: Float[torch.Tensor, " p"]
    color: UInt8[torch.Tensor, "p 3"]
    label: UInt8[torch.Tensor, " p"] | None
    confidence: Float[torch.Tensor, " p"] | None


@dataclass(frozen=True, slots=True)
class Samples:
    """Voxels of chosen blocks as the camera sees them: camera z, pixel, measured minus own z."""

    z_m: Float[torch.Tensor, "n 512"]
    pixel: Int64[torch.Tensor, "n 512"]
    depth_m: Float[torch.Tensor, "n 512"]


def fuse(
    voxels: VoxelArrays,
    slots: Int64[torch.Tensor, " n"],
    samples: Samples,
    pixels: Pixels,
    rule: FusionRule,
    frame_number: int,
) -> None:
    """Updates distance, weight, colour, label and stamps of the voxels in ``slots``."""
    sdf = samples.depth_m - samples.z_m
    measured = (samples.depth_m > 0) & (samples.z_m > rule.min_depth_m)
    near = measured & (sdf <= rule.front_m) & (sdf >= -rule.behind_m)
    beyond = measured & (sdf > rule.front_m)
    _carve(voxels, slots, beyond, rule)
    rows, columns = near.nonzero(as_tuple=True)
    flat = slots[rows] * sdf.shape[1] + columns
    near_sdf = sdf[rows, columns]
    weight = _depth_weight(samples.depth_m[rows, columns])
    _average(voxels, flat, near_sdf, weight, rule)
    at_surface = (near_sdf.abs() <= 1.5 * rule.voxel_size_m).nonzero().squeeze(1)
    pixel = samples.pixel[rows[at_surface], columns[at_surface]]
    _observe(voxels, flat[at_surface], pixel, pixels, rule)
    _stamp(voxels, flat[at_surface], frame_number)


def _depth_weight(depth_m: Float[torch.Tensor, " m"]) -> Float[torch.Tensor, " m"]:
    sigma = 0.0012 + 0.0019 * (depth_m - 0.4) ** 2
    return 1 / (1 + (sigma / 0.01) ** 2)


def _average(
    voxels: VoxelArrays,
    flat: Int64[torch.Tensor, " m"],
    sdf: Float[torch.Tensor, " m"],
    weight: Float[torch.Tensor, " m"],
    rule: FusionRule,
) -> None:
    weight = weight * (1 + sdf.clamp(max=0) / rule.behind_m).clamp_(min=0.02)
    stored_sdf, stored_weight = voxels.sdf_m.view(-1), voxels.weight.view(-1)
    old_weight = stored_weight[flat]
    total = old_weight + weight
    old = stored_sdf[flat]
    stored_sdf[flat] = old + (sdf - old) * (weight / total)
    stored_weight[flat] = total.clamp_(max=rule.max_weight)


def _carve(
    voxels: VoxelArrays,
    slots: Int64[torch.Tensor, " n"],
    beyond: torch.Tensor,
    rule: FusionRule,
) -> None:
    """Sees through voxels: unobserved ones become free, solid ones wear off."""
    solid = voxels.sdf_m[slots] < 0
    weak = voxels.weight[slots] < 1
    rows, columns = (beyond & (solid | weak)).nonzero(as_tuple=True)
    flat = slots[rows] * beyond.shape[1] + columns
    stored_sdf, stored_weight = voxels.sdf_m.view(-1), voxels.weight.view(-1)
    old, old_weight = stored_sdf[flat], stored_weight[flat]
    total = old_weight + rule.carve_weight
    stored_sdf[flat] = old + (rule.front_m - old) * (rule.carve_weight / total)
    stored_weight[flat] = torch.maximum(old_weight, torch.ones(()))


def _observe(
    voxels: VoxelArrays,
    flat: Int64[torch.Tensor, " m"],
    pixel: Int64[torch.Tensor, " m"],
    pixels: Pixels,
    rule: FusionRule,
) -> None:
    """Colour and label of the pixel that each surface voxel projects to."""
    colors = voxels.color.view(-1, 3)
    fresh = voxels.first_seen.view(-1)[flat] < 0
    share = (1 / voxels.weight.view(-1)[flat].clamp(1, 16)).masked_fill_(fresh, 1.0)
    old = colors[flat]
    colors[flat] = old + (pixels.color[pixel] - old) * share[:, None]
    if pixels.label is None:
        return
    labels, weights = voxels.label.view(-1), voxels.label_weight.view(-1)
    seen = pixels.label[pixel]
    trust = torch.ones(len(pixel)) if pixels.confidence is None else pixels.confidence[pixel]
    labels[flat], weights[flat] = vote(
        labels[flat], weights[flat], seen, trust, rule.max_label_weight
    )


def _stamp(voxels: VoxelArrays, flat: Int64[torch.Tensor, " m"], frame_number: int) -> None:
    first = voxels.first_seen.view(-1)
    known = first[flat]
    first[flat] = torch.where(known < 0, frame_number, known)
    voxels.last_seen.view(-1)[flat] = frame_number


def project(
    view: DepthView, pixels: Pixels, keys: Int32[np.ndarray, "n 3"], voxel_size_m: float
) -> Samples:
    """Where the voxels of blocks fall in the image."""
    camera = view.intrinsics
    # Pixel (u, v) sits at (u + 1, v + 1) of the bordered images; the half rounds.
    matrix = camera.matrix
    matrix[:2, 2] += 1.5
    pose = view.camera_from_world
    projection = matrix @ pose[:3, :3]
    offset = matrix @ pose[:3, 3]
    origins = _to_torch(keys * (RESOLUTION * voxel_size_m) @ projection.T + offset)
    local = _to_torch(_local_voxels() * voxel_size_m @ projection.T)
    a, b, z = (origins[:, i : i + 1] + local[None, :, i] for i in range(3))
    inverse_z = 1 / z.clamp(min=1e-3)
    u = (a * inverse_z).clamp_(0.5, camera.width + 1.5).floor_()
    v = (b * inverse_z).clamp_(0.5, camera.height + 1.5).floor_()
    pixel = v.mul_(pixels.stride).add_(u).long()
    return Samples(z_m=z, pixel=pixel, depth_m=pixels.depth_m[pixel])


def _to_torch(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _local_voxels() -> Float32[np.ndarray, "512 3"]:
    z, y, x = np.indices((RESOLUTION,) * 3)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)


def bordered(
    view: DepthView,
    rgb: UInt8[np.ndarray, "h w 3"],
    labels: UInt8[np.ndarray, "h w"] | None,
    confidence: Float32[np.ndarray, "h w"] | None,
) -> Pixels:
    """Flat images with a border of one zero pixel."""
    return Pixels(
        stride=view.depth_m.shape[1] + 2,
        depth_m=_pad(view.depth_m),
        color=_pad(rgb).view(-1, 3),
        label=None if labels is None else _pad(labels),
        confidence=None if confidence is None else _pad(confidence),
    )


def _pad(image: np.ndarray) -> torch.Tensor:
    height, width, *channels = image.shape
    padded = np.zeros((height + 2, width + 2, *channels), image.dtype)
    padded[1:-1, 1:-1] = image
    return torch.from_numpy(padded.reshape((height + 2) * (width + 2), *channels))
