"""Label probabilities of objects: alike by direction, with the second best, kept with the state."""

import numpy as np
import pytest
from helpers_runs import CAMERA
from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.labels import Label, LabelSpace
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.change.evidence import LEAST_LOOKS, SECTORS, Evidence, LabelEvidence
from hydra_mono.graph.change.rays import DepthLook, Ray
from hydra_mono.graph.change.samples import Appearance, Sample
from hydra_mono.graph.change.watch import Watch
from hydra_mono.graph.change.watches import Watches
from hydra_mono.graph.model.nodes import BY_HAND_NAME, ObjectNode, SecondLabel
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol

CHAIR, SOFA = 3, 5
SPACE = LabelSpace(
    "two",
    (
        Label(CHAIR, "chair", (0, 0, 0), "movable"),
        Label(SOFA, "sofa", (0, 0, 0), "movable"),
    ),
)
O1 = NodeSymbol("O", 1)
POINTS = np.array([[x, y, 2.0] for x in (-0.1, 0, 0.1) for y in (-0.1, 0, 0.1)], np.float32)
ON = np.full(len(POINTS), Ray.ON, np.int8)
FRONT, LEFT = (0.1, -0.01), (-0.1, 0.01)  # m, where the camera is in x and y


def graph_with_chair() -> SceneGraph:
    graph = SceneGraph()
    node = ObjectNode(
        position_m=(0.0, 0.0, 2.0),
        first_seen_ns=0,
        last_seen_ns=0,
        label=CHAIR,
        name="chair",
        color=(0, 0, 0),
        box=BoundingBox((0.0, 0.0, 2.0), (0.2, 0.2, 0.2), 0.0),
    )
    graph.add_node(O1, node)
    return graph


def look_from(x_m: float, y_m: float) -> DepthLook:
    pose = np.eye(4)
    pose[:2, 3] = x_m, y_m
    return DepthLook(np.full((48, 64), 2.0, np.float32), None, CAMERA, pose, 5.0)


def predicted(label: int, confidence: float | None) -> Prediction:
    shape = (48, 64)
    sure = None if confidence is None else np.full(shape, confidence, np.float32)
    return Prediction(np.full(shape, 2.0, np.float32), np.full(shape, label, np.uint8), sure)


def take(evidence: Evidence, place: tuple[float, float], label: int, sure: float | None) -> None:
    evidence.take([O1], [POINTS], ON, look_from(*place), predicted(label, sure))


def chair_of(graph: SceneGraph) -> ObjectNode:
    node = graph.get_node(O1)
    assert isinstance(node, ObjectNode)
    return node


def test_a_long_look_from_one_side_weighs_as_much_as_a_short_one_from_another() -> None:
    evidence, graph = Evidence(SPACE), graph_with_chair()
    for _ in range(50):
        take(evidence, FRONT, SOFA, 0.8)
    take(evidence, LEFT, CHAIR, 0.6)
    evidence.write(graph, 1, is_estimated=False)
    chair = chair_of(graph)
    assert chair.probability == pytest.approx(0.3, abs=1e-3)
    assert chair.second == SecondLabel(SOFA, "sofa", 0.4)
    assert chair.view_count == 2


def test_labels_that_are_given_are_certain_and_leave_no_second() -> None:
    evidence, graph = Evidence(SPACE), graph_with_chair()
    take(evidence, FRONT, CHAIR, None)
    evidence.write(graph, 1, is_estimated=False)
    assert (chair_of(graph).probability, chair_of(graph).second) == (1.0, None)


@pytest.mark.parametrize("ray", [Ray.NONE, Ray.THROUGH, Ray.HIDDEN])
def test_only_rays_that_meet_the_surface_tell_its_label(ray: Ray) -> None:
    evidence, graph = Evidence(SPACE), graph_with_chair()
    rays = np.full(len(POINTS), ray, np.int8)
    evidence.take([O1], [POINTS], rays, look_from(*FRONT), predicted(CHAIR, 0.9))
    evidence.write(graph, 1, is_estimated=False)
    assert chair_of(graph).probability == 0.0 and chair_of(graph).view_count == 0


