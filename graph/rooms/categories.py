"""What kind of room a room is: naive Bayes over what is in it, its shape and its neighbours.

The counts are of simulated homes (``scripts/count_rooms.py`` writes the file); every feature is
a Bernoulli variable, smoothed by Laplace's rule (Manning, Raghavan and Schütze, Introduction to
Information Retrieval, section 13.3).
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

UNKNOWN_CATEGORY = "room"
UNMISTAKABLE = frozenset({"~leads to many rooms", "~leads to another storey"})  # without an object
DEFINING = {"staircase": frozenset({"~leads to another storey", "stairs"})}  # one of it is seen
SYNONYMS = {  # names of other label spaces for the classes that were counted
    "armchair": "armchair",
    "chest of drawers": "dresser",
    "computer": "monitor",
    "couch": "sofa",
    "kitchen island": "counter",
    "countertop": "counter",
    "fridge": "refrigerator",
    "night stand": "nightstand",
    "office chair": "chair",
    "painting": "picture",
    "refridgerator": "refrigerator",  # as NYU's list spells it
    "shelf": "bookshelf",
    "shelves": "bookshelf",
    "bookcase": "bookshelf",
    "stove": "oven",
    "swivel chair": "chair",
    "trash can": "bin",
    "tv": "television",
    "tv monitor": "television",
    "wash basin": "sink",
    "washer": "washing machine",
}


@dataclass(frozen=True, slots=True)
class CategoryRule:
    """How sure to be.

    ``seen``: an object that is there is found; of runs with depth nine in ten, by one camera less.
    ``enough``: classes seen in a room, from which on those that are missing tell as much as they
    can; of a room seen through its door they tell little.
    ``least``: below it a room stays ``room``. ``named``: pieces of evidence told of it, and
    ``telling``: each makes the kind so many times likelier than the next best.
    """

    seen: float = 0.85
    enough: int = 3
    least: float = 0.5
    named: int = 3
    telling: float = 1.5


@dataclass(frozen=True, slots=True)
class RoomLook:
    """What is known of a room. ``classes``: of the objects in it; sizes in metres."""

    classes: frozenset[str]
    length_m: float
    width_m: float
    neighbours: int
    leads_up_or_down: bool = False


@dataclass(frozen=True, slots=True)
class RoomCategory:
    """The likeliest kind of room, how probable it is, and what speaks for it."""

    name: str = UNKNOWN_CATEGORY
    probability: float = 0.0
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class RoomStatistics:
    """Rooms counted by category, and of them those that have a feature."""

    rooms: Mapping[str, int]
    having: Mapping[str, Mapping[str, int]]

    @property
    def features(self) -> list[str]:
        return sorted({feature for counts in self.having.values() for feature in counts})

    def share(self, category: str, feature: str) -> float:
        """Of the rooms of a category that have a feature; never 0 or 1."""
        return (self.having[category].get(feature, 0) + 1) / (self.rooms[category] + 2)


@cache
def shipped_statistics() -> RoomStatistics:
    """Those counted in simulated homes."""
    file = resources.files("hydra_mono.configs").joinpath("rooms", "statistics.json")
    document = json.loads(file.read_text(encoding="utf-8"))
    return RoomStatistics(rooms=document["rooms"], having=document["having"])


def features_of(look: RoomLook) -> frozenset[str]:
    """Classes, and bins of shape and place in the plan that begin with ``~``."""
    classes = {SYNONYMS.get(name.lower(), name.lower()) for name in look.classes}
    long = look.length_m / max(look.width_m, 0.1)  # no room is narrower than 10 cm
    area_m2 = look.length_m * look.width_m
    shape = {
        "~long and narrow": long > 2.5,  # a corridor's shape, hardly any other room's
        "~small": area_m2 < 6.0,  # m²: bathrooms and store rooms
        "~large": area_m2 > 16.0,  # m²: living rooms
        "~leads to many rooms": look.neighbours >= 4,
        "~leads to one room": look.neighbours <= 1,
        "~leads to another storey": look.leads_up_or_down,
    }
    return frozenset(classes) | {name for name, is_so in shape.items() if is_so}


def classify(
    look: RoomLook,
    statistics: RoomStatistics | None = None,
    rule: CategoryRule = CategoryRule(),
) -> RoomCategory:
    """The kind of a room; ``room`` where nothing is in it that tells, or none is likely enough."""
    counts = statistics or shipped_statistics()
    present = features_of(look)
    known = counts.features
    scores = {
        category: math.log(number) + _log_likelihood(counts, category, known, present, rule)
        for category, number in sorted(counts.rooms.items())
        if category not in DEFINING or DEFINING[category] & present
    }
    highest = max(scores.values())
    odds = {category: math.exp(score - highest) for category, score in scores.items()}
    ranked = sorted(odds, key=lambda category: (-odds[category], category))
    best, probability = ranked[0], odds[ranked[0]] / sum(odds.values())
    evidence = _evidence(counts, best, ranked[1], present.intersection(known), rule)
    telling = any(feature in UNMISTAKABLE or not feature.startswith("~") for feature in present)
    if probability < rule.least or not evidence or not telling:
        return RoomCategory()
    return RoomCategory(best, round(probability, 4), evidence)


def _log_likelihood(
    counts: RoomStatistics,
    category: str,
    known: list[str],
    present: frozenset[str],
    rule: CategoryRule,
) -> float:
    objects = sum(not feature.startswith("~") for feature in present.intersection(known))
    trust = min(1.0, objects / rule.enough)
    total = 0.0
    for feature in known:
        is_object = not feature.startswith("~")
        share = counts.share(category, feature) * (rule.seen if is_object else 1.0)
        if feature in present:
            total += math.log(share)
        else:
            total += math.log(1 - share) * (trust if is_object else 1.0)
    return total


def _evidence(
    counts: RoomStatistics,
    best: str,
    second: str,
    present: Iterable[str],
    rule: CategoryRule,
) -> tuple[str, ...]:
    """The features that tell the kind from the next likeliest, most telling first."""
    times = {f: counts.share(best, f) / counts.share(second, f) for f in present}
    telling = sorted((f for f in times if times[f] >= rule.telling), key=lambda f: (-times[f], f))
    return tuple(feature.lstrip("~") for feature in telling[: rule.named])
