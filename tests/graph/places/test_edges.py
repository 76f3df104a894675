"""Widths that edges between places state, and when they may be stated anew."""

from dataclasses import replace

import numpy as np
import pytest

from hydra_mono.core.freespace import FreeSpace
from hydra_mono.graph.places.clearance import UnknownSpace
from hydra_mono.graph.places.cover import Balls
from hydra_mono.graph.places.edges import Links
from hydra_mono.graph.places.layer import PlaceLayer, create_places
from hydra_mono.graph.places.plan import Plan, plan_places
from hydra_mono.mapping.freespace.esdf import distance_field

SIZE_M, SHAPE = 0.1, (40, 30, 26)
PLACES = np.array([[2.45, 1.5, 1.3], [2.85, 1.5, 1.3], [2.45, 1.1, 1.3]])


def space_above_a_floor(pillar_x: int | None = None) -> FreeSpace:
    """Seen empty all over but for a floor, and a wall across x; what changed ends at x = 1.6."""
    solid = np.zeros(SHAPE, bool)
    solid[:, :, 0] = True
    if pillar_x is not None:
        solid[pillar_x] = True
    offset = np.full((*SHAPE, 3), 128, np.uint8)
    distance, parent = distance_field(
        solid, offset, ~solid, voxel_size_m=SIZE_M, max_distance_m=2.0
    )
    return FreeSpace(
        voxel_size_m=SIZE_M,
        max_distance_m=2.0,
        lower=np.zeros(3, np.int32),
        observed_free=~solid,
        distance_m=distance,
        parent=parent.astype(np.int32),
        changed_lower=np.zeros(3, np.int32),
        changed_upper=np.array([16, 30, 26], np.int32),
        surface_offset=offset,
        unseen=np.zeros(SHAPE, bool),
        exact_lower_m=np.full(3, -np.inf),
        exact_upper_m=np.full(3, np.inf),
    )


def planned(space: FreeSpace, known: Links) -> Plan:
    layer: PlaceLayer = create_places()
    balls = Balls(PLACES, np.full(3, 0.9), np.full(3, 2))
    return plan_places(space, balls, known, np.ones(3, bool), layer._rules)


def stated_m(plan: Plan, pair: tuple[int, int]) -> float:
    row = np.flatnonzero((plan.links.pairs == pair).all(axis=1))
    return float(plan.links.clearance_m[row[0]])


def linked(clearance_m: float) -> Links:
    return Links(np.array([[0, 1], [0, 2]]), np.array([clearance_m, clearance_m]))


@pytest.mark.parametrize("stated", [0.3, 0.55])
def test_a_width_given_by_surface_off_the_box_is_kept(stated: float) -> None:
    """The box ends at x = 3.0: what narrowed the way may lie just past it."""
    space = space_above_a_floor()
    cut = replace(space, exact_upper_m=np.array([3.0, np.inf, np.inf]))
    assert stated_m(planned(cut, linked(stated)), (0, 1)) == pytest.approx(stated)


def test_a_width_is_stated_anew_where_all_surfaces_near_are_known() -> None:
    space = space_above_a_floor()
    assert stated_m(planned(space, linked(0.3)), (0, 1)) > 0.8
    before_a_wall = space_above_a_floor(pillar_x=32)
    assert stated_m(planned(before_a_wall, linked(0.9)), (0, 1)) < 0.4


@pytest.mark.parametrize("times", [1, 5])
def test_stating_a_width_again_and_again_does_not_wear_it_off(times: int) -> None:
    cut = replace(space_above_a_floor(), exact_upper_m=np.array([3.0, np.inf, np.inf]))
    links = linked(0.5)
    for _ in range(times):
        links = linked(stated_m(planned(cut, links), (0, 1)))
    assert links.clearance_m[0] == pytest.approx(0.5)


def test_a_way_is_no_wider_than_to_the_nearest_face_of_what_nobody_has_seen_into() -> None:
    space = space_above_a_floor()
    unseen = np.zeros(SHAPE, bool)
    unseen[26:28, 14:16, 17:19] = True  # from z = 1.7 up
    unknown = UnknownSpace(
        replace(space, observed_free=space.observed_free & ~unseen, unseen=unseen)
    )
    assert unknown.along(PLACES[:1], PLACES[1:2]) == pytest.approx([0.4])
    beside = np.array([[2.7, 1.9, 1.3]])
    assert unknown.along(beside, beside) == pytest.approx([np.hypot(0.3, 0.4)])


def test_a_single_unseen_voxel_is_part_of_what_was_seen_around_it() -> None:
    space = space_above_a_floor()
    unseen = np.zeros(SHAPE, bool)
    unseen[26, 14, 17] = True
    unknown = UnknownSpace(
        replace(space, observed_free=space.observed_free & ~unseen, unseen=unseen)
    )
    assert np.isinf(unknown.along(PLACES[:1], PLACES[1:2])).all()


def test_unseen_space_is_searched_no_farther_than_it_matters() -> None:
    space = space_above_a_floor()
    unseen = np.zeros(SHAPE, bool)
    unseen[5:8, 5:8, 10:13] = unseen[20:23, 20:23, 5:8] = True
    unknown = UnknownSpace(
        replace(space, observed_free=space.observed_free & ~unseen, unseen=unseen)
    )
    start = np.random.default_rng(1).uniform(0.5, 2.5, (40, 3))
    everywhere, nearby = (unknown.along(start, start + 0.3, reach) for reach in (np.inf, 0.5))
    assert (everywhere < 0.5).any() and (everywhere > 0.8).any() and np.isinf(nearby).any()
    np.testing.assert_array_equal(np.minimum(nearby, 0.5), np.minimum(everywhere, 0.5))
