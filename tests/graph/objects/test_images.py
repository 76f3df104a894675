"""The image of an object is the largest one that shows it unhidden."""

import io
from dataclasses import replace

import numpy as np
from helpers_graph import object_node, standing_box
from PIL import Image

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.objects.images import ImageRule, ObjectImages

O0 = NodeSymbol("O", 0)
CAMERA = Intrinsics(200.0, 200.0, 119.5, 89.5, 240, 180)
FORWARD = np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0.45], [0, 0, 0, 1]], float)  # along x


def house() -> SceneGraph:
    """A box 0.5 m wide and 0.9 m high round (4, 0)."""
    graph = SceneGraph()
    graph.add_node(O0, object_node(standing_box(4.0, 0.0, (0.5, 0.5, 0.9))))
    return graph


def frame(x_m: float, depth_m: float, red: int) -> tuple[Frame, Prediction]:
    """Seen from (x, 0) looking along x, all of it so far away and in one colour."""
    pose = FORWARD.copy()
    pose[0, 3] = x_m
    rgb = np.full((180, 240, 3), (red, 0, 0), np.uint8)
    taken = Frame(0, "f", 0, pose, CAMERA, rgb)
    return taken, Prediction(depth_m=np.full((180, 240), depth_m, np.float32))


def red_of(jpeg: bytes) -> int:
    return int(np.asarray(Image.open(io.BytesIO(jpeg)))[..., 0].mean())


def test_a_nearer_view_takes_the_place_of_a_farther_one_and_not_the_other_way_round() -> None:
    images, graph = ObjectImages(), house()
    for x_m, depth_m, red in ((0.0, 3.8, 60), (2.0, 1.8, 120), (0.5, 3.3, 240)):
        images.look(graph, *frame(x_m, depth_m, red))
    (jpeg,) = images.of([O0]).values()
    assert abs(red_of(jpeg) - 120) < 5
    assert max(Image.open(io.BytesIO(jpeg)).size) <= ImageRule().side_px


def test_what_is_hidden_behind_or_gone_has_no_image() -> None:
    images, graph = ObjectImages(), house()
    images.look(graph, *frame(0.0, 2.0, 60))  # something stands before it
    images.look(graph, *frame(6.0, 2.0, 60))  # it is behind the camera
    graph.mark_removed(O0, (0, 1))
    images.look(graph, *frame(0.0, 3.8, 60))
    assert images.of([O0]) == {}


def test_the_number_of_images_is_bounded() -> None:
    images, graph = ObjectImages(ImageRule(most=1)), house()
    graph.add_node(NodeSymbol("O", 1), replace(graph.get_node(O0)))
    images.look(graph, *frame(0.0, 3.8, 60))
    assert len(images.of(graph.symbols(O0.layer))) == 1


def test_images_go_on_as_they_were() -> None:
    images, graph, other = ObjectImages(), house(), ObjectImages()
    images.look(graph, *frame(2.0, 1.8, 120))
    other.restore(images.state())
    other.look(graph, *frame(0.0, 3.8, 60))
    assert other.of([O0]) == images.of([O0])
