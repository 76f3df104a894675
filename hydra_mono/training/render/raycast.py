"""Perfect images of simulated worlds by closed-form ray casting in torch, on CPU and GPU alike.

Views of several worlds are drawn in one call. The same triangles as Open3D's ray caster has, so
that both give the same depth.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int32, Int64, UInt8
from torch import Tensor

from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.render.tiles import nearest_faces
from hydra_mono.training.render.world import WorldTensors


@dataclass(frozen=True)
class Hits:
    """What b views show; everything is 0 where a ray leaves the world.

    ``normals`` are in camera axes and face the camera, as do ``world_normals``; ``uv_m`` are
    texture coordinates, ``materials`` numbers in the world's palette, ``finishes`` rows of the
    world's ``finish_material`` and ``finish_label``.
    """

    depth_m: Float32[Tensor, "b h w"]
    labels: UInt8[Tensor, "b h w"]
    instances: Int32[Tensor, "b h w"]
    normals: Float32[Tensor, "b h w 3"]
    uv_m: Float32[Tensor, "b h w 2"]
    materials: Int32[Tensor, "b h w"]
    finishes: Int32[Tensor, "b h w"]
    points_m: Float32[Tensor, "b h w 3"]
    world_normals: Float32[Tensor, "b h w 3"]


def cast(
    worlds: WorldTensors,
    world: Int64[Tensor, " b"],
    world_from_camera: Float[Tensor, "b 4 4"],
    camera: Intrinsics,
) -> Hits:
    """One ray through every pixel's centre of b views, view i of world ``world[i]``.

    Memory grows with b · h · w; draw large batches a few views at a time.
    """
    pose = world_from_camera.float()
    inverse, face = nearest_faces(worlds, world, pose, camera)
    depth_m = torch.where(face >= 0, 1 / inverse, 0)
    points_m = depth_m[..., None] * _directions(camera, pose) + pose[:, None, None, :3, 3]
    missed, number = face < 0, face.clamp(min=0).long()
    facing = _facing(worlds, world, pose)
    rotated = (facing[..., None] * pose[:, None, :3, :3]).sum(dim=2)

    def of_face(values: Tensor) -> Tensor:
        found = look_up(values, number)
        return found.masked_fill(missed.reshape(*missed.shape, *(1,) * (found.ndim - 3)), 0)

    uv = of_face(worlds.uv_from_world[world])
    return Hits(
        depth_m=depth_m,
        labels=of_face(worlds.labels[world]),
        instances=of_face(worlds.instances[world]),
        normals=of_face(rotated),
        uv_m=(uv[..., :3] * points_m[..., None, :]).sum(dim=-1) + uv[..., 3],
        materials=of_face(worlds.materials[world]),
        finishes=of_face(worlds.finishes[world]),
        points_m=points_m,
        world_normals=of_face(facing),
    )


def look_up(values: Tensor, index: Int64[Tensor, "b h w"]) -> Tensor:
    """Each pixel's values (b h w …) from its view's table of k entries, b k …"""
    first = torch.arange(len(index), device=index.device) * values.shape[1]
    flat = (index + first[:, None, None]).flatten()
    found = values.flatten(0, 1).index_select(0, flat)
    return found.reshape(*index.shape, *values.shape[2:])


def _directions(
    camera: Intrinsics, world_from_camera: Float32[Tensor, "b 4 4"]
) -> Float32[Tensor, "b h w 3"]:
    """Rays in world axes, of planar length 1."""
    device = world_from_camera.device
    x = (torch.arange(camera.width, device=device) - camera.cx) / camera.fx
    y = (torch.arange(camera.height, device=device) - camera.cy) / camera.fy
    rotation = world_from_camera[:, None, None, :3, :3]
    across, down = rotation[..., 0] * x[:, None], rotation[..., 1] * y[:, None, None]
    return across + down + rotation[..., 2]


def _facing(
    worlds: WorldTensors, world: Int64[Tensor, " b"], world_from_camera: Float32[Tensor, "b 4 4"]
) -> Float32[Tensor, "b f 3"]:
    """The faces' normals, turned to the side that the camera is on."""
    normals, eye_m = worlds.normals[world], world_from_camera[:, None, :3, 3]
    side = (normals * eye_m).sum(dim=2) - worlds.offsets_m[world]
    return torch.where(side[..., None] < 0, -normals, normals)
