"""The viewer: what is drawn follows the graph, costs what changed, and lands in the recording."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_runs import wall_frame
from rerun.blueprint import View

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.config import ViewerConfig
from hydra_mono.core.errors import HydraMonoError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import load_label_space
from hydra_mono.core.mesh import MeshUpdate, SemanticMesh
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.model.nodes import AgentNode, Edge, ObjectNode, PlaceNode, RoomNode
from hydra_mono.graph.model.presence import Trajectory
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.viz import StubViewer, create_viewer
from hydra_mono.viz.drawing import CHUNK, GONE_ALPHA, GREY, GraphPainter
from hydra_mono.viz.images import normal_colors
from hydra_mono.viz.rerun_layout import PANELS, blueprint
from hydra_mono.viz.tiles import MeshTiles

EDGE = Edge(first_seen_ns=0, last_seen_ns=0)
BOX = BoundingBox((1.0, 2.0, 0.5), (1.0, 1.0, 1.0))


def place(x: float) -> PlaceNode:
    return PlaceNode(position_m=(x, 0.0, 1.0), first_seen_ns=0, last_seen_ns=0, radius_m=0.5)


def room() -> RoomNode:
    return RoomNode(
        position_m=(0.0, 0.0, 1.0),
        first_seen_ns=0,
        last_seen_ns=0,
        name="room",
        color=(9, 8, 7),
        box=BOX,
    )


def object_node() -> ObjectNode:
    return ObjectNode(
        position_m=(1.0, 2.0, 0.5),
        first_seen_ns=0,
        last_seen_ns=0,
        label=7,
        name="chair",
        color=(1, 2, 3),
        box=BOX,
    )


def row_of_places(count: int) -> SceneGraph:
    graph = SceneGraph()
    for number in range(count):
        graph.add_node(NodeSymbol("p", number), place(float(number)))
    return graph


def triangle(x: float) -> SemanticMesh:
    return SemanticMesh(
        vertices_m=np.array([[x, 0, 0], [x + 1, 0, 0], [x, 1, 0]], np.float32),
        faces=np.array([[0, 1, 2]], np.int32),
        normals=np.tile(np.array([0, 0, 1], np.float32), (3, 1)),
        colors=np.full((3, 3), 100, np.uint8),
        labels=np.full(3, 2, np.uint8),
        first_seen_ns=np.zeros(3, np.int64),
        last_seen_ns=np.zeros(3, np.int64),
    )


def test_a_change_redraws_its_chunk_only() -> None:
    graph, painter = row_of_places(3 * CHUNK), GraphPainter()
    painter.draw(graph)
    graph.update_node(NodeSymbol("p", CHUNK), radius_m=0.7)
    drawing = painter.draw(graph)
    assert list(drawing.places) == [1]
    assert not drawing.links and not drawing.objects and drawing.rooms is None


def test_nothing_changed_draws_nothing() -> None:
    graph, painter = row_of_places(5), GraphPainter()
    painter.draw(graph)
    drawing = painter.draw(graph)
    assert not drawing.places and drawing.hierarchy is None and not drawing.events


def test_a_removed_place_leaves_its_chunk() -> None:
    graph, painter = row_of_places(3), GraphPainter()
    painter.draw(graph)
    graph.remove_node(NodeSymbol("p", 1))
    assert painter.draw(graph).places[0].positions_m[:, 0].tolist() == [0.0, 2.0]


def test_places_take_the_colour_of_the_room_they_come_to() -> None:
    graph, painter = row_of_places(1), GraphPainter()
    assert tuple(painter.draw(graph).places[0].colors[0]) == GREY
    graph.add_node(NodeSymbol("R", 0), room())
    graph.set_parent(NodeSymbol("p", 0), NodeSymbol("R", 0), EDGE)
    drawing = painter.draw(graph)
    assert tuple(drawing.places[0].colors[0]) == (9, 8, 7)
    assert len(drawing.links[("p-R", 0)].segments_m) == 1


def test_rooms_float_above_places() -> None:
    graph, painter = row_of_places(1), GraphPainter()
    graph.add_node(NodeSymbol("R", 0), room())
    drawing = painter.draw(graph)
    assert drawing.rooms is not None
    assert drawing.rooms.positions_m[0, 2] > drawing.places[0].positions_m[0, 2]


def test_links_follow_a_room_that_moves() -> None:
    graph, painter = row_of_places(1), GraphPainter()
    graph.add_node(NodeSymbol("R", 0), room())
    graph.set_parent(NodeSymbol("p", 0), NodeSymbol("R", 0), EDGE)
    painter.draw(graph)
    graph.update_node(NodeSymbol("R", 0), position_m=(5.0, 0.0, 1.0))
    assert painter.draw(graph).links[("p-R", 0)].segments_m[0, 1, 0] == 5.0


def test_an_object_found_gone_is_an_event_once_and_its_box_fades() -> None:
    graph, painter = SceneGraph(), GraphPainter()
    graph.add_node(NodeSymbol("O", 0), object_node())
    assert painter.draw(graph).events == ("new O(0) chair",)
    graph.mark_removed(NodeSymbol("O", 0), (4, 5))
    drawing = painter.draw(graph)
    assert drawing.events == ("removed O(0) chair",)
    assert [color[3] for color in drawing.objects[0].colors] == [GONE_ALPHA]
    graph.update_node(NodeSymbol("O", 0), is_active=False)
    assert painter.draw(graph).events == ()


def test_a_tile_rests_between_redraws_and_the_end_draws_all() -> None:
    tiles = MeshTiles(tile_size_m=2.0, interval_ns=100)
    tiles.apply(MeshUpdate(0, 1.0, {(0, 0, 0): triangle(0.0), (3, 0, 0): triangle(3.0)}))
    assert [tile for tile, _ in tiles.due(0)] == [(0, 0), (1, 0)]
    tiles.apply(MeshUpdate(50, 1.0, {(0, 0, 0): triangle(0.1), (1, 0, 0): triangle(1.0)}))
    assert list(tiles.due(50)) == []
    [(tile, mesh)] = tiles.due(60, everything=True)
    assert tile == (0, 0) and len(mesh) == 6


def test_no_viewer_is_a_stub() -> None:
    space = load_label_space("apartment")
    assert isinstance(
        create_viewer(ViewerConfig(mode="none"), Path("unused"), space, "x"), StubViewer
    )


def test_a_window_without_a_display_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(HydraMonoError, match="--viewer serve"):
        create_viewer(
            ViewerConfig(mode="spawn"), Path("unused"), load_label_space("apartment"), "x"
        )


def test_a_recording_holds_camera_mesh_graph_and_timings(tmp_path: Path) -> None:
    viewer = create_viewer(
        ViewerConfig(), tmp_path / "r.rrd", load_label_space("apartment"), "tiny"
    )
    graph = row_of_places(2)
    graph.add_edge(NodeSymbol("p", 0), NodeSymbol("p", 1), EDGE)
    graph.add_node(NodeSymbol("O", 0), object_node())
    depth = np.ones((8, 8), np.float32)
    for index in range(3):
        frame = Frame(
            index=index,
            name=str(index),
            stamp_ns=index * 10**9,
            world_from_camera=np.eye(4),
            intrinsics=Intrinsics(8.0, 8.0, 3.5, 3.5, 8, 8),
            rgb=np.zeros((8, 8, 3), np.uint8),
        )
        viewer.log_frame(frame, Prediction(depth, labels=np.full((8, 8), 2, np.uint8)))
        viewer.log_map(MeshUpdate(frame.stamp_ns, 1.0, {(0, 0, 0): triangle(0.0)}), graph)
        viewer.log_timings({"mesh": 1.5})
    viewer.close()
    rows = rows_by_entity(tmp_path / "r.rrd")
    assert rows["/world/camera/image/rgb"] == 3
    assert rows["/world/graph/places/0"] == 1
    assert rows["/world/graph/links/p-p/0"] == 1
    assert rows["/plots/milliseconds/mesh"] == 3
    assert rows["/world/mesh/0_0"] == 2


def test_a_recording_holds_all_that_a_network_says(tmp_path: Path) -> None:
    space = load_label_space("nyu40")
    viewer = create_viewer(ViewerConfig(), tmp_path / "r.rrd", space, "tiny")
    plane = np.ones((8, 8), np.float32)
    normals = np.dstack([0 * plane, 0 * plane, -plane])
    labels = np.full((8, 8), 2, np.uint8)
    viewer.log_frame(
        wall_frame(0), Prediction(plane, labels, confidence=plane, normals=normals, edges=plane)
    )
    viewer.close()
    rows = rows_by_entity(tmp_path / "r.rrd")
    shown = {name.removeprefix("/world/camera/image/") for name in rows}
    assert {"rgb", "depth", "labels", "normals", "edges"} <= shown


def test_every_panel_has_a_place_in_the_blueprint() -> None:
    def titles(says: tuple[str, ...]) -> set[str]:
        return {view.name for view in views_of(blueprint(says).root_container)}

    assert {"Camera", "Depth", "Labels", "Normals", "Edges"} <= titles(PANELS)
    assert titles(()) & {"Labels", "Normals", "Edges"} == set()


def views_of(part: Any) -> list[Any]:
    """The views in a container of a blueprint."""
    contents = getattr(part, "contents", [])
    if isinstance(part, View):
        return [part]
    return [view for inner in contents for view in views_of(inner)]


def test_colours_of_normals_are_the_usual_ones() -> None:
    normals = np.array([[[0, 0, -1], [1, 0, 0], [0, -1, 0], [0, 0, 0]]], np.float32)
    expected = [[127, 127, 255], [255, 127, 127], [127, 255, 127], [0, 0, 0]]
    assert normal_colors(normals)[0].tolist() == expected


def rows_by_entity(path: Path) -> dict[str, int]:
    """Rows logged on a timeline, by entity."""
    from rerun.chunk import RrdReader

    rows: dict[str, int] = {}
    for chunk in RrdReader(str(path)).stream():
        if not chunk.is_static:
            rows[chunk.entity_path] = rows.get(chunk.entity_path, 0) + chunk.num_rows
    return rows


def test_what_vanished_is_drawn_pale_and_what_was_retracted_is_not() -> None:
    graph, painter = SceneGraph(), GraphPainter()
    for number in range(3):
        graph.add_node(NodeSymbol("O", number), object_node())
    painter.draw(graph)
    graph.mark_removed(NodeSymbol("O", 0), (1, 2))
    graph.retract(NodeSymbol("O", 1), 2)
    drawing = painter.draw(graph)
    chunk = drawing.objects[0]
    assert chunk.labels == ["chair O(0) (gone)", "chair O(2)"]
    assert [color[3] for color in chunk.colors] == [GONE_ALPHA, 255]
    assert [event.split()[0] for event in drawing.events] == ["removed", "retracted"]


def agent_at(x: float) -> AgentNode:
    return AgentNode(
        position_m=(x, 0.0, 0.9),
        first_seen_ns=0,
        last_seen_ns=0,
        stamp_ns=int(x * 1e9),
        quat_wxyz=(1.0, 0.0, 0.0, 0.0),
    )


def test_an_agents_track_grows_with_its_poses_and_flows_through_places() -> None:
    graph, painter = row_of_places(3), GraphPainter()
    for number in range(3):
        symbol = NodeSymbol("b", number)
        graph.add_node(symbol, agent_at(float(number)))
        graph.set_parent(symbol, NodeSymbol("p", number), EDGE)
        if number:
            graph.add_edge(NodeSymbol("b", number - 1), symbol, EDGE)
        drawing = painter.draw(graph)
    assert len(drawing.links[("b-b", 0)].segments_m) == 2
    assert drawing.flow is not None and len(drawing.flow.positions_m) == 3
    assert (drawing.flow.vectors_m[:, 0] > 0).all()
    assert painter.draw(graph).flow is None, "nothing new"


def test_a_moved_object_has_an_arrow_from_where_it_was() -> None:
    graph, painter = SceneGraph(), GraphPainter()
    moves = Trajectory((0, 1), ((0.0, 0.0, 0.5), (1.0, 2.0, 0.5)))
    graph.add_node(NodeSymbol("O", 0), replace(object_node(), trajectory=moves))
    drawing = painter.draw(graph)
    assert drawing.moves is not None
    assert drawing.moves.vectors_m.tolist() == [[1.0, 2.0, 0.0]]
