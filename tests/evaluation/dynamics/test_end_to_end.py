"""A short walk in a world with life, mapped and scored as the command line does it."""

import json
from functools import cache

import numpy as np

from hydra_mono.core.config import load_config
from hydra_mono.core.files.trajectory import Trajectory
from hydra_mono.evaluation import RunInputs, evaluate, table
from hydra_mono.perception.predictors.create import create_predictor
from hydra_mono.pipeline import Mapper
from hydra_mono.simulation.source import open_simulated

SETTINGS = (
    "simulation.rooms=2",
    "simulation.people=2",
    "simulation.width=160",
    "simulation.height=120",
    "simulation.frames=150",
    "predictor.name=sensor",
)


@cache
def scored():
    config = load_config(overrides=SETTINGS)
    source = open_simulated("simulated/dynamic-11", config.simulation)
    mapper = Mapper(config, create_predictor(config.predictor, source.label_space))
    stamps, poses = [], []
    for index in range(len(source)):
        frame = source[index]
        mapper.step(frame)
        stamps.append(frame.stamp_ns)
        poses.append(frame.world_from_camera)
    mapper.finish()
    run = RunInputs(
        graph=mapper.graph,
        mesh=mapper.mesh.whole_mesh(),
        trajectory=Trajectory.of(stamps, poses),
        intrinsics=source[0].intrinsics,
        max_depth_m=mapper.max_depth_m,
        label_space=mapper.label_space,
    )
    return evaluate(run, source.truth())


def test_a_run_in_a_lively_world_tells_every_score_that_was_promised() -> None:
    scores = json.loads(json.dumps(scored().as_dict(), allow_nan=False))
    assert set(scores["background"]) == {"f1_10cm", "off_surface_15cm"}
    assert set(scores["dynamic"]) == {"f1", "idf1", "mota", "id_switches_per_track"}
    assert set(scores["changes"]) == {
        "f1",
        "interval_holds_truth",
        "time_error_s",
        "false_removals",
    }
    assert set(scores["objects_over_time"]) == {"f1"}
    names = [name for name, _, _ in table(scored())]
    assert "dynamic.idf1" in names and "changes.time_error_s" in names


def test_labelled_people_are_found_where_they_are_and_leave_little_behind() -> None:
    scores = scored()
    assert scores.dynamic.f1 is not None and scores.dynamic.f1 > 0.2
    assert scores.dynamic.id_switches_per_track is not None
    assert scores.background.off_surface_15cm is not None
    assert scores.background.off_surface_15cm < 0.02
    assert np.isfinite(scores.background.f1_10cm or np.nan)
