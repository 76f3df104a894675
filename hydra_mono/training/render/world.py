"""A simulated world as tensors for the ray caster, and several of them side by side."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float32, Int32, Int64, UInt8
from torch import Tensor

from hydra_mono.simulation.building.room_map import make_room_map
from hydra_mono.simulation.scene import World
from hydra_mono.training.render.quads import join_triangles

REACH_M = 0.2  # from a room into its doorways, window niches and half a slab


@dataclass(frozen=True)
class WorldTensors:
    """Faces with what they show, lamps and rooms; f faces, r rooms, s storeys above the first.

    A face's plane holds the points p with ``normals`` · p = ``offsets_m``; ``materials`` number
    the world's palette and ``finishes`` the pairs of material and label that occur in it. The
    first ``room_face_count`` of ``room_faces`` are all that lie in a room, its doorways or niches.
    ``storey_tops_m`` part a storey from the next. Several worlds have a leading axis, each padded
    with zeros to the longest: a padded face has no normal and is never hit.
    """

    corners_m: Float32[Tensor, "*w f 4 3"]
    normals: Float32[Tensor, "*w f 3"]
    offsets_m: Float32[Tensor, "*w f"]
    uv_from_world: Float32[Tensor, "*w f 2 4"]
    materials: Int32[Tensor, "*w f"]
    labels: UInt8[Tensor, "*w f"]
    instances: Int32[Tensor, "*w f"]
    finishes: Int32[Tensor, "*w f"]
    finish_material: Int32[Tensor, "*w m"]
    finish_label: UInt8[Tensor, "*w m"]
    room_lower_m: Float32[Tensor, "*w r 3"]
    room_upper_m: Float32[Tensor, "*w r 3"]
    room_faces: Int32[Tensor, "*w r k"]
    room_face_count: Int32[Tensor, "*w r"]
    lamps_m: Float32[Tensor, "*w r 3"]
    storey_tops_m: Float32[Tensor, "*w s"]
    room_map: Int32[Tensor, "*w storeys x y"]
    room_map_lower_m: Float32[Tensor, "*w 2"]

    @property
    def device(self) -> torch.device:
        return self.corners_m.device


def compile_world(world: World) -> WorldTensors:
    """The world's surface without bodies, on the CPU."""
    surface, quads, rooms = world.surface, join_triangles(world.surface), make_room_map(world.plan)
    materials, labels = surface.materials[quads.triangle], surface.labels[quads.triangle]
    pairs, finishes = np.unique(np.stack([materials, labels], 1), axis=0, return_inverse=True)
    inner = world.plan.rooms
    lower_m = np.array([[*room.lower_m, room.floor_m] for room in inner])
    upper_m = np.array([[*room.upper_m, room.ceiling_m] for room in inner])
    near = _faces_near(quads.corners_m, lower_m, upper_m)
    return WorldTensors(
        corners_m=_floats(quads.corners_m),
        normals=_floats(quads.normals),
        offsets_m=_floats(np.einsum("fi,fi->f", quads.normals, quads.corners_m[:, 0])),
        uv_from_world=_floats(quads.uv_from_world),
        materials=_integers(materials),
        labels=torch.from_numpy(labels),
        instances=_integers(surface.instances[quads.triangle]),
        finishes=_integers(finishes),
        finish_material=_integers(pairs[:, 0]),
        finish_label=torch.from_numpy(pairs[:, 1].astype(np.uint8)),
        room_lower_m=_floats(lower_m),
        room_upper_m=_floats(upper_m),
        room_faces=_padded([_integers(faces) for faces in near]),
        room_face_count=_integers(np.array([len(faces) for faces in near])),
        lamps_m=_floats(world.lights_m),
        storey_tops_m=_floats(rooms.tops_m),
        room_map=_integers(rooms.room),
        room_map_lower_m=_floats(rooms.lower_m),
    )


def stack_worlds(worlds: list[WorldTensors], device: torch.device | str = "cpu") -> WorldTensors:
    """Worlds side by side on a device."""
    names = [field.name for field in fields(WorldTensors)]
    return WorldTensors(**{n: _padded([getattr(w, n) for w in worlds]).to(device) for n in names})


def _faces_near(
    corners_m: np.ndarray, lower_m: np.ndarray, upper_m: np.ndarray
) -> list[Int64[np.ndarray, " k"]]:
    """Per room the faces whose bounding boxes meet the room's, widened by what opens into it."""
    low, high = corners_m.min(axis=1), corners_m.max(axis=1)
    return [
        np.flatnonzero(np.all((low < upper + REACH_M) & (high > lower - REACH_M), axis=1))
        for lower, upper in zip(lower_m, upper_m, strict=True)
    ]


def _padded(items: list[Tensor]) -> Tensor:
    shape = [max(sizes) for sizes in zip(*(item.shape for item in items), strict=True)]
    result = torch.zeros((len(items), *shape), dtype=items[0].dtype)
    for place, item in zip(result, items, strict=True):
        place[tuple(slice(0, size) for size in item.shape)] = item
    return result


def _floats(values: np.ndarray) -> Float32[Tensor, "..."]:
    return torch.from_numpy(np.asarray(values, np.float32))


def _integers(values: np.ndarray) -> Int32[Tensor, "..."]:
    return torch.from_numpy(np.asarray(values, np.int32))
