"""How large a building's parts are: the usual ranges, and wider ones."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measures:
    """Ranges that a building's measures are drawn from, and shares of its rooms and doorways.

    ``dropped_m``: how much lower than the building's some ceilings are at most. ``tall_doors``: how
    many doorways have no lintel. ``odd_corners``: how many rooms have a solid or a slanted corner.
    """

    ceiling_m: tuple[float, float] = (2.4, 2.7)
    dropped_m: float = 0.0
    door_width_m: tuple[float, float] = (0.8, 0.9)
    tall_doors: float = 0.0
    odd_corners: float = 0.0


USUAL = Measures()
ODD = Measures(
    ceiling_m=(2.2, 3.5),
    dropped_m=0.3,
    door_width_m=(0.7, 1.2),
    tall_doors=0.4,
    odd_corners=0.7,
)
