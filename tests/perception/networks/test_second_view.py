"""The regularizer's volume seen from another camera whose pose is known."""

import math

import pytest
import torch
from torch import Tensor, nn

from hydra_mono.perception.networks.triplane.rays import (
    FAR_M,
    NEAR_M,
    Cameras,
    depth_of,
    rays_of_another_camera,
)
from hydra_mono.perception.networks.triplane.regularizer import TriplaneRegularizer, TriplaneRule

TASKS = {"depth": 1, "semantics": 5, "normals": 3, "edges": 1}
SIZE = (24, 32)
CAMERA = torch.tensor([[28.0, 27.0, 15.0, 12.0]])
WALL_M = 3.0


def pose(yaw_rad: float = 0.0, moved_m: tuple[float, float, float] = (0, 0, 0)) -> Tensor:
    """``first_from_second`` of a camera turned to the right and moved."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    turned = torch.tensor([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    found = torch.eye(4)
    found[:3, :3], found[:3, 3] = turned, torch.tensor(moved_m, dtype=torch.float32)
    return found[None]


def regularizer(samples: int = 16) -> TriplaneRegularizer:
    torch.manual_seed(0)
    return TriplaneRegularizer((6, 8), TASKS, TriplaneRule(samples=samples)).eval()


def shared() -> tuple[Tensor, Tensor]:
    return torch.rand(1, 6, 12, 16), torch.rand(1, 8, 6, 8)


def test_seen_from_its_own_camera_the_volume_is_what_it_is() -> None:
    module = regularizer()
    with torch.inference_mode():
        planes = module.volume(shared())
        own = module.seen(planes)
        other = module.seen_from(planes, Cameras(CAMERA, CAMERA, pose(), SIZE))
    for task in ("semantics", "normals", "edges"):
        torch.testing.assert_close(own[task], other[task], atol=1e-4, rtol=1e-4)


def test_a_point_on_another_cameras_ray_is_where_the_first_camera_sees_it() -> None:
    cameras = Cameras(CAMERA, CAMERA + 2, pose(0.3, (0.4, -0.2, 0.5)), SIZE)
    rays = rays_of_another_camera(cameras, (6, 8), 5, False, torch.zeros(1))
    row, column, sample = 4, 3, 2
    fx, fy, cx, cy = (CAMERA[0] + 2).tolist()
    u, v = (column + 0.5) * 4 - 0.5, (row + 0.5) * 4 - 0.5
    z = float(rays.depth_m[sample])
    point = torch.tensor([(u - cx) / fx * z, (v - cy) / fy * z, z, 1.0])
    x, y, z = (pose(0.3, (0.4, -0.2, 0.5))[0] @ point)[:3].tolist()
    fx, fy, cx, cy = CAMERA[0].tolist()
    expected = [(fx * x / z + cx + 0.5) / 16 - 1, (fy * y / z + cy + 0.5) / 12 - 1]
    expected.append(2 * math.log(z / NEAR_M) / math.log(FAR_M / NEAR_M) - 1)
    found = rays.points[0, row * 8 + column, sample].tolist()
    assert found == pytest.approx(expected, abs=1e-5)
    assert bool(rays.inside[0, row * 8 + column, sample])


class Wall(nn.Module):
    """Opaque from a depth of the image's camera on; feature 0 is where along z a point is."""

    def forward(self, features: Tensor) -> Tensor:
        middle = 2 * math.log(WALL_M / NEAR_M) / math.log(FAR_M / NEAR_M) - 1
        return 1e7 * (features[..., :1] - middle)


class Facing(nn.Module):
    """The wall's normal, in the axes of the image's camera."""

    def forward(self, features: Tensor) -> Tensor:
        return torch.tensor([0.0, 0.0, -1.0]).expand(*features.shape[:-1], 3)


def wall() -> tuple[TriplaneRegularizer, Tensor]:
    """A wall across the view, and planes of which xz tells where along z a point is."""
    module = regularizer(samples=256)
    module.density, module.tasks["normals"] = Wall(), Facing()
    rows = 64
    along = (torch.arange(rows) + 0.5) / rows * 2 - 1
    planes = torch.zeros(1, 3, 32, rows, 8)
    planes[:, 1, 0] = along[:, None]
    return module, planes


@pytest.mark.parametrize("yaw_rad", [0.0, 0.25])
def test_a_wall_is_as_far_from_the_other_camera_as_its_pose_says(yaw_rad: float) -> None:
    module, planes = wall()
    cameras = Cameras(CAMERA, CAMERA, pose(yaw_rad, (0.2, 0.0, 0.5)), SIZE)
    with torch.inference_mode():
        found = module.seen_from(planes, cameras)
    across = ((torch.arange(8) + 0.5) * 4 - 0.5 - CAMERA[0, 2]) / CAMERA[0, 0]
    distance_m = (WALL_M - 0.5) / (math.cos(yaw_rad) - math.sin(yaw_rad) * across)
    seen = slice(1, 5)  # columns where the wall is in both images
    depth_m = found["depth"][0, 0, 32, seen]
    torch.testing.assert_close(depth_m, distance_m[seen], atol=0.04, rtol=0.0)  # a sample's step
    normal = found["normals"][0, :, 32, seen]
    expected = torch.tensor([math.sin(yaw_rad), 0.0, -math.cos(yaw_rad)])
    torch.testing.assert_close(normal, expected[:, None].expand_as(normal), atol=0.01, rtol=0.0)


def test_what_the_first_camera_does_not_see_is_empty_and_far() -> None:
    module = regularizer()
    behind = pose(math.pi)
    with torch.inference_mode():
        found = module.seen_from(module.volume(shared()), Cameras(CAMERA, CAMERA, behind, SIZE))
    torch.testing.assert_close(found["depth"], torch.full_like(found["depth"], FAR_M))
    assert float(found["semantics"].abs().max()) == 0


def test_depths_of_the_volume_are_even_in_logarithm() -> None:
    depth = depth_of(torch.tensor([0.0, 0.5, 1.0]))
    assert depth.tolist() == pytest.approx([NEAR_M, math.sqrt(NEAR_M * FAR_M), FAR_M])
