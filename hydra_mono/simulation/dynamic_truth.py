"""The truth about what moves and what changes: tracks, presences, and when they could be seen."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from hydra_mono.core.truth import AgentTrack, TruthChange, TruthObject
from hydra_mono.simulation.body import Body
from hydra_mono.simulation.render.sightings import Sightings
from hydra_mono.simulation.scene import World
from hydra_mono.simulation.shapes import SceneObject, vector

LEAST_PIXELS_SHARE = 5e-4  # of the image, to say that a place was in view: 154 of 640 × 480


@dataclass(frozen=True, slots=True)
class Presence:
    """An object at one place, from one stamp to another; None: since ever, for good.

    ``body`` numbers the body that it is, None of an object that never changes. ``is_copy``: it
    rested elsewhere before, so the world's surface does not show it here.
    """

    obj: SceneObject
    from_ns: int | None = None
    until_ns: int | None = None
    body: int | None = None
    identity: int | None = None

    @property
    def is_copy(self) -> bool:
        return self.identity is not None and self.identity != self.obj.instance

    def truth(self) -> TruthObject:
        return TruthObject(
            instance=self.obj.instance,
            label=self.obj.label,
            name=self.obj.name,
            box=self.obj.box,
            appeared_ns=self.from_ns,
            disappeared_ns=self.until_ns,
            identity=self.identity,
        )


def presences(world: World, bodies: tuple[Body, ...]) -> list[Presence]:
    """Every object at every place it rested at, the first place under its own instance."""
    number_of = {body.obj.instance: i for i, body in enumerate(bodies) if body.kind == "object"}
    used = [obj.instance for obj in world.objects] + [b.obj.instance for b in bodies]
    fresh = max(used, default=0) + 1
    found: list[Presence] = []
    for obj in world.objects:
        number = number_of.get(obj.instance)
        if number is None:
            found.append(Presence(obj))
            continue
        for rank, (start, end, place) in enumerate(_rests(bodies[number])):
            instance = obj.instance if rank == 0 else fresh
            fresh += rank > 0
            identity = obj.instance if bodies[number].moves else None
            placed = _with_instance(place, instance)
            found.append(Presence(placed, start, end, number, identity))
    return found


def _rests(body: Body) -> Iterator[tuple[int | None, int | None, SceneObject]]:
    """(from, until, the object where it is then) between the moves."""
    ends = [body.appears_ns, *(stamp for move in body.moves for stamp in move), body.leaves_ns]
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        pose = body.pose_at(start if start is not None else (end or 1) - 1)
        assert pose is not None
        yaw = float(np.arctan2(pose[1, 0], pose[0, 0]))
        yield start, end, body.obj.at(vector(pose[:3, 3]), yaw)


def _with_instance(obj: SceneObject, instance: int) -> SceneObject:
    return SceneObject(
        obj.name,
        obj.label,
        instance,
        obj.parts,
        obj.size_m,
        obj.position_m,
        obj.yaw_rad,
    )


def tracks_of(bodies: tuple[Body, ...], sightings: Sightings | None) -> Iterator[AgentTrack]:
    """Whoever moves, at every stamp; what is moved, while it is."""
    for number, body in enumerate(bodies):
        if body.stamps_ns is None or body.positions_m is None:
            continue
        rows = np.arange(len(body.stamps_ns))
        if body.kind == "object":
            on_its_way = np.zeros(len(rows), dtype=bool)
            for first, last in body.moves:
                on_its_way |= (body.stamps_ns >= first) & (body.stamps_ns <= last)
            rows = rows[on_its_way]
        stamps = tuple(body.stamps_ns[rows].tolist())
        pixels = sightings.of_body(number)[rows].tolist() if sightings else ()
        yield AgentTrack(
            name=track_name(body),
            stamps_ns=stamps,
            positions_m=tuple(vector(place) for place in body.positions_m[rows]),
            kind=body.kind,
            boxes=tuple(body.boxes(stamps)),
            visible_pixels=tuple(pixels),
        )


def track_name(body: Body) -> str:
    """A figure's own name; of an object with its instance, since many have one name."""
    obj = body.obj
    return f"{obj.name} {obj.instance}" if body.kind == "object" else obj.name


def changes_of(rests: list[Presence], sightings: Sightings | None) -> tuple[TruthChange, ...]:
    """Each beginning and each end of a presence, with the looks before and after; by stamp."""
    if sightings is None:
        return ()
    found = []
    for rest in rests:
        if rest.body is None or (rest.from_ns is None and rest.until_ns is None):
            continue
        pixels = sightings.of_place(rest.body, rest.obj.world_from_object)
        image = sightings.camera.width * sightings.camera.height
        looks = sightings.stamps_ns[pixels >= LEAST_PIXELS_SHARE * image]
        instance = rest.obj.instance
        if rest.from_ns is not None:
            before, after = _around(looks, rest.from_ns)
            found.append(TruthChange(instance, "appeared", rest.from_ns, before, after))
        if rest.until_ns is not None:
            before, after = _around(looks, rest.until_ns)
            found.append(TruthChange(instance, "vanished", rest.until_ns, before, after))
    return tuple(sorted(found, key=lambda change: (change.stamp_ns, change.instance)))


def _around(looks_ns: Int64[np.ndarray, " n"], stamp_ns: int) -> tuple[int | None, int | None]:
    """The last look before a stamp and the first at or after it."""
    row = int(np.searchsorted(looks_ns, stamp_ns))
    before = int(looks_ns[row - 1]) if row > 0 else None
    return before, int(looks_ns[row]) if row < len(looks_ns) else None
