from dataclasses import replace

import numpy as np
import pytest
from helpers_graph import (
    BIN,
    CABINET,
    CHAIR,
    DESK,
    FLOOR_PATCH,
    LABELS,
    TABLE,
    ObjectWorld,
    blocks_of,
    box_mesh,
    noisy,
    object_world,
    standing_box,
    wall_mesh,
)

from hydra_mono.core.box import box_iou
from hydra_mono.core.config import ObjectsConfig
from hydra_mono.core.mesh import BlockMesh
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.objects.box_completion import CompletionRule
from hydra_mono.graph.objects.layer import create_objects


def test_a_table_becomes_one_node_that_knows_what_it_is() -> None:
    world = object_world()
    world.show(FLOOR_PATCH, box_mesh(DESK, TABLE, stamp_ns=5))
    (node,) = world.objects.values()
    assert (node.label, node.name, node.color) == (TABLE, "table", (60, 120, 40))
    assert (node.first_seen_ns, node.last_seen_ns) == (5, 5)
    assert node.is_active and node.removed_ns is None
    assert node.vertex_count > 100
    assert set(node.mesh_blocks) == set(blocks_of(box_mesh(DESK, TABLE)))
    assert box_iou(node.box, DESK) > 0.9


def test_structure_is_no_object() -> None:
    world = object_world()
    world.show(FLOOR_PATCH)
    assert world.objects == {}


def test_two_sides_seen_one_after_the_other_are_one_object() -> None:
    world = object_world()
    world.show(box_mesh(DESK, TABLE, ("left", "top")))
    assert list(world.objects) == ["O(0)"]
    partial = world.objects["O(0)"].box
    world.show(box_mesh(DESK, TABLE, ("left", "top", "right", "front", "back")))
    assert list(world.objects) == ["O(0)"]
    assert box_iou(world.objects["O(0)"].box, DESK) >= box_iou(partial, DESK)


def test_opposite_sides_without_a_common_edge_are_one_object_in_the_end() -> None:
    world = object_world()
    left, right = box_mesh(DESK, TABLE, ("left",)), box_mesh(DESK, TABLE, ("right",))
    world.show(left)
    world.show(left, right)
    world.show(left, right, box_mesh(DESK, TABLE, ("top",)))
    assert list(world.objects) == ["O(0)"]
    assert box_iou(world.objects["O(0)"].box, DESK) > 0.9


@pytest.mark.parametrize("gap_m", [0.12, 0.2, 0.5])
def test_two_chairs_side_by_side_stay_two(gap_m: float) -> None:
    first = standing_box(0.5, 0.5, (0.45, 0.45, 0.9))
    second = standing_box(0.5 + 0.45 + gap_m, 0.5, (0.45, 0.45, 0.9))
    world = object_world()
    world.show(FLOOR_PATCH, box_mesh(first, CHAIR), box_mesh(second, CHAIR))
    boxes = [node.box for node in world.objects.values()]
    assert len(boxes) == 2
    assert box_iou(boxes[0], first) > 0.85 and box_iou(boxes[1], second) > 0.85


def test_objects_that_touch_but_differ_in_label_are_two() -> None:
    world = object_world()
    bin_box = standing_box(DESK.center_m[0] + 0.5 + 0.15, 0.6, (0.3, 0.3, 0.4))
    world.show(box_mesh(DESK, TABLE), box_mesh(bin_box, BIN))
    assert sorted(node.name for node in world.objects.values()) == ["bin", "table"]


def test_a_seat_and_its_back_above_a_gap_are_one_chair() -> None:
    seat = standing_box(0.5, 0.5, (0.45, 0.45, 0.45))
    back = standing_box(0.5, 0.7, (0.45, 0.05, 0.3), z=0.6)
    world = object_world()
    world.show(box_mesh(seat, CHAIR), box_mesh(back, CHAIR))
    assert list(world.objects) == ["O(0)"]


def test_a_front_and_a_top_with_an_empty_cell_at_their_rim_are_one_box() -> None:
    box = standing_box(0.5, 0.5, (0.4, 0.4, 0.9))  # its front is at y = 0.3
    shorter = standing_box(0.5, 0.535, (0.4, 0.3, 0.9))  # whose top begins at y = 0.385
    world = object_world()
    world.show(box_mesh(box, CHAIR, ("front",)), box_mesh(shorter, CHAIR, ("top",)))
    assert list(world.objects) == ["O(0)"]
    assert world.objects["O(0)"].box.dimensions_m[2] == pytest.approx(0.9, abs=0.05)


def test_a_shade_and_its_foot_are_one_lamp_though_the_pole_is_too_thin_to_see() -> None:
    foot = standing_box(0.5, 0.5, (0.3, 0.3, 0.05))
    shade = standing_box(0.5, 0.5, (0.4, 0.4, 0.3), z=1.2)
    world = object_world()
    world.show(box_mesh(foot, BIN), box_mesh(shade, BIN))
    assert list(world.objects) == ["O(0)"]
    assert world.objects["O(0)"].box.dimensions_m[2] == pytest.approx(1.5, abs=0.05)


def test_a_foot_with_a_stub_of_its_pole_still_belongs_to_the_shade() -> None:
    foot = standing_box(0.5, 0.5, (0.3, 0.3, 0.05))
    stub = standing_box(0.5, 0.5, (0.06, 0.06, 0.35))
    shade = standing_box(0.5, 0.5, (0.4, 0.4, 0.3), z=1.2)
    world = object_world()
    world.show(box_mesh(foot, BIN), box_mesh(stub, BIN), box_mesh(shade, BIN))
    assert list(world.objects) == ["O(0)"]


