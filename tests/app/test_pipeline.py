"""The job on a page: small simulated worlds become the same graph every time."""

import ast
import inspect
import textwrap

import numpy as np
import pytest
from helpers_runs import small_config

from hydra_mono.core.errors import BadFrameError
from hydra_mono.core.frame import Frame
from hydra_mono.graph.io.graph_json import to_document, to_text
from hydra_mono.graph.model.symbols import Layer
from hydra_mono.perception.predictors.create import SensorPredictor
from hydra_mono.pipeline import Mapper
from hydra_mono.simulation.source import SimulatedSource, open_simulated

STRIDE, FRAMES = 4, 300  # the walk through both rooms


@pytest.fixture(scope="module")
def source() -> SimulatedSource:
    return open_simulated("simulated/5", small_config().simulation)


def mapped(source: SimulatedSource) -> Mapper:
    mapper = Mapper(small_config(), SensorPredictor(source.label_space))
    for index in range(0, FRAMES, STRIDE):
        mapper.step(source[index])
    mapper.finish()
    return mapper


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


def test_the_same_input_gives_the_same_graph_byte_for_byte(
    mapper: Mapper, source: SimulatedSource
) -> None:
    texts = [
        "".join(to_text(to_document(one.graph, source.label_space)))
        for one in (mapper, mapped(source))
    ]
    assert texts[0] == texts[1]


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
