"""A room in which objects come, go and are moved while the camera looks the other way."""

import json

import pytest
from helpers_change import SECOND_NS, box_at, chair, frame_of, mapped, objects, swing

from hydra_mono.graph.change.layer import ChangeLayer
from hydra_mono.graph.model.differences import Change
from hydra_mono.graph.model.looks import Seen
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.pipeline import Mapper

EYE, NORTH, SOUTH = (0.0, 0.0, 1.4), (0.0, 2.2, 0.4), (0.0, -2.2, 0.4)
POSES = [pose for side in (NORTH, SOUTH, NORTH, SOUTH) for pose in swing(EYE, side, 3.0)]
MOVED_S = 6.0  # while the camera looks south for the first time, and will look north next
WORLD = (
    chair(0.3, 2.0, until_s=MOVED_S),
    chair(-0.3, -2.0, from_s=MOVED_S),  # the same one: put where the camera looked until now
    box_at(-1.3, 2.4, (0.6, 0.5, 0.8), "cabinet", color=(90, 60, 30)),
    box_at(1.4, 2.2, (0.5, 0.5, 0.5), "box", color=(30, 120, 30), until_s=4.0),
    box_at(1.2, -2.0, (0.5, 0.5, 0.5), "bin", color=(30, 30, 120)),
)


@pytest.fixture(scope="module")
def mapper() -> Mapper:
    return mapped(WORLD, POSES)


def named(mapper: Mapper, name: str) -> tuple[NodeSymbol, ObjectNode]:
    """The oldest object of a name."""
    found = [(s, n) for s, n in objects(mapper.graph).items() if n.name == name]
    return NodeSymbol.parse(found[0][0]), found[0][1]


def test_what_stays_is_there_and_has_been_seen_to_be(mapper: Mapper) -> None:
    for name in ("cabinet", "bin"):
        symbol, node = named(mapper, name)
        assert node.is_present and node.presence is not None
        assert node.presence.appeared_after_ns is None
        assert node.presence.vanished_before_ns is None
        looks = mapper.graph.looks.of(symbol)
        assert {look.seen for look in looks} == {Seen.PRESENT} and len(looks) == 2


def test_what_was_carried_away_unseen_is_removed_within_the_true_interval(mapper: Mapper) -> None:
    _, node = named(mapper, "box")
    assert node.presence is not None and node.ending is not None and node.ending.kind == "removed"
    last_ns, gone_ns = node.presence.last_seen_ns, node.presence.vanished_before_ns
    assert gone_ns is not None and last_ns < 4 * SECOND_NS < gone_ns
    assert last_ns == pytest.approx(2.9e9, abs=3e8) and gone_ns == pytest.approx(6e9, abs=3e8)


def test_its_box_is_as_it_was_before_its_surface_was_carved(mapper: Mapper) -> None:
    _, node = named(mapper, "box")
    assert node.box.dimensions_m == pytest.approx((0.5, 0.5, 0.5), abs=0.12)


def test_nothing_of_its_surface_is_left(mapper: Mapper) -> None:
    _, node = named(mapper, "box")
    mesh = mapper.mesh.whole_mesh()
    inside = node.box.contains(mesh.vertices_m.astype(float)) & (mesh.vertices_m[:, 2] > 0.1)
    assert inside.sum() < 0.05 * node.vertex_count


def test_a_moved_chair_is_one_node_with_both_places(mapper: Mapper) -> None:
    symbol, node = named(mapper, "chair")
    assert node.is_present and len(node.trajectory) == 2
    start, end = node.trajectory.positions_m
    assert start[:2] == pytest.approx((0.3, 2.0), abs=0.15)
    assert end[:2] == pytest.approx((-0.3, -2.0), abs=0.15)
    assert node.position_m[:2] == pytest.approx((-0.3, -2.0), abs=0.15)
    present = [n for n in objects(mapper.graph).values() if n.name == "chair" and n.is_present]
    assert len(present) == 1
    moved = [d for d in mapper.graph.events() if d.change is Change.MOVED]
    assert [d.symbol for d in moved] == [symbol]


