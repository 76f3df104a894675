"""The job on a page: small simulated worlds become the same graph every time."""

import ast
import inspect
import textwrap
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers_planning import check_route, solved
from helpers_runs import small_config

from hydra_mono.core.errors import BadFrameError, QueryError
from hydra_mono.core.frame import Frame
from hydra_mono.evaluation.surface import Surface
from hydra_mono.graph.io.graph_json import from_text, to_document, to_text
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer
from hydra_mono.graph.query.grammar import ask
from hydra_mono.graph.query.questions import Questions
from hydra_mono.graph.query.snapshot.index import GraphIndex
from hydra_mono.perception.predictors.create import SensorPredictor
from hydra_mono.pipeline import Mapper
from hydra_mono.simulation.source import SimulatedSource, open_simulated

STRIDE, FRAMES = 4, 300  # the walk through both rooms


@pytest.fixture(scope="module")
def source() -> SimulatedSource:
    return open_simulated("simulated/5", small_config().simulation)


def mapped(source: SimulatedSource, after: Callable[[Mapper], None] = lambda _: None) -> Mapper:
    """``after`` is called now and then between two frames."""
    mapper = Mapper(small_config(), SensorPredictor(source.label_space))
    for index in range(0, FRAMES, STRIDE):
        mapper.step(source[index])
        if index % (8 * STRIDE) == 0:
            after(mapper)
    mapper.finish()
    return mapper


class Guest(threading.Thread):
    """Asks the latest snapshot of a map that grows, without a lock, everything twice."""

    SENTENCES = ("objects", "rooms", "nearest chair", "path to room 1", "changed", "where is O(0)")

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.latest: GraphIndex | None = None
        self.is_over = False
        self.asked = 0
        self.sizes: set[int] = set()
        self.faults: list[str] = []

    def take(self, mapper: Mapper) -> None:
        """Puts the map as it is now before the guest; a value that nobody writes to again."""
        self.latest = Questions(mapper.graph, mapper.label_space).snapshot()

    def run(self) -> None:
        while not self.is_over:
            time.sleep(0.2)  # the map's own thread has work to do
            if (held := self.latest) is None:
                continue
            questions = Questions.on(held)
            answers = [[told(questions, text) for text in self.SENTENCES] for _ in range(2)]
            if answers[0] != answers[1]:
                self.faults.append(f"{answers[0]} became {answers[1]}")
            self.asked += 1
            self.sizes.add(len(held.objects) + len(held.net.symbols))


def told(questions: Questions, text: str) -> object:
    """An answer, or the one line that says why there is none."""
    try:
        return ask(questions, text).plain()
    except QueryError as error:
        return str(error)


@pytest.fixture(scope="module")
def mapper(source: SimulatedSource) -> Mapper:
    return mapped(source)


def test_step_fits_on_a_page() -> None:
    lines = textwrap.dedent(inspect.getsource(Mapper.step)).splitlines()
    assert len(lines) <= 35


def test_no_function_of_the_page_is_long() -> None:
    import hydra_mono.pipeline

    tree = ast.parse(inspect.getsource(hydra_mono.pipeline))
    sizes = [
        node.end_lineno - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.end_lineno
    ]
    assert max(sizes) <= 50


def test_every_layer_of_the_graph_fills(mapper: Mapper) -> None:
    counts = {layer: mapper.graph.count(layer) for layer in Layer}
    assert all(counts.values()), counts
    assert mapper.graph.count(Layer.OBJECTS, ord("a")) > 0


def test_every_object_has_a_place_and_every_room_a_building(mapper: Mapper) -> None:
    graph = mapper.graph
    for layer, above in ((Layer.OBJECTS, Layer.PLACES), (Layer.ROOMS, Layer.BUILDINGS)):
        for symbol, _ in graph.nodes(layer):
            parent = graph.find_parent(symbol)
            assert parent is not None and parent.layer is above


def test_the_same_input_gives_the_same_graph_byte_for_byte_also_while_a_thread_asks(
    mapper: Mapper, source: SimulatedSource
) -> None:
    guest = Guest()
    guest.start()
    asked_of = mapped(source, after=guest.take)
    guest.is_over = True
    guest.join(timeout=60)
    assert not guest.is_alive() and guest.faults == []
    assert guest.asked >= 5 and len(guest.sizes) >= 3, "the map grew while it was queried"
    texts = [
        "".join(to_text(to_document(one.graph, source.label_space))) for one in (mapper, asked_of)
    ]
    assert texts[0] == texts[1]


MOST_PLACES = 12  # planners' files are read a symbol at a time, which takes seconds for hundreds


def near_the_path(mapper: Mapper) -> tuple[SceneGraph, str]:
    """The map about the path to the room where the camera is not, and that room's name."""
    graph = from_text("".join(to_text(to_document(mapper.graph, mapper.label_space)))).graph
    questions = Questions(graph, mapper.label_space)
    paths = [
        (questions.path(None, room.name).items[0], room.name) for room in questions.rooms().items
    ]
    path, name = max(paths, key=lambda pair: pair[0].length_m)
    line_m = np.array(path.points_m)
    away_m = {
        symbol: np.linalg.norm(line_m - node.position_m, axis=1).min()
        for symbol, node in graph.nodes(Layer.PLACES)
    }
    far = sorted(away_m, key=lambda symbol: away_m[symbol])[max(MOST_PLACES, len(path.place_ids)) :]
    for symbol in (*graph.symbols(Layer.OBJECTS), *far):
        graph.remove_node(symbol)
    return graph, name


@pytest.mark.filterwarnings("ignore")
def test_a_plan_keeps_to_the_free_space_of_the_world(
    mapper: Mapper, source: SimulatedSource, tmp_path: Path
) -> None:
    graph, room = near_the_path(mapper)
    steps = solved([f"be in {room}"], graph, tmp_path, mapper.label_space)
    assert steps is not None
    route = check_route(steps, graph)
    assert len(route) >= 3
    truth = source.truth()
    surface = Surface(truth.mesh.vertices_m, truth.mesh.faces)
    positions_m = np.array([graph.get_node(place).position_m for place in route])
    lines = [np.linspace(a, b, 20) for a, b in pairwise(positions_m)]
    assert surface.distance_m(np.concatenate(lines).astype(np.float32)).min() >= 0.15  # 0.2 - 5 cm


def test_the_mesh_is_close_to_the_true_surface(mapper: Mapper, source: SimulatedSource) -> None:
    from hydra_mono.core.open3d_loader import open3d

    o3d, truth = open3d(), source.truth().mesh
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(truth.vertices_m), o3d.core.Tensor(truth.faces.astype(np.uint32))
    )
    distance_m = scene.compute_distance(o3d.core.Tensor(mapper.mesh.whole_mesh().vertices_m))
    assert np.percentile(distance_m.numpy(), 95) < 0.05


def test_a_sequence_without_depth_is_refused_frame_by_frame(source: SimulatedSource) -> None:
    frame = source[0]
    bare = Frame(
        index=0,
        name="bare",
        stamp_ns=0,
        world_from_camera=frame.world_from_camera,
        intrinsics=frame.intrinsics,
        rgb=frame.rgb,
    )
    with pytest.raises(BadFrameError, match="no-depth"):
        SensorPredictor(source.label_space)(bare)
