import math

import numpy as np
import pytest
from helpers_graph import (
    LABELS,
    TABLE,
    blocks_of,
    box_mesh,
    floor_mesh,
    standing_box,
    wall_mesh,
)

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.mesh import BlockMesh, MeshUpdate, SemanticMesh, concatenate
from hydra_mono.graph.objects.box_completion import (
    CompletionRule,
    complete_box,
)
from hydra_mono.graph.objects.structure import Structure, StructureStore

RULE = CompletionRule(wall_reach_m=0.12, back_reach_m=0.6, floor_reach_m=0.15, clearance_m=0.02)
BOX = standing_box(0.5, 0.0, (0.6, 1.0, 0.8))  # x from 0.2 to 0.8
SEEN = ("left", "front", "back", "top")
GROUND = floor_mesh((-0.3, -1.0), (0.15, 1.0))


def complete(
    box: BoundingBox,
    *structure: SemanticMesh,
    sides: tuple[str, ...] = SEEN,
    least_width_m: float = 0.0,
    ends_m: dict[tuple[int, int], float] | None = None,
) -> BoundingBox:
    own, near = box_mesh(box, TABLE, sides), concatenate(structure)
    return complete_box(
        box,
        own.vertices_m.astype(np.float64),
        own.normals.astype(np.float64),
        Structure(near.vertices_m, near.normals),
        RULE,
        least_width_m=least_width_m,
        ends_m=ends_m or {},
    )


def high_x(box: BoundingBox) -> float:
    return box.center_m[0] + box.dimensions_m[0] / 2


def low_z(box: BoundingBox) -> float:
    return box.center_m[2] - box.dimensions_m[2] / 2


def test_without_structure_the_box_stays() -> None:
    assert complete(BOX).dimensions_m == pytest.approx(BOX.dimensions_m)


def test_an_unseen_back_reaches_the_wall_but_for_the_skirting_board() -> None:
    done = complete(BOX, wall_mesh(0.9, -1.0, 1.0), GROUND)
    assert high_x(done) == pytest.approx(0.88, abs=1e-6)
    assert done.dimensions_m[1:] == pytest.approx(BOX.dimensions_m[1:])


def test_what_hangs_on_the_wall_is_nearer_to_it() -> None:
    hung = standing_box(0.5, 0.0, (0.6, 1.0, 0.8), z=1.0)
    assert high_x(complete(hung, wall_mesh(0.9, -1.0, 1.0, 2.0))) == pytest.approx(0.89, abs=1e-6)


def test_contours_that_end_before_the_wall_keep_most_of_the_gap_open() -> None:
    wall = wall_mesh(0.9, -1.0, 1.0)
    told = complete(BOX, wall, GROUND, ends_m={(0, 1): 0.0})
    assert 0.8 < high_x(told) < 0.84
    assert high_x(complete(BOX, wall, GROUND, ends_m={(0, 1): 0.075})) == pytest.approx(0.88)


def test_a_back_that_was_seen_stays_where_it_is() -> None:
    done = complete(BOX, wall_mesh(0.9, -1.0, 1.0), sides=(*SEEN, "right"))
    assert high_x(done) == pytest.approx(0.8)


def test_a_wall_out_of_reach_is_not_stood_against() -> None:
    assert high_x(complete(BOX, wall_mesh(1.0, -1.0, 1.0))) == pytest.approx(0.8)


def test_a_wall_that_faces_the_other_way_is_another_rooms() -> None:
    wall = wall_mesh(0.9, -1.0, 1.0)
    away = SemanticMesh(
        **{n: getattr(wall, n) for n in SemanticMesh.__slots__} | {"normals": -wall.normals}
    )
    assert high_x(complete(BOX, away)) == pytest.approx(0.8)


def test_a_gap_one_can_see_into_stays_open() -> None:
    in_the_gap = floor_mesh((0.82, -0.5), (0.88, 0.5))
    done = complete(BOX, wall_mesh(0.9, -1.0, 1.0), in_the_gap)
    assert high_x(done) == pytest.approx(0.8)


def test_no_box_reaches_into_the_wall_by_bleeding_labels() -> None:
    done = complete(BOX, wall_mesh(0.77, -1.0, 1.0), GROUND, sides=("left", "front", "top"))
    assert high_x(done) == pytest.approx(0.8), (
        "much of the object lies beyond: this wall is not its"
    )
    thin = box_mesh(
        standing_box(0.45, 0.0, (0.5, 1.0, 0.8)), TABLE, ("left", "front", "back", "top")
    )
    wall = concatenate([wall_mesh(0.77, -1.0, 1.0), GROUND])
    bled = complete_box(
        BOX,
        thin.vertices_m.astype(np.float64),
        thin.normals.astype(np.float64),
        Structure(wall.vertices_m, wall.normals),
        RULE,
    )
    assert high_x(bled) == pytest.approx(0.75)


def test_a_sole_reaches_the_floor_around_it() -> None:
    raised = standing_box(0.5, 0.0, (0.6, 1.0, 0.7), z=0.1)
    assert low_z(complete(raised, GROUND)) == pytest.approx(0.0, abs=1e-6)
    assert low_z(complete(standing_box(0.5, 0.0, (0.6, 1.0, 0.7), z=0.3), GROUND)) == pytest.approx(
        0.3
    )