@pytest.mark.parametrize(("is_estimated", "label"), [(True, CHAIR), (False, SOFA), (True, SOFA)])
def test_what_the_predictor_hardly_ever_calls_so_is_retracted_where_depth_is_estimated(
    is_estimated: bool, label: int
) -> None:
    evidence, graph = Evidence(SPACE), graph_with_chair()
    for _ in range(LEAST_LOOKS - 1):
        take(evidence, FRONT, label, 0.8)
    evidence.write(graph, 1, is_estimated=is_estimated)
    assert chair_of(graph).is_present, "too early to say"
    take(evidence, FRONT, label, 0.8)
    evidence.write(graph, 2, is_estimated=is_estimated)
    ending = chair_of(graph).ending
    is_refuted = is_estimated and label == SOFA
    assert (ending.kind if ending else None) == ("retracted" if is_refuted else None)


def watched() -> Watches:
    """The chair's surface, known since the last keyframe."""
    watches, sample = Watches(), Sample.of(POINTS, Appearance((0.0, 0.0, 0.0), ()))
    watches.sampled(O1, Watch(sample, len(POINTS), 0), sample)
    return watches


@pytest.mark.parametrize("label", [CHAIR, SOFA])
def test_at_the_end_an_object_mapped_last_is_judged_by_the_last_frame(label: int) -> None:
    evidence, graph = Evidence(SPACE), graph_with_chair()
    evidence.settle(graph, watched(), look_from(*FRONT), predicted(label, 0.8), 7)
    assert chair_of(graph).is_present == (label == CHAIR)
    if label == CHAIR:
        assert chair_of(graph).probability == pytest.approx(0.8)


def test_at_the_end_what_nobody_ever_looked_at_was_a_mistake_unless_edited_by_hand() -> None:
    away = look_from(50.0, 0.0)
    for by_hand in ((), (BY_HAND_NAME,)):
        evidence, graph = Evidence(SPACE), graph_with_chair()
        graph.update_node(O1, by_hand=by_hand)
        evidence.settle(graph, watched(), away, predicted(CHAIR, 0.8), 7)
        assert chair_of(graph).is_present == bool(by_hand)


def test_at_the_end_a_few_looks_that_say_otherwise_are_enough() -> None:
    evidence, graph = Evidence(SPACE), graph_with_chair()
    take(evidence, FRONT, SOFA, 0.8)
    evidence.settle(graph, watched(), look_from(*LEFT), predicted(CHAIR, 0.8), 7)
    ending = chair_of(graph).ending
    assert ending is not None and ending.kind == "retracted"


def test_what_hardly_changed_is_not_written_again() -> None:
    evidence, graph = Evidence(SPACE), graph_with_chair()
    take(evidence, FRONT, CHAIR, 0.8)
    evidence.write(graph, 1, is_estimated=False)
    version = graph.version
    take(evidence, FRONT, CHAIR, 0.9)
    evidence.write(graph, 1, is_estimated=False)
    assert graph.version == version


def test_evidence_goes_on_after_a_restart_and_under_another_id() -> None:
    evidence, again, graph = Evidence(SPACE), Evidence(SPACE), graph_with_chair()
    take(evidence, FRONT, SOFA, 0.8)
    again.restore(evidence.state())
    again.rename([(NodeSymbol("O", 7), O1)])
    again.rename([(O1, NodeSymbol("O", 7))])
    take(again, LEFT, CHAIR, 1.0)
    again.write(graph, 1, is_estimated=False)
    assert chair_of(graph).probability == pytest.approx(0.5, abs=1e-3)
    assert chair_of(graph).second == SecondLabel(SOFA, "sofa", 0.4)


looks = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1, width=32)), min_size=1, max_size=6),
        st.integers(0, SECTORS - 1),
    ),
    min_size=1,
    max_size=8,
)


@given(looks)
def test_probabilities_are_at_least_zero_and_sum_to_one_at_most(
    looks: list[tuple[list[tuple[int, float]], int]],
) -> None:
    known = LabelEvidence(np.zeros((SECTORS, 10), np.float32))
    for pixels, sector in looks:
        labels, sure = (np.array(column) for column in zip(*pixels, strict=True))
        known.add(labels.astype(np.uint8), sure.astype(np.float32), sector)
    assert (known.probabilities() >= 0).all() and known.probabilities().sum() <= 1 + 1e-4
    assert known.views == len({sector for _, sector in looks})