def test_a_cupboard_on_the_wall_and_one_below_stay_two() -> None:
    below = standing_box(0.5, 0.5, (0.6, 0.4, 0.8))
    above = standing_box(0.5, 0.5, (0.6, 0.3, 0.5), z=1.4)
    world = object_world()
    world.show(box_mesh(below, CABINET), box_mesh(above, CABINET))
    assert len(world.objects) == 2


def test_a_crumb_beside_a_large_object_is_not_another_object() -> None:
    crumb = standing_box(DESK.center_m[0] + 0.7, 0.6, (0.08, 0.08, 0.2))
    alone, beside = object_world(), object_world()
    alone.show(box_mesh(crumb, TABLE))
    beside.show(box_mesh(DESK, TABLE), box_mesh(crumb, TABLE))
    assert len(alone.objects) == len(beside.objects) == 1
    assert box_iou(beside.objects["O(0)"].box, DESK) > 0.9


def test_a_speck_is_no_object() -> None:
    world = object_world()
    world.show(FLOOR_PATCH, box_mesh(standing_box(0.5, 0.5, (0.1, 0.1, 0.02)), CHAIR))
    assert world.objects == {}


def test_a_small_bin_is_an_object() -> None:
    world = object_world()
    world.show(FLOOR_PATCH, box_mesh(standing_box(0.5, 0.5, (0.2, 0.2, 0.25)), BIN))
    assert [node.name for node in world.objects.values()] == ["bin"]


@pytest.mark.parametrize(("voxel_size", "is_whole"), [(0.1, True), (0.0, False)])
def test_a_coarse_map_needs_a_coarse_grid(voxel_size: float, is_whole: bool) -> None:
    layer = create_objects(ObjectsConfig(), LABELS, voxel_size)
    world = ObjectWorld(layer, SceneGraph(), BlockMesh())
    small = box_mesh(standing_box(0.3, 0.3, (0.5, 0.3, 0.35)), TABLE)
    world.show(replace(small, vertices_m=2 * small.vertices_m))
    assert (len(world.objects) == 1) == is_whole


def test_a_node_says_what_of_its_box_was_seen_and_which_sides_were_completed() -> None:
    world = object_world(completion=CompletionRule(0.12, 0.6, 0.15, 0.02))
    seen = standing_box(0.97, 0.8, (0.44, 0.8, 0.84), z=0.06)
    wall = [wall_mesh(1.27, -0.2, 0.4), wall_mesh(1.27, 1.2, 1.6), FLOOR_PATCH]
    world.show(box_mesh(seen, CABINET, ("left", "front", "back", "top")), *wall)
    (node,) = world.objects.values()
    assert node.completed_sides == ("+x", "-z")
    assert node.seen_fraction == pytest.approx(seen.volume_m3 / node.box.volume_m3, abs=0.02)


def test_a_speck_of_a_wide_class_is_no_object() -> None:
    world = object_world()
    width = 0.6 * float(LABELS.least_widths_m[TABLE])
    world.show(FLOOR_PATCH, box_mesh(standing_box(0.6, 0.6, (width, width, 0.4)), TABLE))
    assert world.objects == {}


@pytest.mark.parametrize("yaw_rad", [0.3, -0.6, 0.75])
def test_a_turned_object_gets_a_turned_box(yaw_rad: float) -> None:
    turned = standing_box(0.8, 0.8, (1.2, 0.6, 0.7), yaw_rad)
    world = object_world()
    world.show(noisy(box_mesh(turned, TABLE), 0.005, seed=2))
    (node,) = world.objects.values()
    assert box_iou(node.box, turned) > 0.9


def test_a_cabinet_seen_from_the_front_reaches_the_wall_and_floor_it_stands_against() -> None:
    cabinet = standing_box(1.0, 0.8, (0.5, 0.8, 0.9))
    seen = standing_box(0.97, 0.8, (0.44, 0.8, 0.84), z=0.06)  # what labels at borders leave
    wall = [wall_mesh(1.27, -0.2, 0.4), wall_mesh(1.27, 1.2, 1.6), FLOOR_PATCH]
    front = box_mesh(seen, CABINET, ("left", "front", "back", "top"))
    as_seen, completed = (
        object_world(),
        object_world(completion=CompletionRule(0.12, 0.6, 0.15, 0.02)),
    )
    for world in (as_seen, completed):
        world.show(front, *wall)
    assert box_iou(as_seen.objects["O(0)"].box, cabinet) < 0.85
    assert box_iou(completed.objects["O(0)"].box, cabinet) > 0.95


def test_the_order_of_vertices_and_blocks_does_not_matter() -> None:
    def run(order: int) -> dict[str, object]:
        world = object_world()
        rng = np.random.default_rng(order)
        objects = [box_mesh(DESK, TABLE), box_mesh(standing_box(1.5, 0.6, (0.4, 0.4, 0.9)), CHAIR)]
        for _ in range(3):
            world.show(*(objects[i] for i in rng.permutation(2)), FLOOR_PATCH)
        return dict(world.objects)

    by_box = [
        sorted((str(n.box), n.name, n.vertex_count, n.mesh_blocks) for n in run(i).values())
        for i in range(4)
    ]
    assert by_box[0] == by_box[1] == by_box[2] == by_box[3]
    assert run(0) == run(0)
