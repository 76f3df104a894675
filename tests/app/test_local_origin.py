"""A survey's coordinates give the same map as coordinates near zero, and come back in all files."""

import copy
import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers_runs import small_config

from hydra_mono.core.frame import Frame
from hydra_mono.core.gate.frame_gate import create_gate
from hydra_mono.core.labels import LabelSpace
from hydra_mono.evaluation import evaluate, inputs_of_run
from hydra_mono.evaluation.offset import moved_truth
from hydra_mono.graph.exports import write_export
from hydra_mono.graph.io.origin import negative
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.outputs import RunFolder, RunRecord, load_run
from hydra_mono.perception.predictors.create import SensorPredictor
from hydra_mono.pipeline import Mapper
from hydra_mono.session import Session
from hydra_mono.simulation.source import SimulatedSource, open_simulated

NEAR = (0.0, 0.0, 0.0)
SURVEYS = ((500_000.0, -1e7, 200.0),)
CONFIG = small_config("simulation.frames=40")
POINTS = ("position_m", "center_m", "position", "world_P_center")


@lru_cache
def building() -> SimulatedSource:
    return open_simulated("simulated/5", CONFIG.simulation)


@dataclass
class Shifted:
    """The walk through the building, surveyed in coordinates that begin elsewhere."""

    offset_m: tuple[float, float, float]
    name: str = "shifted"
    world_up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    unknown_label_pixels: int = 0

    @property
    def label_space(self) -> LabelSpace:
        return building().label_space

    def __len__(self) -> int:
        return len(building())

    def __getitem__(self, index: int) -> Frame:
        frame = building()[index]
        pose = frame.world_from_camera.copy()
        pose[:3, 3] += self.offset_m
        return replace(frame, world_from_camera=pose)


@lru_cache
def session_at(offset_m: tuple[float, float, float]) -> Session:
    source = Shifted(offset_m)
    mapper = Mapper(CONFIG, SensorPredictor(source.label_space))
    session = Session(mapper, create_gate(CONFIG.data), save=lambda session: None)
    session.run(source, CONFIG.data)
    return session


def written(offset_m: tuple[float, float, float], folder: Path) -> Path:
    session, camera = session_at(offset_m), building()[0].intrinsics
    run = RunFolder(folder, "walk", datetime(2026, 3, 4))
    numbers = {n: getattr(camera, n) for n in ("fx", "fy", "cx", "cy", "width", "height")}
    run.write(
        RunRecord(
            graph=session.mapper.graph,
            mesh=session.mapper.mesh.whole_mesh(),
            labels=session.mapper.label_space,
            stamps_ns=session.log.stamps_ns,
            world_from_camera=session.log.world_from_camera,
            config_text="",
            metrics=session.metrics() | {"camera": numbers | {"max_depth_m": 5.0}},
        )
    )
    return run.path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[float, float, float], Path]:
    return {at: written(at, tmp_path_factory.mktemp("runs")) for at in (NEAR, *SURVEYS)}


def points_of(value: Any) -> list[list[float]]:
    """Every point of a document, in its order."""
    if isinstance(value, list):
        return [point for item in value for point in points_of(item)]
    if not isinstance(value, dict):
        return []
    own = [value[key] for key in POINTS if key in value]
    return own + [point for item in value.values() for point in points_of(item)]


@pytest.mark.parametrize("offset_m", SURVEYS)
def test_every_point_of_a_graph_is_the_same_to_the_millimetre(
    offset_m: tuple[float, float, float], folders: dict[tuple[float, float, float], Path]
) -> None:
    near, far = (json.loads((folders[at] / "graph.json").read_text()) for at in (NEAR, offset_m))
    assert far["origin_m"] == list(offset_m) and near["origin_m"] == [0.0, 0.0, 0.0]
    assert [node["id"] for node in far["nodes"]] == [node["id"] for node in near["nodes"]]
    assert far["layers"] == near["layers"] and near["layers"]["rooms"]["count"] > 0
    points = np.array(points_of(far["nodes"])) - offset_m
    assert len(points) > 50
    np.testing.assert_allclose(points, points_of(near["nodes"]), atol=1e-3)


@pytest.mark.parametrize("offset_m", SURVEYS)
def test_mesh_and_trajectory_are_the_same_and_in_the_world(
    offset_m: tuple[float, float, float], folders: dict[tuple[float, float, float], Path]
) -> None:
    near, far = load_run(folders[NEAR]), load_run(folders[offset_m])
    assert far.graph.origin_m == offset_m
    np.testing.assert_allclose(far.mesh.vertices_m, near.mesh.vertices_m, atol=1e-3)
    np.testing.assert_array_equal(far.mesh.faces, near.mesh.faces)
    trajectories = [run.trajectory.world_from_camera for run in (far, near)]
    np.testing.assert_allclose(*trajectories, atol=1e-6)
    text = (folders[offset_m] / "trajectory.tum").read_text()
    assert text.startswith(f"# origin_m {offset_m[0]!r}")
    first = np.array(text.splitlines()[2].split()[1:4], float)
    np.testing.assert_allclose(first, building().poses[0][:3, 3] + offset_m, atol=1e-6)
    header = (folders[offset_m] / "mesh.ply").read_bytes()[:400]
    assert b"comment origin_m" in header and b"property double x" in header
    assert b"property float x" in (folders[NEAR] / "mesh.ply").read_bytes()[:400]


@pytest.mark.parametrize("form", ["dsg", "node-link"])
def test_exports_tell_the_world_s_coordinates(
    form: str, folders: dict[tuple[float, float, float], Path], tmp_path: Path
) -> None:
    documents = []
    for at in (NEAR, SURVEYS[0]):
        run = load_run(folders[at])
        write_export(form, run.graph, run.mesh, run.labels, tmp_path / "out.json")
        documents.append(json.loads((tmp_path / "out.json").read_text()))
    near, far = documents
    points = np.array(points_of(far["nodes"])) - SURVEYS[0]
    np.testing.assert_allclose(points, points_of(near["nodes"]), atol=1e-3)
    if form == "dsg":
        vertices = np.array(far["mesh"]["points"]) - SURVEYS[0]
        np.testing.assert_allclose(vertices, near["mesh"]["points"], atol=1e-3)
        assert far["metadata"]["hydra_mono"]["origin_m"] == list(SURVEYS[0])


def test_truth_is_moved_to_the_map_s_origin(
    folders: dict[tuple[float, float, float], Path],
) -> None:
    truth = building().truth()
    inputs = inputs_of_run(folders[SURVEYS[0]])
    here = moved_truth(moved_truth(truth, SURVEYS[0]), negative(inputs.graph.origin_m))
    assert np.allclose(here.grid.origin_m, truth.grid.origin_m)
    near = evaluate(inputs_of_run(folders[NEAR]), truth)
    # single precision holds no mesh out there, so the truth is given where the map is
    far = evaluate(replace(inputs, graph=at_zero(inputs.graph)), truth)
    assert far.rooms == near.rooms
    assert far.objects.f1 == pytest.approx(near.objects.f1, abs=1e-6)
    assert far.objects.mean_box_iou == pytest.approx(near.objects.mean_box_iou, abs=1e-3)
    assert far.mesh.f1_5cm == pytest.approx(near.mesh.f1_5cm, abs=1e-3)


def at_zero(graph: SceneGraph) -> SceneGraph:
    """The same graph, told to lie at the world's origin."""
    moved = copy.copy(graph)
    moved.origin_m = NEAR
    return moved
