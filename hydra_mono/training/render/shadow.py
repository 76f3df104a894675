"""Which points see a lamp: every face between them, found by its bounds, then exactly."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32, Int64
from torch import Tensor

from hydra_mono.training.render.layers import layered
from hydra_mono.training.render.world import WorldTensors

PATCH = 8  # points along a side of those that are looked at together
START_M = 0.01  # from the surface
AT_LAMP = 0.02  # share of the way, at the lamp, where nothing counts
BOUND_VALUES = 1 << 20  # pairs of a patch and a face looked at together
LAYER_VALUES = {"cpu": 1 << 15, "cuda": 1 << 22}  # points worked on together


@dataclass(frozen=True)
class _Beams:
    """Bundles of ways from a lamp to the points of a patch that it is to light.

    Ways are given from the lamp; ``wanted``: the points that belong to the lamp's room.
    """

    world: Int64[Tensor, " n"]
    room: Int64[Tensor, " n"]
    lamp_m: Float32[Tensor, "n 3"]
    ray_m: Float32[Tensor, "n points 3"]
    wanted: Bool[Tensor, "n points"]


def lamps_in_sight(
    worlds: WorldTensors,
    world: Int64[Tensor, " b"],
    points_m: Float32[Tensor, "b h w 3"],
    normals: Float32[Tensor, "b h w 3"],
    room: Int64[Tensor, "b h w"],
    lamps_m: Float32[Tensor, "b r l 3"],
) -> Float32[Tensor, "b h w l"]:
    """1 where nothing stands between a point and the l-th lamp of its room, else 0."""
    height, width = room.shape[1:]
    starts = _patches(points_m + START_M * normals)
    rooms = _patches(room[..., None])[..., 0]
    patch, of_room = _occurring(rooms, lamps_m.shape[1])
    view = patch // (len(rooms) // len(world))
    sight = torch.ones(*rooms.shape, lamps_m.shape[2], device=points_m.device)
    for number in range(lamps_m.shape[2]):
        lamp_m = lamps_m[view, of_room, number]
        wanted = rooms[patch] == of_room[:, None]
        beams = _Beams(world[view], of_room, lamp_m, starts[patch] - lamp_m[:, None], wanted)
        blocked = _blocked(worlds, beams) & wanted
        sight[..., number].index_put_((patch,), -blocked.float(), accumulate=True)
    return _unpatched(sight, height, width)


def _patches(images: Tensor) -> Tensor:
    """Patches (all views' in order) × points × channels; rims repeated to full patches."""
    b, h, w, c = images.shape
    rows, columns = -(-h // PATCH), -(-w // PATCH)
    pick_row = torch.arange(rows * PATCH, device=images.device).clamp(max=h - 1)
    pick_column = torch.arange(columns * PATCH, device=images.device).clamp(max=w - 1)
    whole = images[:, pick_row][:, :, pick_column]
    cut = whole.reshape(b, rows, PATCH, columns, PATCH, c).transpose(2, 3)
    return cut.reshape(b * rows * columns, PATCH * PATCH, c)


def _unpatched(patches: Tensor, height: int, width: int) -> Tensor:
    rows, columns = -(-height // PATCH), -(-width // PATCH)
    whole = patches.reshape(-1, rows, columns, PATCH, PATCH, patches.shape[-1]).transpose(2, 3)
    whole = whole.reshape(-1, rows * PATCH, columns * PATCH, patches.shape[-1])
    return whole[:, :height, :width]


def _occurring(
    rooms: Int64[Tensor, "p points"], count: int
) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " n"]]:
    """Pairs of a patch and a room that one of its points belongs to."""
    present = torch.zeros(len(rooms), count, dtype=torch.bool, device=rooms.device)
    patch, room = present.scatter_(1, rooms, True).nonzero(as_tuple=True)
    return patch, room


def _blocked(worlds: WorldTensors, beams: _Beams) -> Bool[Tensor, "n points"]:
    blocked = torch.zeros_like(beams.wanted)
    beam, face = _between(worlds, beams)
    at_once = max(LAYER_VALUES.get(blocked.device.type, 1 << 15) // PATCH**2, 1)
    for group in layered(beam, len(blocked), at_once):
        found, ray_m = blocked[group.owner], beams.ray_m[group.owner]
        world, lamp_m = beams.world[group.owner], beams.lamp_m[group.owner]
        for n, pairs, valid in group.layers():
            hits = _hits(worlds, world[:n, None], face[pairs], lamp_m[:n, None], ray_m[:n])
            found[:n] |= (hits & valid[..., None]).any(dim=1)
        blocked[group.owner] = found
    return blocked


def _between(
    worlds: WorldTensors, beams: _Beams
) -> tuple[Int64[Tensor, " p"], Int64[Tensor, " p"]]:
    """Beams and the faces of their rooms whose bounding boxes meet the beam's, by beam."""
    rays = torch.where(beams.wanted[..., None], beams.ray_m, 0)
    low, high = rays.amin(dim=1).clamp(max=0), rays.amax(dim=1).clamp(min=0)
    low, high = (low + beams.lamp_m)[:, None], (high + beams.lamp_m)[:, None]
    face_low, face_high = _room_boxes(worlds)
    number = torch.arange(worlds.room_faces.shape[2], device=low.device)
    pieces = []
    for part in torch.split(torch.arange(len(low), device=low.device), _at_once(number)):
        world, room = beams.world[part], beams.room[part]
        meets = number < worlds.room_face_count[world, room, None]
        for axis in range(3):
            meets &= face_low[axis][world, room] <= high[part, :, axis]
            meets &= face_high[axis][world, room] >= low[part, :, axis]
        row, place = meets.nonzero(as_tuple=True)
        face = worlds.room_faces[world[row], room[row], place].long()
        pieces.append(torch.stack([part[row], face]))
    beam, face = torch.cat(pieces, dim=1)
    return beam, face


def _room_boxes(
    worlds: WorldTensors,
) -> tuple[Float32[Tensor, "3 w r k"], Float32[Tensor, "3 w r k"]]:
    """Lower and upper corners of the boxes round the faces of every room."""
    world = torch.arange(len(worlds.room_faces), device=worlds.device)[:, None, None]
    corners_m = worlds.corners_m[world, worlds.room_faces.long()].movedim(-1, 0)
    return corners_m.amin(dim=-1), corners_m.amax(dim=-1)


def _at_once(faces: Tensor) -> int:
    return max(BOUND_VALUES // len(faces), 1)


def _hits(
    worlds: WorldTensors,
    world: Int64[Tensor, "n 1"],
    face: Int64[Tensor, "n l"],
    lamp_m: Float32[Tensor, "n 1 3"],
    ray_m: Float32[Tensor, "n points 3"],
) -> Bool[Tensor, "n l points"]:
    """Where the way from a lamp to a point goes through a face, seen from the lamp."""
    corners = worlds.corners_m[world, face] - lamp_m[:, :, None]
    normals = worlds.normals[world, face]
    distance = worlds.offsets_m[world, face] - (normals * lamp_m).sum(dim=2)
    edges = torch.linalg.cross(corners, corners.roll(-1, dims=2) - corners, dim=3)
    edges = edges * distance.sign()[..., None, None]
    x, y, z = (v[:, None] for v in ray_m.unbind(dim=2))

    def along(vectors: Tensor) -> Tensor:
        a, b, c = vectors[..., None].unbind(dim=2)
        return a * x + b * y + c * z

    inside = along(edges[:, :, 0]) >= 0
    for edge in (1, 2, 3):
        inside &= along(edges[:, :, edge]) >= 0
    share = distance[..., None] / along(normals)
    return inside & (share > AT_LAMP) & (share < 1)
