"""The building's inner surface: the boundary of the air in rooms, openings and window niches."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.building.flights import Flight, flight_objects
from hydra_mono.simulation.building.plan import PASSAGES, Opening, Plan, Room, Window
from hydra_mono.simulation.shapes import Part, SceneObject, Surface, concatenate, make_object

NICHE_M = 0.08  # depth of a window behind the wall's face
Rectangle = tuple[float, float, float, float]  # lower and upper corner in the face's two axes


@dataclass(frozen=True, slots=True)
class AirBox:
    """An upright box of air."""

    lower_m: tuple[float, float, float]
    upper_m: tuple[float, float, float]

    def corners(self) -> Float64[np.ndarray, "8 3"]:
        axes = zip(self.lower_m, self.upper_m, strict=True)
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


@dataclass(frozen=True, slots=True)
class _Paint:
    label: int
    material: int


def room_air(room: Room) -> AirBox:
    return AirBox((*room.lower_m, room.floor_m), (*room.upper_m, room.ceiling_m))


def opening_air(opening: Opening) -> AirBox:
    lower, upper = [0.0, 0.0], [0.0, 0.0]
    lower[opening.axis], upper[opening.axis] = opening.wall_m
    lower[1 - opening.axis], upper[1 - opening.axis] = opening.span_m
    return AirBox((lower[0], lower[1], opening.bottom_m), (upper[0], upper[1], opening.top_m))


def window_air(plan: Plan, window: Window) -> AirBox:
    room = plan.rooms[window.room]
    lower, upper = [0.0, 0.0], [0.0, 0.0]
    face = room.upper_m[window.axis] if window.side > 0 else room.lower_m[window.axis]
    lower[window.axis] = min(face, face + window.side * NICHE_M)
    upper[window.axis] = max(face, face + window.side * NICHE_M)
    lower[1 - window.axis], upper[1 - window.axis] = window.span_m
    return AirBox((lower[0], lower[1], window.bottom_m), (upper[0], upper[1], window.top_m))


def shaft_air(flight: Flight) -> AirBox:
    """The opening in the slab above a flight."""
    return AirBox((*flight.lower_m, flight.ceiling_m), (*flight.upper_m, flight.top_m))


def structure_surface(
    plan: Plan, labels: LabelSpace, palette: dict[str, int], finishes: dict[int, dict[str, str]]
) -> Surface:
    """Walls, floors, ceilings, reveals and panes, facing the air.

    ``finishes`` names the materials of each room's ``wall``, ``floor`` and ``ceiling``.
    """
    ids = {label.name: label.id for label in labels.labels}
    pieces: list[Surface] = []
    shafts = [shaft_air(flight) for flight in plan.flights]
    holes = [opening_air(o) for o in plan.openings] + [window_air(plan, w) for w in plan.windows]
    holes += shafts
    for room in plan.rooms:
        paints = {
            name: _Paint(ids[name], palette[finishes[room.index][name]])
            for name in ("wall", "floor", "ceiling")
        }
        pieces += _room_faces(room_air(room), paints, holes)
    for opening in plan.openings:
        pieces += _opening_faces(plan, opening, ids, palette, finishes)
    for window in plan.windows:
        frame, glass = (_Paint(ids["window"], palette[name]) for name in ("frame", "glass"))
        pieces += _niche_faces(window_air(plan, window), window, frame, glass)
    edge = _Paint(ids["wall"], palette["ceiling"])
    for shaft in shafts:
        pieces += [_face(shaft, axis, side, edge, []) for axis in (0, 1) for side in (-1, 1)]
    return concatenate(pieces)


def _room_faces(air: AirBox, paints: dict[str, _Paint], holes: list[AirBox]) -> list[Surface]:
    pieces = []
    for axis in range(3):
        for side in (-1, 1):
            paint = paints["wall" if axis < 2 else ("floor" if side < 0 else "ceiling")]
            pieces.append(_face(air, axis, side, paint, _holes_in(air, axis, side, holes)))
    return pieces


def _opening_faces(
    plan: Plan,
    opening: Opening,
    ids: dict[str, int],
    palette: dict[str, int],
    finishes: dict[int, dict[str, str]],
) -> list[Surface]:
    """Threshold, reveals and lintel; a doorway's reveals are its frame."""
    air, room = opening_air(opening), finishes[opening.rooms[0]]
    reveal = (
        _Paint(ids["wall"], palette[room["wall"]])
        if opening.wide
        else _Paint(ids["door"], palette["frame"])
    )
    open_to_ceiling = opening.top_m >= plan.rooms[opening.rooms[0]].ceiling_m - 1e-9
    ceiling = _Paint(ids["ceiling"], palette["ceiling"])
    along = 1 - opening.axis
    return [
        _face(air, 2, -1, _Paint(ids["floor"], palette[room["floor"]]), []),
        _face(air, 2, 1, ceiling if open_to_ceiling else reveal, []),
        _face(air, along, -1, reveal, []),
        _face(air, along, 1, reveal, []),
    ]


