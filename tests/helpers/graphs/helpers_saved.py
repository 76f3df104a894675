"""A house as a run leaves it: described rooms, a folder with all of its files."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
from helpers_exports import LABELS, START_NS, house_mesh
from helpers_query import ask_house, symbol

from hydra_mono.core.config import Config, dump_config
from hydra_mono.graph.model.nodes import Passage
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.outputs import RunFolder, RunRecord

SQUARES = [((0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0))] * 2
DOOR = Passage(
    kind="door",
    rooms=(symbol("R(0)"), symbol("R(1)")),
    position_m=(4.0, 2.0, 1.0),
    width_m=0.9,
    heading_rad=np.pi / 2,
    is_open=True,
)
METRICS = {
    "sequence": "house <1>",
    "frames": 3,
    "frame_ms": {"median": 21.5, "p95": 40.0, "mean": 25.0},
    "stage_ms": {"integrate": {"median": 11.0, "p95": 19.0, "mean": 12.0}},
    "series": {"frame_ms": [20.0, 30.0, 25.0], "rss_mb": [400.0, 410.0, 420.0]},
    "peak_rss_mb": 512.0,
    "skipped": {"total": 1, "reasons": {"nan-pose": 1}, "frames": ["000002: nan-pose"]},
    "scores": {"objects": {"f1": 0.9}},
}


def described_house() -> SceneGraph:
    graph = ask_house()
    for number, corners in enumerate(SQUARES):
        outline = tuple((x + 4.0 * number, y) for x, y in corners)
        graph.update_node(
            symbol(f"R({number})"),
            outline_m=outline,
            area_m2=16.0,
            category="kitchen" if not number else "room",
            evidence=("oven",) if not number else (),
            probability=0.93,
            passages=(DOOR,),
        )
    return graph


def run_of(
    graph: SceneGraph,
    root: Path,
    config: Config | None = None,
    images: Mapping[NodeSymbol, bytes] | None = None,
) -> Path:
    folder = RunFolder(root, "house", datetime(2026, 3, 4))
    poses = [np.eye(4), np.eye(4), np.eye(4)]
    poses[1][0, 3], poses[2][0, 3] = 1.0, 3.0
    folder.write(
        RunRecord(
            graph=graph,
            mesh=house_mesh(),
            labels=LABELS,
            stamps_ns=[START_NS, START_NS + 1, START_NS + 2],
            world_from_camera=poses,
            config_text=dump_config(config or Config()),
            metrics=METRICS,
            images=images or {},
        )
    )
    return folder.path
