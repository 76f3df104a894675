"""Counts what is in which kind of room of simulated homes: configs/rooms/statistics.json.

    python scripts/count_rooms.py               # counts 200 homes
    python scripts/count_rooms.py --check 60    # scores 60 others; nothing is counted in them

The homes are of seeds that no figure is reported of; half of them have odd measures and furniture.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hydra_mono.core.labels import LabelSpace, load_label_space
from hydra_mono.graph.rooms.categories import RoomLook, classify, features_of
from hydra_mono.simulation.building.measures import ODD, USUAL
from hydra_mono.simulation.building.plan import Plan
from hydra_mono.simulation.building.storeys import make_building
from hydra_mono.simulation.building.structure import fittings
from hydra_mono.simulation.building.windows import make_windows
from hydra_mono.simulation.furniture.placement import ODD_MANNER, USUAL_MANNER, furnish
from hydra_mono.simulation.shapes import SceneObject

TARGET = Path(__file__).resolve().parents[1] / "configs" / "rooms" / "statistics.json"
FIRST_SEED = 500_000  # far from every seed that worlds are reported of
FIRST_CHECKED_SEED = 600_000  # and these from those that are counted
NAMES = {"living": "living room", "dining": "dining room", "stairs": "staircase"}
SIZES = (4, 5, 6, 8)  # rooms of a storey, in turn


@dataclass(frozen=True)
class Home:
    """A plan and what stands in it; nothing to look at."""

    plan: Plan
    objects: tuple[SceneObject, ...]


def looks_of(world: Home, labels: LabelSpace) -> Iterator[tuple[str, RoomLook]]:
    """(kind, look) of every room, as a perfect map would have it."""
    for room in world.plan.rooms:
        inside = [
            labels.name_of(obj.label)
            for obj in world.objects
            if np.all(np.array(obj.position_m[:2]) >= room.lower_m)
            and np.all(np.array(obj.position_m[:2]) <= room.upper_m)
            and room.floor_m - 0.1 <= obj.position_m[2] <= room.ceiling_m
        ]
        others = {i for opening in world.plan.openings_of(room.index) for i in opening.rooms}
        flights = {i for flight in world.plan.flights for i in flight.rooms}
        width_m, length_m = sorted(room.size_m)
        look = RoomLook(
            classes=frozenset(inside),
            length_m=length_m,
            width_m=width_m,
            neighbours=len(others - {room.index}),
            leads_up_or_down=room.index in flights,
        )
        yield NAMES.get(room.kind, room.kind), look


def furnished(
    rng: np.random.Generator,
    labels: LabelSpace,
    *,
    rooms: int,
    joints: int,
    storeys: int,
    is_odd: bool,
) -> Home:
    """A home as ``build_world`` furnishes it, without its surface."""
    measures, manner = (ODD, ODD_MANNER) if is_odd else (USUAL, USUAL_MANNER)
    plan = make_building(rng, rooms, joints, storeys, measures)
    plan = replace(plan, windows=tuple(make_windows(rng, plan.rooms)))
    placed = furnish(rng, plan, fittings(rng, plan, labels), labels, manner)
    return Home(plan, tuple(obj for obj in placed if obj.label in labels.object_ids))


def homes(first_seed: int, count: int, labels: LabelSpace) -> Iterator[Home]:
    """Homes of several sizes, half of them odd, a tenth of two storeys."""
    for number in range(count):
        yield furnished(
            np.random.default_rng([1, first_seed + number]),
            labels,
            rooms=SIZES[number % len(SIZES)],
            joints=number % 3,
            storeys=2 if number % 10 == 9 else 1,
            is_odd=number % 2 == 1,
        )


def count_homes(count: int, labels: LabelSpace) -> None:
    """Writes the file."""
    rooms: Counter[str] = Counter()
    having: dict[str, Counter[str]] = defaultdict(Counter)
    for world in homes(FIRST_SEED, count, labels):
        for kind, look in looks_of(world, labels):
            rooms[kind] += 1
            having[kind].update(features_of(look))
    document = {
        "source": f"scripts/count_rooms.py --homes {count}",
        "rooms": dict(sorted(rooms.items())),
        "having": {kind: dict(sorted(having[kind].items())) for kind in sorted(rooms)},
    }
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def check_homes(count: int, labels: LabelSpace) -> None:
    """Prints how many kinds are found, with all objects and with a fifth of them missed."""
    rng = np.random.default_rng(0)
    right: Counter[str] = Counter()
    wrong: Counter[tuple[str, str]] = Counter()
    total = 0
    for world in homes(FIRST_CHECKED_SEED, count, labels):
        for kind, look in looks_of(world, labels):
            total += 1
            kept = frozenset(name for name in sorted(look.classes) if rng.random() < 0.8)
            found = classify(look).name
            right["all objects"] += found == kind
            right["a fifth of the classes missed"] += (
                classify(replace(look, classes=kept)).name == kind
            )
            wrong[kind, found] += found != kind
    for name, number in right.items():
        print(f"{name}: {number} of {total} right, {number / total:.3f}")
    for (kind, found), number in wrong.most_common(8):
        print(f"  {kind} taken for {found}: {number}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--homes", type=int, default=200)
    parser.add_argument("--check", type=int, default=0)
    options = parser.parse_args()
    labels = load_label_space("apartment")
    if options.check:
        check_homes(options.check, labels)
    else:
        count_homes(options.homes, labels)


if __name__ == "__main__":
    main()
