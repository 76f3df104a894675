"""Buildings of several storeys: stairs one can climb, and the same truth as on one storey."""

import functools
import hashlib
from itertools import combinations, pairwise

import numpy as np
import pytest
from helpers_simulation import SMALL, nearest_surface_m, small_source
from scipy import ndimage

from hydra_mono.core.labels import load_label_space
from hydra_mono.simulation.building.storeys import make_building
from hydra_mono.simulation.scene import World, build_world
from hydra_mono.simulation.source import SimulatedSource, open_simulated

LABELS = load_label_space("apartment")
STAIRS = 6  # label
TALL = SMALL.model_copy(update={"rooms": 2, "storeys": 2, "people": 2, "moved": 0})

KNOWN_WORLDS = [  # digests of surface and poses, from before there were storeys
    ("simulated/3", ("d446a0152c6d030e", "a06d061749655a13")),
    ("training/0", ("f3562333fb5e8bdd", "8f18adaded24ad21")),
]


@functools.cache
def tall_source() -> SimulatedSource:
    return open_simulated("simulated/4", TALL)


def tall_world(seed: int) -> World:
    return build_world(np.random.default_rng(seed), LABELS, rooms=3, joints=1, storeys=3)


def digest(*arrays: np.ndarray) -> str:
    """Of the values to a micrometre, so that the last bits of a sine do not matter."""
    rounded = [np.round(array.astype(np.float64), 6) + 0.0 for array in arrays]
    return hashlib.sha256(b"".join(array.tobytes() for array in rounded)).hexdigest()[:16]


@pytest.mark.parametrize(("name", "expected"), KNOWN_WORLDS)
def test_worlds_of_one_storey_are_those_of_before_there_were_stairs(
    name: str, expected: tuple[str, str]
) -> None:
    source = small_source(name)
    surface = source.world.surface
    whole = (surface.vertices_m, surface.faces, surface.uv_m, surface.materials, surface.labels)
    assert (digest(*whole, surface.instances), digest(source.poses)) == expected


@pytest.mark.parametrize("rooms", [3, 6, 12])
def test_rooms_of_a_storey_lie_beside_one_another_and_the_stairs_above_each_other(
    rooms: int,
) -> None:
    plan = make_building(np.random.default_rng(1), rooms, joints=1, storeys=3)
    assert [room.index for room in plan.rooms] == list(range(3 * (rooms + 1)))
    for a, b in combinations(plan.rooms, 2):
        apart = np.maximum(np.subtract(a.lower_m, b.upper_m), np.subtract(b.lower_m, a.upper_m))
        assert a.storey != b.storey or apart.max() > 0.1
    stairs = [room for room in plan.rooms if room.kind == "stairs"]
    assert [room.storey for room in stairs] == [0, 1, 2]
    assert len({(room.lower_m, room.upper_m) for room in stairs}) == 1
    assert [flight.rooms for flight in plan.flights] == [
        (a.index, b.index) for a, b in pairwise(stairs)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_steps_are_as_high_and_deep_as_real_ones_and_end_at_the_upper_floor(seed: int) -> None:
    world = tall_world(seed)
    flights = [obj for obj in world.fixed if obj.name == "stairs"]
    assert len(flights) == 2
    for obj, flight in zip(flights, world.plan.flights, strict=True):
        tops = [flight.floor_m + part.center_m[2] + part.size_m[2] / 2 for part in obj.parts]
        risers = np.diff([world.plan.rooms[flight.rooms[0]].floor_m, *tops, flight.top_m])
        np.testing.assert_allclose(risers, risers[0])
        assert 0.16 < risers[0] < 0.18
        assert {part.size_m[0] for part in obj.parts} == {0.28}
        assert flight.top_m == pytest.approx(world.plan.rooms[flight.rooms[1]].floor_m)
        assert flight.top_m - flight.ceiling_m == pytest.approx(0.3)


def test_the_walk_enters_every_room_of_every_storey_at_eye_height_above_floor_or_stairs() -> None:
    source = tall_source()
    positions = source.poses[:, :3, 3]
    grid = source.truth().grid
    cells = np.rint((positions - grid.origin_m) / grid.voxel_size_m).astype(int)
    assert set(grid.room[tuple(cells.T)]) == {room.index for room in source.truth().rooms}
    assert np.linalg.norm(np.diff(positions, axis=0), axis=1).max() < 0.1
    assert nearest_surface_m(source, positions).min() > 0.2
    flight = source.world.plan.flights[0]
    climbing = (positions[:, 2] > 1.6) & (positions[:, 2] < flight.top_m + 1.4)
    rise = np.diff(positions[climbing, 2])
    assert np.abs(rise).max() < 0.06
    ramp = flight.ramp()
    on_stairs = np.interp(positions[climbing, 0], ramp[:, 0], ramp[:, 2])
    assert np.abs(positions[climbing, 2] - on_stairs - 1.5).max() < 0.1
    assert set(np.round(positions[~climbing, 2])) <= {1.0, 2.0, 4.0, 5.0}


def test_the_only_way_of_the_air_between_storeys_is_the_opening_over_the_stairs() -> None:
    source = tall_source()
    grid, flight = source.truth().grid, source.world.plan.flights[0]
    assert ndimage.label(grid.free)[1] == 1
    heights = grid.origin_m[2] + np.arange(grid.free.shape[2]) * grid.voxel_size_m
    slab = np.argwhere(grid.free[..., np.abs(heights - flight.top_m + 0.15) < 0.06])[:, :2]
    plan = grid.origin_m[:2] + slab * grid.voxel_size_m
    assert np.all((plan > flight.lower_m) & (plan < flight.upper_m))
    lane = np.subtract(flight.upper_m, flight.lower_m)
    assert len(np.unique(slab, axis=0)) * 0.01 > 0.9 * float(np.prod(lane))


def test_every_room_lies_on_one_storey() -> None:
    source = tall_source()
    truth, floor = source.truth(), source.world.plan.floors_m[1]
    assert [room.storey for room in truth.rooms] == [0, 0, 0, 1, 1, 1]
    assert [room.name for room in truth.rooms].count("stairs") == 1
    for room in truth.rooms:
        heights = truth.grid.origin_m[2] + np.argwhere(truth.grid.room == room.index)[:, 2] * 0.1
        assert np.all((heights > floor - 0.15) == bool(room.storey))


def test_surface_lies_between_what_is_free_and_what_is_not_above_and_below_too() -> None:
    source = tall_source()
    grid = source.truth().grid
    borders = np.argwhere(grid.free[..., 1:] != grid.free[..., :-1])
    between = grid.origin_m + (borders + np.array([0, 0, 0.5])) * grid.voxel_size_m
    assert nearest_surface_m(source, between).max() < grid.voxel_size_m * 0.5 + 1e-3


def test_stairs_are_seen_with_their_own_label_from_below_and_above() -> None:
    source = tall_source()
    floor = source.world.plan.floors_m[1]
    for upstairs in (False, True):
        frames = np.flatnonzero((source.poses[:, 2, 3] > floor + 1) == upstairs)[::15]
        shares = [(source[int(i)].labels == STAIRS).mean() for i in frames]  # type: ignore[union-attr]
        assert max(shares) > 0.05


def test_people_walk_on_the_floor_of_their_storey() -> None:
    source = tall_source()
    for track, floor in zip(source.truth().agents, source.world.plan.floors_m, strict=True):
        assert {z for _, _, z in track.positions_m} == {floor}