def test_a_round_object_is_as_deep_as_it_is_wide() -> None:
    angle, height = np.meshgrid(np.linspace(-0.5, 0.5, 41) * math.pi, np.linspace(0, 1, 21))
    normals = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1).reshape(-1, 3)
    points = 0.3 * normals + np.stack([0 * angle, 0 * angle, height], axis=-1).reshape(-1, 3)
    front = points[points[:, 0] > 0.05]  # the far half and a little more were never seen
    facing = normals[points[:, 0] > 0.05]
    seen = BoundingBox((0.1, 0.0, 0.5), (0.4, 0.6, 1.0))
    done = complete_box(seen, front, facing, Structure.empty(), RULE)
    assert done.dimensions_m == pytest.approx(seen.dimensions_m), "two thirds are too little"
    most = BoundingBox((0.075, 0.0, 0.5), (0.45, 0.6, 1.0))
    done = complete_box(most, points, normals, Structure.empty(), RULE)
    assert done.dimensions_m == pytest.approx((0.6, 0.6, 1.0))
    assert done.center_m == pytest.approx((0.0, 0.0, 0.5))


def test_a_rounded_object_seen_from_both_sides_stays_as_narrow_as_it_is() -> None:
    angle, height = np.meshgrid(np.linspace(-1, 1, 81) * math.pi, np.linspace(0, 1, 21))
    normals = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1).reshape(-1, 3)
    points = np.array([0.2, 0.3, 0.0]) * normals
    points[:, 2] = height.ravel()
    oval = BoundingBox((0.0, 0.0, 0.5), (0.4, 0.6, 1.0))
    done = complete_box(oval, points, normals, Structure.empty(), RULE)
    assert done.dimensions_m == pytest.approx(oval.dimensions_m)


FRONT = standing_box(0.4, 0.0, (0.06, 1.0, 1.2))  # x from 0.37 to 0.43
FAR_WALL = wall_mesh(0.9, -1.0, 1.0)


def test_a_front_alone_reaches_back_to_the_wall() -> None:
    done = complete(FRONT, FAR_WALL, GROUND, sides=("left",))
    assert high_x(done) == pytest.approx(0.88, abs=1e-6)
    deep = complete(BOX, wall_mesh(1.2, -1.0, 1.0), GROUND, sides=("left",))
    assert high_x(deep) == pytest.approx(0.8), "an object of some depth showed more than its front"


def test_a_front_with_floor_in_sight_behind_it_is_thin() -> None:
    behind = floor_mesh((0.5, -0.4), (0.8, 0.4))
    done = complete(FRONT, FAR_WALL, GROUND, behind, sides=("left",))
    assert high_x(done) == pytest.approx(0.43)


def test_a_front_that_does_not_stand_is_thin() -> None:
    hung = standing_box(0.4, 0.0, (0.06, 1.0, 1.2), z=1.0)
    done = complete(hung, FAR_WALL, GROUND, sides=("left",))
    assert high_x(done) == pytest.approx(0.43)


def test_a_back_alone_is_as_deep_as_its_kind_is_at_least_away_from_the_viewer() -> None:
    done = complete(FRONT, GROUND, sides=("left",), least_width_m=0.4)
    assert high_x(done) == pytest.approx(0.37 + 0.4)
    assert done.dimensions_m[:2] == pytest.approx((0.4, 1.0))
    other = complete(FRONT, GROUND, sides=("right",), least_width_m=0.4)
    assert high_x(other) == pytest.approx(0.43)
    assert other.dimensions_m[0] == pytest.approx(0.4)


@pytest.mark.parametrize("sides", [("left", "right"), ("front",)])
def test_a_object_goes_on_either_way_where_its_sides_do_not_tell_which(
    sides: tuple[str, ...],
) -> None:
    done = complete(FRONT, GROUND, sides=sides, least_width_m=0.4)
    assert done.center_m[:2] == pytest.approx(FRONT.center_m[:2])
    assert done.dimensions_m[:2] == pytest.approx((0.4, 1.0))


def test_a_wide_object_stays_as_it_is() -> None:
    done = complete(FRONT, GROUND, sides=("left",), least_width_m=0.05)
    assert done.dimensions_m == pytest.approx(FRONT.dimensions_m)


@pytest.mark.parametrize("yaw_rad", [0.4, -1.1])
def test_completion_turns_with_the_world(yaw_rad: float) -> None:
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    own = box_mesh(BOX, TABLE, SEEN)
    near = concatenate([wall_mesh(0.9, -1.0, 1.0), GROUND])
    turned = BoundingBox(tuple(map(float, turn @ BOX.center_m)), BOX.dimensions_m, yaw_rad)
    done = complete_box(
        turned,
        own.vertices_m.astype(np.float64) @ turn.T,
        own.normals.astype(np.float64) @ turn.T,
        Structure(
            (near.vertices_m @ turn.T).astype(np.float32),
            (near.normals @ turn.T).astype(np.float32),
        ),
        RULE,
    )
    assert done.dimensions_m == pytest.approx(complete(BOX, near).dimensions_m, abs=1e-4)
    assert done.yaw_rad == yaw_rad


def test_the_store_finds_structure_only_and_follows_the_mesh() -> None:
    mesh, store = BlockMesh(), StructureStore(LABELS)
    wall = wall_mesh(0.9, -1.0, 1.0)
    first = MeshUpdate(1, 0.4, blocks_of(concatenate([wall, box_mesh(BOX, TABLE)])))
    for layer in (mesh, store):
        layer.apply(first)
    found = store.near(BOX, mesh, 0.4)
    assert len(found) > 100 and np.allclose(found.points_m[:, 0], 0.9)
    assert len(store.near(standing_box(-5.0, 0.0, (1.0, 1.0, 1.0)), mesh, 0.4)) == 0
    moved = wall_mesh(1.0, -1.0, 1.0)
    gone = {key: SemanticMesh.empty() for key in blocks_of(wall)}
    for layer in (mesh, store):
        layer.apply(MeshUpdate(2, 0.4, gone | blocks_of(moved)))
    assert np.allclose(store.near(BOX, mesh, 0.4).points_m[:, 0], 1.0)
