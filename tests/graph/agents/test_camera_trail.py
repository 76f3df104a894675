import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.graph.agents.camera_trail import AgentTrail
from hydra_mono.graph.model.nodes import AgentNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import Layer, NodeSymbol

AGENTS = (Layer.OBJECTS, ord("a"))
TINY = Intrinsics(fx=1.0, fy=1.0, cx=0.5, cy=0.5, width=2, height=2)


def frame(second: float, x: float = 0.0, yaw_rad: float = 0.0) -> Frame:
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("z", yaw_rad).as_matrix()
    pose[0, 3] = x
    return Frame(
        index=0,
        name="frame",
        stamp_ns=round(second * 1e9),
        world_from_camera=pose,
        intrinsics=TINY,
        rgb=np.zeros((2, 2, 3), np.uint8),
    )


def walk(*frames: Frame, trail: AgentTrail | None = None) -> SceneGraph:
    graph = SceneGraph()
    trail = trail or AgentTrail()
    for one in frames:
        trail.update(graph, one)
    return graph


def test_the_first_frame_starts_the_trail() -> None:
    graph = walk(frame(1.0, x=2.0, yaw_rad=0.5))
    ((symbol, node),) = graph.nodes(*AGENTS)
    assert symbol == NodeSymbol("a", 0)
    assert isinstance(node, AgentNode)
    assert node.position_m == (2.0, 0.0, 0.0)
    assert node.stamp_ns == node.first_seen_ns == 1_000_000_000
    assert node.quat_wxyz == pytest.approx((np.cos(0.25), 0.0, 0.0, np.sin(0.25)))


def test_standing_still_adds_nothing() -> None:
    assert walk(*(frame(i / 10) for i in range(30))).count(*AGENTS) == 1


def test_nodes_lie_half_a_metre_apart() -> None:
    graph = walk(*(frame(i / 10, x=i * 0.05) for i in range(41)))
    xs = [node.position_m[0] for _, node in graph.nodes(*AGENTS)]
    assert xs == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])


def test_turning_counts_a_tenth_of_the_rotation_matrix() -> None:
    # the norm of R - 1 of a half turn is 2·√2, a tenth of it 0.28 m
    assert walk(frame(0.0), frame(1.0, yaw_rad=np.pi)).count(*AGENTS) == 1
    assert walk(frame(0.0), frame(1.0, x=0.22, yaw_rad=np.pi)).count(*AGENTS) == 2
    assert walk(frame(0.0), frame(1.0, x=0.21, yaw_rad=np.pi)).count(*AGENTS) == 1


def test_a_jump_within_the_interval_waits() -> None:
    assert walk(frame(0.0), frame(0.1, x=3.0)).count(*AGENTS) == 1
    assert walk(frame(0.0), frame(0.1, x=3.0), frame(0.2, x=3.0)).count(*AGENTS) == 2


def test_neighbours_along_the_way_are_linked() -> None:
    graph = walk(*(frame(i, x=i) for i in range(4)))
    ends = [(a.number, b.number) for a, b, _ in graph.edges()]
    assert ends == [(0, 1), (1, 2), (2, 3)]
    assert graph.get_edge(NodeSymbol("a", 2), NodeSymbol("a", 3)).first_seen_ns == 3_000_000_000


def test_the_far_end_of_the_trail_comes_to_rest() -> None:
    trail = AgentTrail(0.5, active_length=5)
    graph = walk(*(frame(i, x=i) for i in range(12)), trail=trail)
    assert [symbol.number for symbol, _ in graph.active_nodes(*AGENTS)] == [7, 8, 9, 10, 11]
