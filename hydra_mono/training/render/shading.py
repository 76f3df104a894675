"""Colour of cast rays: textures, lamps and their shadows.

A plain look is that of the Open3D renderer; others are drawn by ``looks.py``.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from hydra_mono.simulation.building.room_map import CELL_M
from hydra_mono.simulation.materials import LEVELS
from hydra_mono.simulation.render.images import AMBIENT, FALLOFF_M, LAMP, SHADOW_STRIDE, SKY
from hydra_mono.training.render.raycast import Hits, look_up
from hydra_mono.training.render.shadow import lamps_in_sight
from hydra_mono.training.render.textures import Textures
from hydra_mono.training.render.world import WorldTensors

PLAIN_TEXELS = 0.8  # wide at a metre's depth, by which the plain look picks its level
LAMP_NEAREST_M2 = 1e-4


@dataclass(frozen=True)
class Look:
    """How b views are coloured: of m finishes, and of l lamps in each of r rooms.

    ``tiles_from_uv``: from texture coordinates in metres (homogeneous) to tiles. ``texels``: a
    pixel's width in texels at a metre's depth. ``white_rgb`` is the white balance. An image is
    exposed to ``brightness`` (its mean of 0..1; None: as it is), then taken to the power ``gamma``.
    """

    texture: Int64[Tensor, "b m"]
    tint_rgb: Float32[Tensor, "b m 3"]
    tiles_from_uv: Float32[Tensor, "b m 2 3"]
    texels: Float32[Tensor, "b m"]
    lamps_m: Float32[Tensor, "b r l 3"]
    lamp_rgb: Float32[Tensor, "b r l 3"]
    ambient_rgb: Float32[Tensor, "b 3"]
    white_rgb: Float32[Tensor, "b 3"]
    brightness: Float32[Tensor, " b"] | None
    gamma: Float32[Tensor, " b"]


def plain_look(worlds: WorldTensors, world: Int64[Tensor, " b"], materials: int) -> Look:
    """One white lamp a room; textures are the worlds' own, ``materials`` to a world, in order."""
    finish, device = worlds.finish_material[world].long(), worlds.device
    lamps_m = worlds.lamps_m[world][:, :, None]
    return Look(
        texture=finish + materials * world[:, None],
        tint_rgb=torch.ones(*finish.shape, 3, device=device),
        tiles_from_uv=torch.eye(2, 3, device=device).expand(*finish.shape, 2, 3),
        texels=torch.full(finish.shape, PLAIN_TEXELS, device=device),
        lamps_m=lamps_m,
        lamp_rgb=torch.full(lamps_m.shape, LAMP, device=device),
        ambient_rgb=torch.full((len(world), 3), AMBIENT, device=device),
        white_rgb=torch.ones(len(world), 3, device=device),
        brightness=None,
        gamma=torch.ones(len(world), device=device),
    )


def shade(
    worlds: WorldTensors, world: Int64[Tensor, " b"], hits: Hits, look: Look, textures: Textures
) -> UInt8[Tensor, "b h w 3"]:
    """The colour of every pixel, 0 where nothing was hit."""
    light = _light(worlds, world, hits, look)
    albedo = _albedo(hits, look, textures)
    value = albedo / 255 * light * look.white_rgb[:, None, None]
    if look.brightness is not None:
        mean = value.mean(dim=(1, 2, 3)).clamp(min=1e-3)
        value = value * (look.brightness / mean)[:, None, None, None]
    value = value.clamp(0, 1) ** look.gamma[:, None, None, None]
    seen = (hits.depth_m > 0)[..., None]
    return torch.where(seen, value * 255, 0).to(torch.uint8)


def _albedo(hits: Hits, look: Look, textures: Textures) -> Float32[Tensor, "b h w 3"]:
    finish = hits.finishes.long()
    tiles_from_uv = look_up(look.tiles_from_uv, finish)
    tiles = (tiles_from_uv[..., :2] * hits.uv_m[..., None, :]).sum(dim=-1) + tiles_from_uv[..., 2]
    width = (hits.depth_m * look_up(look.texels, finish)).clamp(1, 1 << (LEVELS - 1))
    texels = textures.sample(look_up(look.texture, finish), tiles, width.log2().long())
    return texels * look_up(look.tint_rgb, finish)


def _light(
    worlds: WorldTensors, world: Int64[Tensor, " b"], hits: Hits, look: Look
) -> Float32[Tensor, "b h w 3"]:
    """Ambient light and the lamps of the room that the surface faces, with their shadows."""
    points_m, normals = hits.points_m, hits.world_normals
    room = _rooms(worlds, world, points_m + 0.03 * normals)
    some = (slice(None), slice(None, None, SHADOW_STRIDE), slice(None, None, SHADOW_STRIDE))
    sight = lamps_in_sight(worlds, world, points_m[some], normals[some], room[some], look.lamps_m)
    sight = _enlarged(sight, room.shape[1:])
    light = (1 + SKY * normals[..., 2:]) * look.ambient_rgb[:, None, None]
    for lamp in range(look.lamps_m.shape[2]):
        to_lamp = look_up(look.lamps_m[:, :, lamp], room) - points_m
        squared = (to_lamp * to_lamp).sum(dim=-1).clamp(min=LAMP_NEAREST_M2)
        lambert = (to_lamp * normals).sum(dim=-1).clamp(min=0) * squared.rsqrt()
        lit = lambert / (1 + squared / FALLOFF_M**2) * sight[..., lamp]
        light = light + lit[..., None] * look_up(look.lamp_rgb[:, :, lamp], room)
    return light


def _rooms(
    worlds: WorldTensors, world: Int64[Tensor, " b"], points_m: Float32[Tensor, "b h w 3"]
) -> Int64[Tensor, "b h w"]:
    lower_m = worlds.room_map_lower_m[world][:, None, None]
    cell = ((points_m[..., :2] - lower_m) / CELL_M).long()
    x = cell[..., 0].clamp(0, worlds.room_map.shape[2] - 1)
    y = cell[..., 1].clamp(0, worlds.room_map.shape[3] - 1)
    tops_m = worlds.storey_tops_m[world][:, None, None]
    storey = ((points_m[..., 2:] > tops_m) & (tops_m > 0)).sum(dim=-1)
    return worlds.room_map[world[:, None, None], storey, x, y].long()


def _enlarged(
    small: Float32[Tensor, "b i j l"], shape: torch.Size | tuple[int, int]
) -> Float32[Tensor, "b h w l"]:
    """Blended between every ``SHADOW_STRIDE``-th pixel, as the Open3D renderer does."""
    for axis, size in enumerate(shape, start=1):
        position = torch.arange(size, device=small.device) / SHADOW_STRIDE
        low = position.long().clamp(max=small.shape[axis] - 1)
        high = (low + 1).clamp(max=small.shape[axis] - 1)
        weight = (position - low).reshape(-1, *(1,) * (3 - axis))
        near, far = small.index_select(axis, low), small.index_select(axis, high)
        small = near * (1 - weight) + far * weight
    return small