def test_the_past_tells_where_it_was(mapper: Mapper) -> None:
    symbol, _ = named(mapper, "chair")
    then = mapper.graph.at(4 * SECOND_NS).get_node(symbol)
    assert then.position_m[:2] == pytest.approx((0.3, 2.0), abs=0.15)


def test_every_object_has_an_interval_of_presence_for_each_place_it_rested_at(
    mapper: Mapper,
) -> None:
    for text, node in objects(mapper.graph).items():
        if node.ending is not None and node.ending.kind == "merged":
            continue
        intervals = mapper.graph.past.presence(NodeSymbol.parse(text))
        assert len(intervals) == max(len(node.trajectory.rests), 1), node.name
        assert (intervals[-1][1] is None) == node.is_present
        ends = [until for _, until in intervals[:-1]]
        assert all(
            end is not None and end <= later
            for end, (later, _) in zip(ends, intervals[1:], strict=True)
        )


def test_is_it_gone_or_did_nobody_look(mapper: Mapper) -> None:
    box, _ = named(mapper, "box")
    cabinet, _ = named(mapper, "cabinet")
    graph = mapper.graph
    assert graph.was_looked_at(box, 0).seen is Seen.ABSENT
    assert graph.was_looked_at(cabinet, 6 * SECOND_NS).seen is Seen.PRESENT
    assert graph.was_looked_at(cabinet, 10 * SECOND_NS).seen is Seen.NOT_LOOKED


def test_background_that_stays_has_no_changes(mapper: Mapper) -> None:
    assert mapper.graph.looks.background == []


def test_a_wall_that_was_taken_down_is_told_with_its_interval() -> None:
    wall = box_at(0.0, 2.0, (2.4, 0.1, 2.2), "wall", color=(200, 200, 190), until_s=4.0)
    poses = [pose for side in (NORTH, SOUTH, NORTH) for pose in swing(EYE, side, 2.0)]
    graph = mapped((wall,), poses).graph
    gone = [change for change in graph.looks.background if change.kind == "vanished"]
    assert len(gone) >= 8, "blocks of 0.4 m, of a wall of 5 m²"
    for change in gone:
        assert abs(change.position_m[0]) < 1.4 and 1.7 < change.position_m[1] < 2.3
        assert change.after_ns < 4 * SECOND_NS <= change.before_ns


def test_nobody_is_taken_for_an_agent(mapper: Mapper) -> None:
    assert mapper.graph.counts_present()["agents"] == 1  # the camera


def test_the_state_goes_through_plain_values_and_back(mapper: Mapper) -> None:
    state = mapper._changes.state()
    again = ChangeLayer(mapper.label_space, mapper.max_depth_m)
    again.restore(state)
    assert json.dumps(again.state(), default=lambda array: array.tolist()) == json.dumps(
        state, default=lambda array: array.tolist()
    )


def test_a_screen_before_an_object_hides_it_and_removes_nothing() -> None:
    screen = box_at(0.0, 1.0, (2.4, 0.05, 2.2), "cabinet", from_s=2.0)
    poses = swing(EYE, NORTH, 2.0) + swing(EYE, NORTH, 1.0)
    mapper = mapped((chair(0.3, 2.0), screen), poses)
    symbol, node = named(mapper, "chair")
    assert node.is_present
    assert mapper.graph.was_looked_at(symbol, round(2.2e9)).seen is Seen.OCCLUDED


def test_noise_that_grows_with_distance_removes_nothing() -> None:
    poses = swing(EYE, NORTH, 3.0)
    mapper = mapped((chair(0.3, 2.4), box_at(-1.0, 2.0, (0.4, 0.4, 0.4), "box")), poses, 0.02)
    assert all(node.is_present for node in objects(mapper.graph).values())
    assert frame_of((), poses[0], 0).depth_m is not None