def _niche_faces(air: AirBox, window: Window, frame: _Paint, glass: _Paint) -> list[Surface]:
    along = 1 - window.axis
    sides = [(2, -1), (2, 1), (along, -1), (along, 1)]
    pieces = [_face(air, axis, side, frame, []) for axis, side in sides]
    return [*pieces, _face(air, window.axis, window.side, glass, [])]


def _holes_in(air: AirBox, axis: int, side: int, holes: list[AirBox]) -> list[Rectangle]:
    """Where other boxes of air touch this face."""
    u, v = (a for a in range(3) if a != axis)
    face = air.upper_m[axis] if side > 0 else air.lower_m[axis]
    found = []
    for hole in holes:
        near = hole.lower_m[axis] if side > 0 else hole.upper_m[axis]
        low_u, high_u = max(hole.lower_m[u], air.lower_m[u]), min(hole.upper_m[u], air.upper_m[u])
        low_v, high_v = max(hole.lower_m[v], air.lower_m[v]), min(hole.upper_m[v], air.upper_m[v])
        if abs(near - face) < 1e-6 and high_u - low_u > 1e-6 and high_v - low_v > 1e-6:
            found.append((low_u, low_v, high_u, high_v))
    return found


def _face(air: AirBox, axis: int, side: int, paint: _Paint, holes: list[Rectangle]) -> Surface:
    u, v = (a for a in range(3) if a != axis)
    whole = (air.lower_m[u], air.lower_m[v], air.upper_m[u], air.upper_m[v])
    quads = np.array(_without(whole, holes))
    low_u, low_v, high_u, high_v = quads.T
    flat = np.stack(
        [
            np.stack([low_u, low_v], 1),
            np.stack([high_u, low_v], 1),
            np.stack([high_u, high_v], 1),
            np.stack([low_u, high_v], 1),
        ],
        axis=1,
    )
    vertices = np.empty((len(quads), 4, 3))
    vertices[..., axis] = air.upper_m[axis] if side > 0 else air.lower_m[axis]
    vertices[..., [u, v]] = flat
    # counter-clockwise in (u, v) has the normal +axis for axes 0 and 2 and -axis for axis 1
    towards_air = (side < 0) == (axis != 1)
    corners = [[0, 1, 2], [0, 2, 3]] if towards_air else [[0, 2, 1], [0, 3, 2]]
    faces = (np.arange(len(quads))[:, None, None] * 4 + np.array(corners)).reshape(-1, 3)
    return _painted(vertices.reshape(-1, 3), faces, flat.reshape(-1, 2), paint)


def _painted(
    vertices: Float64[np.ndarray, "v 3"],
    faces: np.ndarray,
    flat: Float64[np.ndarray, "v 2"],
    paint: _Paint,
) -> Surface:
    return Surface(
        vertices_m=vertices,
        faces=faces,
        uv_m=flat[faces],
        materials=np.full(len(faces), paint.material),
        labels=np.full(len(faces), paint.label, np.uint8),
        instances=np.zeros(len(faces), np.uint16),
    )


def _without(whole: Rectangle, holes: list[Rectangle]) -> list[Rectangle]:
    """The rectangle less the holes, as rectangles between all the holes' edges."""
    cuts_u = sorted({whole[0], whole[2], *(h[0] for h in holes), *(h[2] for h in holes)})
    cuts_v = sorted({whole[1], whole[3], *(h[1] for h in holes), *(h[3] for h in holes)})
    kept = []
    for low_u, high_u in pairwise(cuts_u):
        for low_v, high_v in pairwise(cuts_v):
            u, v = (low_u + high_u) / 2, (low_v + high_v) / 2
            if not any(h[0] < u < h[2] and h[1] < v < h[3] for h in holes):
                kept.append((low_u, low_v, high_u, high_v))
    return kept


