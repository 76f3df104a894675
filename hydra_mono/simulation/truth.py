"""The truth of a simulated world in the types every evaluation reads."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float64, Int16

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.truth import GroundTruth, TruthGrid, TruthMesh, TruthRoom
from hydra_mono.simulation.body import Body
from hydra_mono.simulation.building.structure import (
    AirBox,
    opening_air,
    room_air,
    shaft_air,
    window_air,
)
from hydra_mono.simulation.dynamic_truth import changes_of, presences, tracks_of
from hydra_mono.simulation.render.sightings import Sightings
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import SceneObject, concatenate, object_surface, pose_at, vector

VOXEL_M = 0.1  # as fine as free space is mapped
_ON_FACE_M = 1e-10  # voxel centres on a face of the air count as inside


def ground_truth(
    world: World,
    bodies: tuple[Body, ...] = (),
    turn_rad: float = 0.0,
    sightings: Sightings | None = None,
) -> GroundTruth:
    """Truth over the whole time: objects that come or go are in mesh and objects all the same.

    An object that is moved is there once for every place it rested at.
    ``turn_rad``: the building is turned so far about z, counter-clockwise seen from above.
    ``sightings``: of the same bodies; without them nobody knows what was in view.
    """
    rests = presences(world, bodies)
    moved = [object_surface(rest.obj, world.palette.index) for rest in rests if rest.is_copy]
    surface = concatenate([world.surface, *moved])
    objects = tuple(rest.truth() for rest in rests)
    return GroundTruth(
        label_space=world.labels,
        mesh=TruthMesh(
            vertices_m=turned(surface.vertices_m, turn_rad).astype(np.float32),
            faces=surface.faces.astype(np.int32),
            face_labels=surface.labels,
            face_instances=surface.instances,
        ),
        objects=tuple(replace(entry, box=turned_box(entry.box, turn_rad)) for entry in objects),
        rooms=_rooms(world),
        grid=_grid(world, turn_rad),
        agents=tuple(
            replace(
                track,
                positions_m=tuple(vector(p) for p in turned(np.array(track.positions_m), turn_rad)),
                boxes=tuple(turned_box(box, turn_rad) for box in track.boxes),
            )
            for track in tracks_of(bodies, sightings)
        ),
        changes=changes_of(rests, sightings),
    )


def turned(points_m: Float64[np.ndarray, "n 3"], turn_rad: float) -> Float64[np.ndarray, "n 3"]:
    """The points turned about z, counter-clockwise seen from above; as they are without a turn."""
    if turn_rad == 0:
        return points_m
    return np.asarray(points_m @ pose_at((0.0, 0.0, 0.0), turn_rad)[:3, :3].T)


def turned_box(box: BoundingBox, turn_rad: float) -> BoundingBox:
    """The box turned about the world's z, as it is without a turn."""
    center = turned(np.array([box.center_m]), turn_rad)[0]
    return BoundingBox(vector(center), box.dimensions_m, box.yaw_rad + turn_rad)


def _rooms(world: World) -> tuple[TruthRoom, ...]:
    """Rooms by their kind, numbered from the second of a kind on."""
    seen: dict[str, int] = {}
    rooms = []
    for room in world.plan.rooms:
        seen[room.kind] = seen.get(room.kind, 0) + 1
        number = f" {seen[room.kind]}" if seen[room.kind] > 1 else ""
        rooms.append(TruthRoom(room.index, room.kind + number, room.storey))
    return tuple(rooms)


class _RoomGrid:
    """Voxels along the world's axes, filled with air given in the building's."""

    def __init__(self, world: World, turn_rad: float) -> None:
        rooms = world.plan.rooms
        corners = [room_air(room).corners() for room in rooms]
        points = turned(np.concatenate(corners), turn_rad)
        lower, upper = points.min(axis=0) - VOXEL_M, points.max(axis=0) + VOXEL_M
        self.origin_m = np.floor(lower / VOXEL_M) * VOXEL_M + VOXEL_M / 2
        shape = tuple(int(n) for n in np.ceil((upper - self.origin_m) / VOXEL_M).astype(int) + 1)
        self.room_of: Int16[np.ndarray, "x y z"] = np.full(shape, -1, np.int16)
        self._turn_rad = turn_rad

    def fill(self, air: AirBox, room: int) -> None:
        """Marks the voxels whose centres lie in the air."""
        lower, upper = np.array(air.lower_m) - _ON_FACE_M, np.array(air.upper_m) + _ON_FACE_M
        window, points = self._near(air.corners())
        inside = np.all((points >= lower) & (points <= upper), axis=-1)
        self.room_of[window][inside] = room

    def carve(self, obj: SceneObject) -> None:
        """Clears the voxels whose centres lie in the object's solids."""
        window, points = self._near(obj.box.corners())
        solid = obj.contains(points.reshape(-1, 3)).reshape(points.shape[:3])
        self.room_of[window][solid] = -1

    def _near(
        self, corners_m: Float64[np.ndarray, "n 3"]
    ) -> tuple[tuple[slice, slice, slice], Float64[np.ndarray, "a b c 3"]]:
        """The voxels about some corners: where they are, and their centres, building's axes."""
        corners = turned(corners_m, self._turn_rad)
        low = np.floor((corners.min(axis=0) - self.origin_m) / VOXEL_M).astype(int)
        high = np.ceil((corners.max(axis=0) - self.origin_m) / VOXEL_M).astype(int) + 1
        first, last = np.maximum(low, 0), np.minimum(high, self.room_of.shape)
        axes = [np.arange(a, b) for a, b in zip(first, last, strict=True)]
        voxels = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        x, y, z = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        points = (self.origin_m + voxels * VOXEL_M).reshape(-1, 3)
        return (x, y, z), turned(points, -self._turn_rad).reshape(voxels.shape)


def _grid(world: World, turn_rad: float) -> TruthGrid:
    grid = _RoomGrid(world, turn_rad)
    for room in world.plan.rooms:
        grid.fill(room_air(room), room.index)
    joints = [(opening_air(o), o.axis, o.rooms) for o in world.plan.openings]
    joints += [(shaft_air(flight), 2, flight.rooms) for flight in world.plan.flights]
    for whole, axis, pair in joints:
        for air, room_index in zip(_halves(whole, axis), pair, strict=True):
            grid.fill(air, room_index)
    for window in world.plan.windows:
        grid.fill(window_air(world.plan, window), window.room)
    for obj in (*world.fixed, *world.objects):
        grid.carve(obj)
    free: Bool[np.ndarray, "x y z"] = grid.room_of >= 0
    return TruthGrid(origin_m=grid.origin_m, voxel_size_m=VOXEL_M, free=free, room=grid.room_of)


def _halves(air: AirBox, axis: int) -> tuple[AirBox, AirBox]:
    """The air of an opening, cut at the middle of the wall or slab."""
    middle = (air.lower_m[axis] + air.upper_m[axis]) / 2
    upper, lower = list(air.upper_m), list(air.lower_m)
    upper[axis] = lower[axis] = middle
    return (
        AirBox(air.lower_m, (upper[0], upper[1], upper[2])),
        AirBox((lower[0], lower[1], lower[2]), air.upper_m),
    )
