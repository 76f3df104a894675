"""Objects over time: what moves, goes, returns, merges and falls apart."""

import pytest
from helpers_graph import (
    CHAIR,
    DESK,
    FLOOR_PATCH,
    SECOND_NS,
    TABLE,
    ObjectWorld,
    blocks_of,
    box_mesh,
    noisy,
    object_world,
    standing_box,
)

from hydra_mono.core.box import box_iou


def test_an_object_carried_away_is_remembered_as_gone() -> None:
    world = object_world()
    for _ in range(2):
        world.show(FLOOR_PATCH, box_mesh(DESK, TABLE, stamp_ns=world.stamp_ns))
    world.show(FLOOR_PATCH)
    node = world.objects["O(0)"]
    assert node.removed_ns == world.stamp_ns == 3 * SECOND_NS
    assert not node.is_active
    assert not node.exists_at(3 * SECOND_NS) and node.exists_at(3 * SECOND_NS - 1)


def test_a_remnant_does_not_carry_the_name_of_what_was_carried_away() -> None:
    world = object_world()
    remnant = standing_box(0.15, 0.35, (0.1, 0.1, 0.35))
    for stamp_ns in (1, 2):
        world.show(FLOOR_PATCH, box_mesh(DESK, TABLE, stamp_ns=stamp_ns))
    world.show(FLOOR_PATCH, box_mesh(remnant, TABLE))
    assert world.objects["O(0)"].removed_ns == world.stamp_ns
    assert box_iou(world.objects["O(0)"].box, DESK) > 0.9


def test_an_object_seen_only_once_leaves_no_trace() -> None:
    world = object_world()
    world.show(FLOOR_PATCH, box_mesh(DESK, TABLE))
    world.show(FLOOR_PATCH)
    assert world.objects == {}
    world.show(FLOOR_PATCH, box_mesh(DESK, TABLE))
    assert list(world.objects) == ["O(1)"], "ids are never used again"


def vanish_and_return(pause_updates: int) -> ObjectWorld:
    world = object_world(revive_time=3.0)
    for stamp_ns in (1, 2):
        world.show(FLOOR_PATCH, box_mesh(DESK, TABLE, stamp_ns=stamp_ns))
    for _ in range(pause_updates):
        world.show(FLOOR_PATCH)
    world.show(FLOOR_PATCH, box_mesh(DESK, TABLE, stamp_ns=world.stamp_ns))
    return world


def test_an_object_that_soon_returns_to_its_spot_is_the_same() -> None:
    world = vanish_and_return(pause_updates=1)
    assert list(world.objects) == ["O(0)"]
    assert world.objects["O(0)"].removed_ns is None and world.objects["O(0)"].is_active


def test_an_object_that_returns_much_later_is_another() -> None:
    world = vanish_and_return(pause_updates=6)
    assert list(world.objects) == ["O(0)", "O(1)"]
    assert world.objects["O(0)"].removed_ns is not None


def test_surface_that_only_changes_its_label_is_not_carried_away() -> None:
    world = object_world()
    for stamp_ns in (1, 2):
        world.show(box_mesh(DESK, TABLE, stamp_ns=stamp_ns))
    world.show(box_mesh(DESK, CHAIR))
    table, chair = world.objects.values()
    assert (chair.name, chair.is_present) == ("chair", True)
    assert table.ending is not None and table.ending.kind == "retracted"


@pytest.mark.parametrize(("looks", "kind"), [(True, "removed"), (False, "retracted")])
def test_only_what_was_seen_through_is_removed(looks: bool, kind: str) -> None:
    world = object_world()
    for stamp_ns in (1, 2):
        world.show(FLOOR_PATCH, box_mesh(DESK, TABLE, stamp_ns=stamp_ns))
    world.looks = looks
    world.show(FLOOR_PATCH)
    ending = world.objects["O(0)"].ending
    assert ending is not None and ending.kind == kind


def test_surface_that_moved_in_the_map_is_not_carried_away_though_its_old_place_is_free() -> None:
    world = object_world(revive_time=0.0)
    for stamp_ns in (1, 2):
        world.show(FLOOR_PATCH, box_mesh(DESK, TABLE, stamp_ns=stamp_ns))
    inwards = standing_box(0.6, 0.6, (0.7, 0.3, 0.5))
    world.show(FLOOR_PATCH, box_mesh(inwards, CHAIR))
    assert [node.ending.kind for node in world.objects.values() if node.ending] == ["retracted"]


def test_two_that_grow_together_merge_into_the_older() -> None:
    left, right = standing_box(0.3, 0.5, (0.5, 0.5, 0.7)), standing_box(1.2, 0.5, (0.5, 0.5, 0.7))
    bridge = standing_box(0.75, 0.5, (0.4, 0.5, 0.7))
    world = object_world()
    world.show(box_mesh(right, TABLE, stamp_ns=1))
    world.show(box_mesh(right, TABLE, stamp_ns=1), box_mesh(left, TABLE, stamp_ns=2))
    assert list(world.objects) == ["O(0)", "O(1)"]
    whole = [box_mesh(part, TABLE, stamp_ns=3) for part in (left, bridge, right)]
    world.show(*whole)
    (symbol,) = world.objects
    assert symbol == "O(0)"
    assert world.objects[symbol].first_seen_ns == 1
    assert world.objects[symbol].box.dimensions_m[0] == pytest.approx(1.4, abs=0.06)


def test_one_that_falls_apart_leaves_its_name_to_the_larger_part() -> None:
    small, large = standing_box(0.3, 0.5, (0.4, 0.4, 0.4)), standing_box(1.2, 0.5, (0.8, 0.8, 0.7))
    bridge = standing_box(0.65, 0.5, (0.3, 0.4, 0.4))
    world = object_world()
    world.show(*(box_mesh(part, TABLE) for part in (small, bridge, large)))
    assert list(world.objects) == ["O(0)"]
    world.show(box_mesh(small, TABLE), box_mesh(large, TABLE))
    assert list(world.objects) == ["O(0)", "O(1)"]
    assert box_iou(world.objects["O(0)"].box, large) > 0.85
    assert box_iou(world.objects["O(1)"].box, small) > 0.8


def test_archived_objects_freeze_and_wake_with_their_id() -> None:
    world = object_world()
    world.show(box_mesh(DESK, TABLE))
    world.archive_everything()
    assert not world.objects["O(0)"].is_active
    assert world.objects["O(0)"].removed_ns is None
    world.show(box_mesh(DESK, TABLE))
    assert list(world.objects) == ["O(0)"] and world.objects["O(0)"].is_active


def test_an_object_half_archived_keeps_its_whole_box() -> None:
    world = object_world()
    mesh = box_mesh(DESK, TABLE)
    half = [key for key in blocks_of(mesh) if key[0] <= 0]
    world.show(mesh)
    world.show(mesh, archived=half)
    moved = noisy(mesh, 0.002, seed=1)
    world.show(moved)
    assert list(world.objects) == ["O(0)"]
    assert box_iou(world.objects["O(0)"].box, DESK) > 0.9


def test_nothing_is_recorded_where_nothing_changed() -> None:
    world = object_world()
    world.show(FLOOR_PATCH, box_mesh(DESK, TABLE))
    version = world.graph.version
    world.show(FLOOR_PATCH, box_mesh(DESK, TABLE))
    assert world.graph.version == version
