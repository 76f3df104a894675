"""Relations against simulated homes, which know what stands on what and what is on a wall."""

import numpy as np
import pytest
from helpers_query import LABELS as HOUSE_LABELS
from helpers_query import ask_house, symbol, thing
from helpers_worlds import LABELS, Built, built

from hydra_mono.graph.query.questions import Questions
from hydra_mono.graph.query.relations import all_relations
from hydra_mono.graph.query.snapshot.index import index_of

SEEDS = range(2001, 2005)
NOISE_M = 0.03  # of every side of every box: as boxes of a run with depth are


def truth(home: Built) -> set[tuple[str, str, str]]:
    """What was put on what, what on the wall and what on the floor; by how the home was built."""
    found = set()
    for item in home.world.objects:
        floor_m = home.world.plan.rooms[0].floor_m
        below = [
            other
            for other in home.world.objects
            if other is not item
            and abs(item.position_m[2] - other.position_m[2] - other.size_m[2]) < 1e-6
            and other.box.contains(np.array([[*item.position_m[:2], other.box.center_m[2]]]))[0]
        ]
        name = f"O({item.instance})"
        if below:
            found.add((name, "on", f"O({below[0].instance})"))
        elif item.position_m[2] - floor_m > 0.8:
            found.add((name, "attached_to", "wall"))
        else:
            found.add((name, "on", "floor"))
    return found


def found_in(home: Built) -> set[tuple[str, str, str]]:
    facts = all_relations(index_of(home.graph, LABELS))
    return {(str(f.subject_id), f.verb, str(f.target_id or f.target)) for f in facts}


def f1(true: set[tuple[str, str, str]], found: set[tuple[str, str, str]]) -> float:
    return 2 * len(true & found) / (len(true) + len(found))


@pytest.fixture(scope="module")
def homes() -> list[Built]:
    return [built(seed, rooms=5, noise_m=NOISE_M) for seed in SEEDS]


@pytest.mark.parametrize("verb", ["on", "attached_to"])
def test_what_stands_or_hangs_where_is_found(homes: list[Built], verb: str) -> None:
    true, found = set(), set()
    for number, home in enumerate(homes):
        true |= {(number, *entry) for entry in truth(home) if entry[1] == verb}
        found |= {(number, *entry) for entry in found_in(home) if entry[1] == verb}
    assert len(true) > 10
    assert f1(true, found) >= 0.9
    on_things = [{e for e in group if e[3].startswith("O")} for group in (true, found)]
    if verb == "on":
        assert len(on_things[0]) >= 5
        assert f1(*on_things) >= 0.9


def test_neighbours_are_close_and_side_by_side(homes: list[Built]) -> None:
    """Nightstands were put a hand's breadth beside their bed; nobody is far from a neighbour."""
    for home in homes:
        beside = {(a, b) for a, verb, b in found_in(home) if verb == "next_to"}
        assert all((b, a) in beside for a, b in beside)
        things = {f"O({item.instance})": item for item in home.world.objects}
        for name, item in things.items():
            if LABELS.name_of(item.label) == "nightstand":
                assert any(LABELS.name_of(things[b].label) == "bed" for a, b in beside if a == name)
        for a, b in beside:
            reach = sum(np.hypot(*things[end].size_m[:2]) / 2 for end in (a, b))
            away = np.linalg.norm(np.subtract(things[a].position_m, things[b].position_m)[:2])
            assert away <= reach + 0.45 + 6 * NOISE_M


def relations_of(name: str) -> set[tuple[str, str, str]]:
    answer = Questions(ask_house(), HOUSE_LABELS).relations(name)
    return {(fact.subject, fact.verb, fact.target) for fact in answer.items}


def test_a_box_on_a_table_with_a_chair_beside_it() -> None:
    assert ("box 1", "on", "table 0") in relations_of("table")
    assert ("table 0", "on", "floor") in relations_of("table")
    assert ("table 0", "next_to", "chair 5") in relations_of("table")
    assert relations_of("box") == {("box 1", "on", "table 0")}


def test_in_a_cabinet_and_under_a_table() -> None:
    house = ask_house()
    house.add_node(symbol("O(8)"), thing(23, (7.6, 2.1, 1.2), (0.3, 0.3, 0.3)))
    house.add_node(symbol("O(9)"), thing(23, (1.0, 1.2, 0.2), (0.4, 0.4, 0.4)))
    asked = Questions(house, HOUSE_LABELS)
    assert [f.verb for f in asked.relations("O(8)").items] == ["in"]
    under = [(f.verb, f.target) for f in asked.relations("O(9)").items]
    assert ("under", "table 0") in under


def test_a_wall_parts_neighbours() -> None:
    house = ask_house()
    for number, x, place in ((8, 3.85, "p(22)"), (9, 4.15, "p(27)")):
        name = f"O({number})"
        house.add_node(symbol(name), thing(23, (x, 1.0, 0.15), (0.2, 0.2, 0.3)))
        edge = house.get_edge(symbol("O(0)"), symbol("p(6)"))
        house.add_edge(symbol(name), symbol(place), edge)
    asked = Questions(house, HOUSE_LABELS)
    assert {f.target for f in asked.relations("O(8)").items} == {"floor"}


def test_what_left_has_no_relations() -> None:
    assert Questions(ask_house(), HOUSE_LABELS).relations("chair 4").status == "was there until"
