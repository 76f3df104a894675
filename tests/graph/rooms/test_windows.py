"""Windows of rooms whose walls are known."""

import math

import numpy as np
import pytest
from helpers_graph import keyframe
from helpers_query import LABELS, ask_house, symbol

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.map.keyframe import Instant, KeyframeInput
from hydra_mono.core.mesh import BlockMesh, MeshUpdate, SemanticMesh
from hydra_mono.graph.model.nodes import RoomNode, Window
from hydra_mono.graph.query.grammar import ask
from hydra_mono.graph.query.lines import answer_lines
from hydra_mono.graph.query.questions import Questions
from hydra_mono.graph.rooms.windows import windows_of, without

PANE, WALL = 9, 1
BLOCK_M, VOXEL_M = 0.8, 0.05
IS_WINDOW = np.arange(256) == PANE
BORDER_M = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]])


def wall(turn: np.ndarray, panes: list[tuple[float, float, float, float]], inward: float = 1.0):
    """The wall y = -0.08 along x, 0 to 4 m; panes by x0, x1, z0, z1."""
    x, z = np.meshgrid(np.arange(0, 4, VOXEL_M), np.arange(0, 2.5, VOXEL_M), indexing="ij")
    points = np.column_stack([x.ravel(), np.full(x.size, -0.08), z.ravel()])
    labels = np.full(x.size, WALL, np.uint8)
    for x0, x1, z0, z1 in panes:
        held = (points[:, 0] >= x0) & (points[:, 0] <= x1)
        labels[held & (points[:, 2] >= z0) & (points[:, 2] <= z1)] = PANE
    normals = np.tile([0.0, inward, 0.0], (len(points), 1))
    return points @ turn.T, normals @ turn.T, labels


def seen(points: np.ndarray, normals: np.ndarray, labels: np.ndarray) -> KeyframeInput:
    keys = np.floor(points / BLOCK_M).astype(int)
    blocks = {}
    for key in np.unique(keys, axis=0).tolist():
        here = (keys == key).all(axis=1)
        count = int(here.sum())
        blocks[tuple(key)] = SemanticMesh(
            vertices_m=points[here].astype(np.float32),
            faces=np.zeros((0, 3), np.int32),
            normals=normals[here].astype(np.float32),
            colors=np.zeros((count, 3), np.uint8),
            labels=labels[here],
            first_seen_ns=np.full(count, 3, np.int64),
            last_seen_ns=np.full(count, 7, np.int64),
        )
    mesh, update = BlockMesh(), MeshUpdate(7, BLOCK_M, blocks)
    mesh.apply(update)
    free = keyframe(0).free_space
    at = Instant(7, np.eye(4))
    return KeyframeInput(at=at, mesh_update=update, mesh=mesh.snapshot(), free_space=free)


def room(windows: tuple[Window, ...] = ()) -> RoomNode:
    return RoomNode(
        position_m=(2.0, 1.5, 1.2),
        first_seen_ns=0,
        last_seen_ns=7,
        name="room 1",
        color=(1, 2, 3),
        box=BoundingBox((2.0, 1.5, 1.25), (4.0, 3.0, 2.5)),
        windows=windows,
    )


def turned(yaw_deg: float) -> np.ndarray:
    cos, sin = math.cos(math.radians(yaw_deg)), math.sin(math.radians(yaw_deg))
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])


@pytest.mark.parametrize("yaw_deg", [0.0, 30.0])
def test_two_panes_are_two_windows_with_their_sizes(yaw_deg: float) -> None:
    turn = turned(yaw_deg)
    keyframe = seen(*wall(turn, [(0.5, 1.5, 0.9, 2.1), (2.2, 3.4, 0.9, 2.1)]))
    found = windows_of(keyframe, room(), BORDER_M @ turn[:2, :2].T, IS_WINDOW)
    assert [w.width_m for w in found] == pytest.approx([1.0, 1.2], abs=0.06)
    assert [w.height_m for w in found] == pytest.approx([1.2, 1.2], abs=0.06)
    middle = turn @ (1.0, -0.08, 1.5)
    assert found[0].position_m == pytest.approx(tuple(middle), abs=0.04)
    assert abs(math.sin(found[0].heading_rad - math.radians(yaw_deg))) < 0.02
    assert found[0].last_seen_ns == 7


def test_specks_of_glass_and_panes_of_the_room_behind_are_none() -> None:
    speck = seen(*wall(np.eye(3), [(0.5, 0.7, 1.0, 1.2)]))
    assert windows_of(speck, room(), BORDER_M, IS_WINDOW) == ()
    behind = seen(*wall(np.eye(3), [(0.5, 1.5, 0.9, 2.1)], inward=-1.0))
    assert windows_of(behind, room(), BORDER_M, IS_WINDOW) == ()


def test_a_window_seen_before_stays_and_its_larger_view_wins() -> None:
    whole = windows_of(seen(*wall(np.eye(3), [(0.5, 1.5, 0.9, 2.1)])), room(), BORDER_M, IS_WINDOW)
    part = seen(*wall(np.eye(3), [(0.8, 1.5, 0.9, 2.1)]))
    assert windows_of(part, room(whole), BORDER_M, IS_WINDOW) == whole
    bare = seen(*wall(np.eye(3), []))
    assert windows_of(bare, room(whole), BORDER_M, IS_WINDOW) == whole


def test_a_window_that_looks_into_another_room_now_is_given_up() -> None:
    whole = windows_of(seen(*wall(np.eye(3), [(0.5, 1.5, 0.9, 2.1)])), room(), BORDER_M, IS_WINDOW)
    smaller = BORDER_M + np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    assert windows_of(seen(*wall(np.eye(3), [])), room(whole), smaller, IS_WINDOW) == ()
    assert without(whole, whole) == () and without(whole, ()) == whole


def test_labels_without_windows_tell_of_none() -> None:
    keyframe = seen(*wall(np.eye(3), [(0.5, 1.5, 0.9, 2.1)]))
    assert windows_of(keyframe, room(), BORDER_M, np.zeros(256, bool)) == ()


def test_windows_of_a_room_and_how_high_they_are() -> None:
    graph = ask_house()
    pane = Window(
        position_m=(2.0, 0.0, 1.5), width_m=1.2, height_m=1.0, heading_rad=0.0, last_seen_ns=5
    )
    graph.update_node(symbol("R(0)"), windows=(pane,))
    questions = Questions(graph, LABELS)
    (window,) = ask(questions, "windows of kitchen").items
    assert (window.room, window.width_m, window.sill_m) == ("kitchen", 1.2, pytest.approx(1.0))
    assert "1.20 m wide" in answer_lines(ask(questions, "windows of kitchen"))[0]
    assert not ask(questions, "windows in room 2").is_found
