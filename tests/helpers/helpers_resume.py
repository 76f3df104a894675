"""Stops a run, writes what every stage remembers, and goes on from the files in a new process.

Run as a script, it is the new process: ``helpers_resume.py MODE FOLDER STOP…``.
"""

import os
import subprocess
import sys
from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
from helpers_runs import small_config

from hydra_mono.core.config import Config
from hydra_mono.core.files.state import read_state, state_writers
from hydra_mono.core.frame import Frame
from hydra_mono.core.labels import LabelSpace
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.io.dsg.write import dsg_text
from hydra_mono.graph.io.graph_json import to_document, to_text
from hydra_mono.perception.predictors.create import SensorPredictor
from hydra_mono.pipeline import Mapper
from hydra_mono.simulation.source import SimulatedSource, open_simulated

ROOT = Path(__file__).resolve().parents[2]
FRAMES = range(0, 120, 2)
# Small, so that blocks are archived and reloaded within a few metres of walk.
REACH = ("mapping.max_depth=1.5", "mapping.window_radius=1.0", "mapping.keyframe_separation=1.2")
OVERRIDES = {"sensor": REACH, "estimated": (*REACH, "simulation.noise=none")}
OUTPUTS = ("graph.json", "dsg.json", "mesh.npz")


class NoisyPredictor:
    """The truth with errors that follow from the frame's index alone."""

    def __init__(self, label_space: LabelSpace) -> None:
        self.label_space = label_space

    def __call__(self, frame: Frame) -> Prediction:
        assert frame.depth_m is not None and frame.labels is not None
        rng = np.random.default_rng(frame.index)
        error = rng.normal(0, 0.05) + rng.normal(0, 0.02, frame.depth_m.shape)
        return Prediction(
            depth_m=(frame.depth_m * np.exp(error)).astype(np.float32),
            labels=frame.labels,
            confidence=rng.uniform(0.5, 1, frame.labels.shape).astype(np.float32),
            normals=frame.normals,
            edges=np.zeros(frame.labels.shape, np.float32),
        )


def config_of(mode: str) -> Config:
    return small_config(*OVERRIDES[mode])


@cache
def source_of(mode: str) -> SimulatedSource:
    return open_simulated("simulated/5", config_of(mode).simulation)


def new_run(mode: str) -> tuple[SimulatedSource, Mapper]:
    source = source_of(mode)
    kind = SensorPredictor if mode == "sensor" else NoisyPredictor
    return source, Mapper(config_of(mode), kind(source.label_space))


def go_on(source: SimulatedSource, mapper: Mapper, first: int, folder: Path) -> None:
    """Maps the frames from the ``first``-th on and writes all outputs."""
    for index in FRAMES[first:]:
        mapper.step(source[index])
    mapper.finish()
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(to_text(to_document(mapper.graph, source.label_space)))
    (folder / "graph.json").write_text(text)
    mesh = mapper.mesh.whole_mesh()
    (folder / "dsg.json").write_text("".join(dsg_text(mapper.graph, mesh, source.label_space)))
    np.savez(folder / "mesh.npz", **{f.name: getattr(mesh, f.name) for f in fields(SemanticMesh)})


def save_state(state: State, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, write in state_writers(state).items():
        write(folder / name)


def go_on_elsewhere(mode: str, folder: Path, stops: list[int]) -> None:
    """In a new process: restores what lies in ``folder/STOP`` and goes on with that frame."""
    script = str(Path(__file__).resolve())
    command = [sys.executable, script, mode, str(folder), *map(str, stops)]
    subprocess.run(command, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


if __name__ == "__main__":
    MODE, FOLDER, STOPS = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    for STOP in STOPS:
        SOURCE, MAPPER = new_run(MODE)
        MAPPER.restore(read_state(FOLDER / STOP))
        go_on(SOURCE, MAPPER, int(STOP), FOLDER / STOP)
