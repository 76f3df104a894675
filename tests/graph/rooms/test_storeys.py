"""Storeys out of floor area by height."""

import numpy as np

from hydra_mono.graph.walls.storeys import settle_floors, storey_floors, storey_of


def area(*rows: tuple[float, float]) -> np.ndarray:
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def test_two_floors_three_metres_apart_are_two_storeys() -> None:
    assert storey_floors(area((0.05, 60.0), (2.95, 40.0)), 2.0, 1.5, 0.1) == [0.05, 2.95]


def test_table_tops_and_steps_are_no_storeys() -> None:
    floors = area((0.05, 60.0), (0.75, 9.0), (0.35, 7.0))
    assert storey_floors(floors, 2.0, 1.5, 0.1) == [0.05]


def test_a_patch_of_floor_is_no_storey() -> None:
    assert storey_floors(area((0.05, 60.0), (2.95, 4.0)), 2.0, 1.5, 0.1) == [0.05]
    assert storey_floors(area((0.05, 60.0), (2.95, 1.0)), 2.0, 1.5, 0.0) == [0.05]
    assert storey_floors(area((0.05, 1.0)), 2.0, 1.5, 0.1) == []


def test_a_landing_is_a_storey_where_floor_is_known_for_sure() -> None:
    assert storey_floors(area((0.05, 400.0), (2.95, 2.0)), 2.0, 1.5, 0.0) == [0.05, 2.95]


def test_a_floor_spread_over_neighbouring_heights_counts_as_a_whole() -> None:
    assert storey_floors(area((0.05, 0.8), (0.15, 1.1)), 2.0, 1.5, 0.1) != []


def test_no_floor_no_storeys() -> None:
    assert storey_floors(area(), 2.0, 1.5, 0.1) == []


def test_heights_belong_to_the_floor_below_them() -> None:
    heights = np.array([-0.5, 0.3, 2.5, 3.2])
    assert storey_of(np.array([2.8, 2.9]), [0.0, 3.0]).tolist() == [0, 1]  # within the slab
    assert storey_of(heights, [0.0, 3.0]).tolist() == [0, 0, 0, 1]
    assert storey_of(heights, []).tolist() == [0, 0, 0, 0]


def test_a_floor_that_hardly_moved_stays_where_it_was() -> None:
    assert settle_floors([0.05, 3.05], [0.15, 4.0]) == [0.05, 4.0]
