"""Straight flights of stairs from storey to storey, through an opening in the slab."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.labels import LabelSpace
from hydra_mono.simulation.shapes import Part, SceneObject, make_object, vector

RISER_M, TREAD_M = 0.17, 0.28  # of a comfortable step: twice the riser and the tread is a pace
WAIST_M = 0.18  # of concrete below a step's inner corner
SLAB_M = 0.3  # from a ceiling to the floor above it
STAND_M = 0.55  # from the first or last riser to where a walker stands before or after
PARAPET_M = (0.12, 0.9)  # thickness and height


@dataclass(frozen=True, slots=True)
class Flight:
    """Steps that rise along +x, and the opening in the slab right above them.

    ``rooms`` are the stair rooms below and above, ``lower_m`` and ``upper_m`` the plan's extent
    from the first riser to the last, ``floor_m``, ``ceiling_m`` and ``top_m`` the heights of the
    lower floor, the lower ceiling and the upper floor. ``last``: no flight goes on from there.
    """

    rooms: tuple[int, int]
    lower_m: tuple[float, float]
    upper_m: tuple[float, float]
    floor_m: float
    ceiling_m: float
    top_m: float
    last: bool

    @property
    def risers(self) -> int:
        return riser_count(self.top_m - self.floor_m)

    def ramp(self) -> Float64[np.ndarray, "4 3"]:
        """A walker's feet on the stairs up: along the edges of the steps, level at both ends."""
        middle = (self.lower_m[1] + self.upper_m[1]) / 2
        (start, end), (low, high) = (self.lower_m[0], self.upper_m[0]), (self.floor_m, self.top_m)
        return np.array(
            [
                [start - STAND_M, middle, low],
                [start - TREAD_M, middle, low],
                [end, middle, high],
                [end + STAND_M, middle, high],
            ]
        )


def riser_count(rise_m: float) -> int:
    return round(rise_m / RISER_M)


def run_m(rise_m: float) -> float:
    """Plan length of a flight: one tread less than risers, the floor above being the last."""
    return (riser_count(rise_m) - 1) * TREAD_M


def flight_objects(flight: Flight, labels: LabelSpace) -> list[SceneObject]:
    """The steps, and parapets round the opening above them; they belong to the building."""
    ids = {label.role: label.id for label in labels.labels if label.role}
    return [_steps(flight, ids["stairs"]), *_parapets(flight, ids["wall"])]


def _steps(flight: Flight, label: int) -> SceneObject:
    width = flight.upper_m[1] - flight.lower_m[1]
    riser = (flight.top_m - flight.floor_m) / flight.risers
    parts = []
    for step in range(1, flight.risers):
        top, bottom = step * riser, max((step - 1) * riser - WAIST_M, 0.0)
        center = ((step - 0.5) * TREAD_M, 0.0, (top + bottom) / 2)
        parts.append(Part("box", center, (TREAD_M, width, top - bottom), "wood1"))
    x, y = np.add(flight.lower_m, flight.upper_m) / 2
    return make_object("stairs", label, parts).at((float(x), float(y), flight.floor_m), 0.0)


def _parapets(flight: Flight, label: int) -> list[SceneObject]:
    """Along the gallery, and across the opening's far end where no flight begins there."""
    thick, height = PARAPET_M
    (x0, y0), (x1, y1) = flight.lower_m, flight.upper_m
    sides = [((x0, y1), (x1, y1 + thick))]
    if flight.last:
        sides.append(((x0 - thick, y0), (x0, y1 + thick)))
    objects = []
    for low, high in sides:
        size = (high[0] - low[0], high[1] - low[1], height)
        part = Part("box", (0.0, 0.0, height / 2), size, "frame")
        middle = np.array([*np.add(low, high) / 2, flight.top_m])
        objects.append(make_object("parapet", label, [part]).at(vector(middle), 0.0))
    return objects
