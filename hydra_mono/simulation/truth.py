"""The truth of a simulated world in the types every evaluation reads."""

import numpy as np
from jaxtyping import Bool, Float64, Int16

from hydra_mono.core.truth import GroundTruth, TruthGrid, TruthMesh, TruthObject, TruthRoom
from hydra_mono.simulation.building.structure import (
    AirBox,
    opening_air,
    room_air,
    shaft_air,
    window_air,
)
from hydra_mono.simulation.dynamics import Body
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import Thing

VOXEL_M = 0.1


def ground_truth(world: World, bodies: tuple[Body, ...] = ()) -> GroundTruth:
    """Truth over the whole time: things that come or go are in mesh and objects all the same."""
    changes = {body.thing.instance: body for body in bodies}
    surface = world.surface
    return GroundTruth(
        label_space=world.labels,
        mesh=TruthMesh(
            vertices_m=surface.vertices_m.astype(np.float32),
            faces=surface.faces.astype(np.int32),
            face_labels=surface.labels,
            face_instances=surface.instances,
        ),
        objects=tuple(_object(thing, changes.get(thing.instance)) for thing in world.things),
        rooms=_rooms(world),
        grid=_grid(world),
        agents=tuple(track for track in (body.track() for body in bodies) if track),
    )


def _object(thing: Thing, body: Body | None) -> TruthObject:
    return TruthObject(
        instance=thing.instance,
        label=thing.label,
        name=thing.name,
        box=thing.box,
        appeared_ns=body.appears_ns if body else None,
        disappeared_ns=body.leaves_ns if body else None,
    )


def _rooms(world: World) -> tuple[TruthRoom, ...]:
    """Rooms by their kind, numbered from the second of a kind on."""
    seen: dict[str, int] = {}
    rooms = []
    for room in world.plan.rooms:
        seen[room.kind] = seen.get(room.kind, 0) + 1
        number = f" {seen[room.kind]}" if seen[room.kind] > 1 else ""
        rooms.append(TruthRoom(room.index, room.kind + number, room.storey))
    return tuple(rooms)


def _grid(world: World) -> TruthGrid:
    rooms = world.plan.rooms
    lower = np.min([(*room.lower_m, room.floor_m) for room in rooms], axis=0) - VOXEL_M
    upper = np.max([(*room.upper_m, room.ceiling_m) for room in rooms], axis=0) + VOXEL_M
    origin = np.floor(lower / VOXEL_M) * VOXEL_M + VOXEL_M / 2
    shape = tuple(int(n) for n in np.ceil((upper - origin) / VOXEL_M).astype(int) + 1)
    room_of = np.full(shape, -1, np.int16)
    for room in rooms:
        _fill(room_of, origin, room_air(room), room.index)
    joints = [(opening_air(o), o.axis, o.rooms) for o in world.plan.openings]
    joints += [(shaft_air(flight), 2, flight.rooms) for flight in world.plan.flights]
    for whole, axis, pair in joints:
        for air, room_index in zip(_halves(whole, axis), pair, strict=True):
            _fill(room_of, origin, air, room_index)
    for window in world.plan.windows:
        _fill(room_of, origin, window_air(world.plan, window), window.room)
    for thing in (*world.fixed, *world.things):
        _carve(room_of, origin, thing)
    free: Bool[np.ndarray, "x y z"] = room_of >= 0
    return TruthGrid(origin_m=origin, voxel_size_m=VOXEL_M, free=free, room=room_of)


def _halves(air: AirBox, axis: int) -> tuple[AirBox, AirBox]:
    """The air of an opening, cut at the middle of the wall or slab."""
    middle = (air.lower_m[axis] + air.upper_m[axis]) / 2
    upper, lower = list(air.upper_m), list(air.lower_m)
    upper[axis] = lower[axis] = middle
    return (
        AirBox(air.lower_m, (upper[0], upper[1], upper[2])),
        AirBox((lower[0], lower[1], lower[2]), air.upper_m),
    )


def _fill(
    room_of: Int16[np.ndarray, "x y z"], origin: Float64[np.ndarray, "3"], air: AirBox, room: int
) -> None:
    """Marks the voxels whose centres lie in the air."""
    first = np.ceil((np.array(air.lower_m) - origin) / VOXEL_M - 1e-9).astype(int)
    last = np.floor((np.array(air.upper_m) - origin) / VOXEL_M + 1e-9).astype(int) + 1
    room_of[first[0] : last[0], first[1] : last[1], first[2] : last[2]] = room


def _carve(
    room_of: Int16[np.ndarray, "x y z"], origin: Float64[np.ndarray, "3"], thing: Thing
) -> None:
    """Clears the voxels whose centres lie in the thing's solids."""
    corners = thing.box.footprint()
    bottom, top = thing.position_m[2], thing.position_m[2] + thing.size_m[2]
    low = np.array([*corners.min(axis=0), bottom])
    high = np.array([*corners.max(axis=0), top])
    first = np.maximum(np.floor((low - origin) / VOXEL_M).astype(int), 0)
    last = np.ceil((high - origin) / VOXEL_M).astype(int) + 1
    window = room_of[first[0] : last[0], first[1] : last[1], first[2] : last[2]]
    voxels = np.argwhere(np.ones(window.shape, dtype=bool)) + first
    window[thing.contains(origin + voxels * VOXEL_M).reshape(window.shape)] = -1