def fittings(rng: np.random.Generator, plan: Plan, labels: LabelSpace) -> list[SceneObject]:
    """Door frames, open leaves resting along a wall, and stairs; they belong to the building."""
    door = next(label.id for label in labels.labels if label.role == "door")
    objects: list[SceneObject] = []
    for opening in plan.openings:
        if opening.wide:
            continue
        objects += _frame(opening, door)
        leaf = _leaf(rng, plan, opening, door)
        objects += [leaf] if leaf and rng.random() < 0.6 else []
    return objects + [obj for flight in plan.flights for obj in flight_objects(flight, labels)]


def _frame(opening: Opening, label: int) -> list[SceneObject]:
    """Flat strips round the doorway on both faces of the wall."""
    broad, thick = 0.07, 0.02
    low, high = opening.span_m
    height = opening.top_m - opening.bottom_m
    objects = []
    for face, side in zip(opening.wall_m, (-1, 1), strict=True):
        across = face + side * thick / 2
        for along, bottom, size in (
            (low - broad / 2, 0.0, (broad, thick, height)),
            (high + broad / 2, 0.0, (broad, thick, height)),
            ((low + high) / 2, height, (high - low + 2 * broad, thick, broad)),
        ):
            part = Part("box", (0, 0, size[2] / 2), size, "frame")
            position = _position(opening, across, along, opening.bottom_m + bottom)
            objects.append(make_object("door", label, [part]).at(position, _yaw(opening)))
    return objects


def _leaf(rng: np.random.Generator, plan: Plan, opening: Opening, label: int) -> SceneObject | None:
    """A door leaf swung right open, flat along the wall beside the doorway, where it fits."""
    width = opening.width_m
    along = 1 - opening.axis
    choices = []
    for face, side, room in zip(opening.wall_m, (-1, 1), opening.rooms, strict=True):
        for hinge, sign in zip(opening.span_m, (-1, 1), strict=True):
            middle = hinge + sign * (width / 2 + 0.02)
            end = hinge + sign * (width + 0.06)
            inside = plan.rooms[room].lower_m[along] < end < plan.rooms[room].upper_m[along]
            if inside and plan.rooms[room].kind not in PASSAGES:
                choices.append((face + side * 0.07, middle, room))
    choices = [c for c in choices if not _beside_opening(plan, opening, c[2], c[1])]
    if not choices:
        return None
    across, middle, _ = choices[int(rng.integers(len(choices)))]
    height = opening.top_m - opening.bottom_m - 0.02
    parts = [
        Part("box", (0, 0, height / 2 + 0.01), (width, 0.04, height), "door"),
        Part("box", (0.38 * width, 0.03, 1.02), (0.12, 0.02, 0.02), "metal"),
        Part("box", (0.38 * width, -0.03, 1.02), (0.12, 0.02, 0.02), "metal"),
    ]
    obj = make_object("door", label, parts)
    return obj.at(_position(opening, across, middle, opening.bottom_m + 0.01), _yaw(opening))


def _beside_opening(plan: Plan, opening: Opening, room: int, middle: float) -> bool:
    """True where a leaf resting at ``middle`` would cover another opening or window."""
    low, high = middle - opening.width_m / 2 - 0.1, middle + opening.width_m / 2 + 0.1
    for other in plan.openings_of(room):
        same_wall = other.axis == opening.axis and other.wall_m == opening.wall_m
        if other is not opening and same_wall and other.span_m[0] < high and low < other.span_m[1]:
            return True
    return any(
        w.room == room and w.axis == opening.axis and w.span_m[0] < high and low < w.span_m[1]
        for w in plan.windows
    )


def _position(
    opening: Opening, across: float, along: float, z: float
) -> tuple[float, float, float]:
    return (across, along, z) if opening.axis == 0 else (along, across, z)


def _yaw(opening: Opening) -> float:
    return np.pi / 2 if opening.axis == 0 else 0.0
