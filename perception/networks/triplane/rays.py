# mypy: disable-error-code="no-any-return"
"""Rays through the volume of the regularizer: of its own camera, and of another one.

The volume is the cube from −1 to 1. Its x and y are the image's, so that its own camera's rays go
straight along z; z is the logarithm of depth. b images; n rays; s samples along a ray.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

NEAR_M, FAR_M = 0.7, 10.0  # of the volume, canonical depth; ATRC's bins have these, too
NO_DEPTH_M = 1e-3  # nearer to a camera nothing is projected


class Cameras(NamedTuple):
    """The camera of the image, and another one of the same scene.

    ``first``, ``second``: fx, fy, cx, cy in pixels of images of ``size`` (height, width).
    ``first_from_second``: from the other's axes to the image's; lengths are those of canonical
    depth, so that it scales where the cameras' focal lengths differ.
    """

    first: Float[Tensor, "b 4"]
    second: Float[Tensor, "b 4"]
    first_from_second: Float[Tensor, "b 4 4"]
    size: tuple[int, int]


class OtherRays(NamedTuple):
    """``points``: in the cube. ``spacing``: between samples, there. ``inside``: whether the sample
    is in the cube at all. ``depth_m``: canonical, along the other camera's axis."""

    points: Float[Tensor, "b n s 3"]
    spacing: Float[Tensor, "b n s"]
    inside: Bool[Tensor, "b n s"]
    depth_m: Float[Tensor, " s"]


def orthogonal_rays(
    size: tuple[int, int], samples: int, jitter: bool, like: Tensor
) -> tuple[Float[Tensor, "n s 3"], Float[Tensor, " s"]]:
    """A ray a pixel, along z through the cube, sampled once in each of equal parts.

    ``jitter``: anywhere in the part, else in its middle.
    """
    v = (torch.arange(size[0]).to(like) + 0.5) / size[0] * 2 - 1
    u = (torch.arange(size[1]).to(like) + 0.5) / size[1] * 2 - 1
    z = _parts(samples, jitter, like) * 2 - 1
    y, x, depth = torch.meshgrid(v, u, z, indexing="ij")
    points = torch.stack([x, y, depth], dim=-1).flatten(0, 1)  # n s 3
    return points, like.new_full((samples,), 2 / samples)


def rays_of_another_camera(
    cameras: Cameras, size: tuple[int, int], samples: int, jitter: bool, like: Tensor
) -> OtherRays:
    """A ray a pixel of the other camera's image at ``size``, from ``NEAR_M`` to ``FAR_M``.

    Seen from the image's own camera these are its orthogonal rays.
    """
    directions = _directions(cameras.second, cameras.size, size)  # b n 3
    depth_m = depth_of(_parts(samples, jitter, like))
    ends_m = depth_of(torch.arange(samples + 1).to(like) / samples)
    points, inside = _in_cube(cameras, directions, depth_m)
    ends, _ = _in_cube(cameras, directions, ends_m)
    spacing = (ends[:, :, 1:] - ends[:, :, :-1]).norm(dim=3)
    return OtherRays(points, spacing.clamp(max=2.0), inside, depth_m)  # the cube's side is 2


def depth_of(share: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Canonical depth at a share 0 to 1 of the volume."""
    return NEAR_M * (FAR_M / NEAR_M) ** share


def _parts(samples: int, jitter: bool, like: Tensor) -> Float[Tensor, " s"]:
    """One share 0 to 1 of each of so many equal parts."""
    offset = torch.rand(samples).to(like) if jitter else like.new_full((samples,), 0.5)
    return (torch.arange(samples).to(like) + offset) / samples


def _directions(
    camera: Float[Tensor, "b 4"], whole: tuple[int, int], size: tuple[int, int]
) -> Float[Tensor, "b n 3"]:
    """Of the pixels of an image of ``size``, z 1; ``camera`` is told in pixels of ``whole``."""
    fx, fy, cx, cy = (value[:, None] for value in camera.unbind(1))
    v = (torch.arange(size[0]).to(camera) + 0.5) * whole[0] / size[0] - 0.5
    u = (torch.arange(size[1]).to(camera) + 0.5) * whole[1] / size[1] - 0.5
    y, x = (axis.flatten()[None] for axis in torch.meshgrid(v, u, indexing="ij"))
    x, y = (x - cx) / fx, (y - cy) / fy
    return torch.stack([x, y, torch.ones_like(x)], dim=2)


def _in_cube(
    cameras: Cameras, directions: Float[Tensor, "b n 3"], depth_m: Float[Tensor, " s"]
) -> tuple[Float[Tensor, "b n s 3"], Bool[Tensor, "b n s"]]:
    """Where the points of these depths are in the volume, and whether they are."""
    seen = directions[:, :, None] * depth_m[:, None]  # b n s 3
    turn, origin = cameras.first_from_second[:, :3, :3], cameras.first_from_second[:, :3, 3]
    own = seen @ turn.transpose(1, 2)[:, None] + origin[:, None, None]
    z = own[..., 2].clamp(min=NO_DEPTH_M)
    fx, fy, cx, cy = (value[:, None, None] for value in cameras.first.unbind(1))
    height, width = cameras.size
    x = (fx * own[..., 0] / z + cx + 0.5) / width * 2 - 1
    y = (fy * own[..., 1] / z + cy + 0.5) / height * 2 - 1
    along = (z / NEAR_M).log() / torch.tensor(FAR_M / NEAR_M).log() * 2 - 1
    points = torch.stack([x, y, along], dim=3)
    return points, (points.abs() <= 1).all(3)
