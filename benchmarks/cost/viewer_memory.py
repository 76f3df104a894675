"""Memory and file size that the viewer takes per 1,000 frames of a map that no longer grows.

    python benchmarks/cost/viewer_memory.py --frames 4000

One row per mode: the slope of resident memory over the second half of the run (the first half
fills caches), and the size of the recording. ``--paced`` waits wherever the viewer has fallen
behind by more than a few messages, as no sequence recorded by a camera makes it: what waits is
memory, too.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Sized
from pathlib import Path

import numpy as np
import psutil

from hydra_mono.core.config import ViewerConfig
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.labels import load_label_space
from hydra_mono.core.mesh import BlockKey, MeshUpdate, SemanticMesh
from hydra_mono.core.prediction import Prediction
from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.scene_graph import SceneGraph
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.viz import create_viewer

MEGABYTE = 2.0**20
WIDTH, HEIGHT = 640, 480
CAMERA = Intrinsics(500.0, 500.0, 319.5, 239.5, WIDTH, HEIGHT)
BLOCKS, CHANGED, PLACES = 2000, 60, 300  # of a flat of some rooms; changed by a keyframe
FEW = 8  # waiting messages
STAGES = ("predict", "integrate", "carve", "view")
STAGES_OF_KEYFRAMES = ("mesh", "objects", "places", "rooms")


def block_mesh(rng: np.random.Generator, key: BlockKey) -> SemanticMesh:
    count = 120
    return SemanticMesh(
        vertices_m=(rng.random((count, 3)) * 0.4 + np.array(key) * 0.4).astype(np.float32),
        faces=rng.integers(0, count, (2 * count, 3)).astype(np.int32),
        normals=np.tile(np.array([0, 0, 1], np.float32), (count, 1)),
        colors=rng.integers(0, 255, (count, 3)).astype(np.uint8),
        labels=np.full(count, 2, np.uint8),
        first_seen_ns=np.zeros(count, np.int64),
        last_seen_ns=np.zeros(count, np.int64),
    )


def place(number: int) -> PlaceNode:
    position_m = (number * 0.1, 0.0, 1.0)
    return PlaceNode(position_m=position_m, first_seen_ns=0, last_seen_ns=0, radius_m=1.0)


def picture(rng: np.random.Generator, index: int) -> tuple[Frame, Prediction]:
    rgb = np.repeat(np.repeat(rng.integers(0, 255, (48, 64, 3)), 10, 0), 10, 1).astype(np.uint8)
    frame = Frame(
        index=index,
        name=str(index),
        stamp_ns=index * 100_000_000,
        world_from_camera=np.eye(4),
        intrinsics=CAMERA,
        rgb=rgb,
    )
    depth_m = rgb[..., 0].astype(np.float32) / 50
    return frame, Prediction(depth_m, labels=rgb[..., 1] % 40)


def resident_mb(
    mode: str, frames: int, paced: bool, folder: str, samples: "multiprocessing.Queue[object]"
) -> None:
    """Puts (frame, MB) pairs, and None at the end."""
    rng = np.random.default_rng(0)
    path = Path(folder) / "recording.rrd"
    config = ViewerConfig.model_validate({"mode": mode})
    viewer = create_viewer(config, path, load_label_space("apartment"), "memory")
    graph = SceneGraph()
    for number in range(PLACES):
        graph.add_node(NodeSymbol("p", number), place(number))
    keys = [(i % 50, i // 50, 0) for i in range(BLOCKS)]
    meshes = {key: block_mesh(rng, key) for key in keys}
    waiting: Sized = getattr(viewer, "_jobs", ())
    for index in range(frames):
        while paced and len(waiting) > FEW:
            time.sleep(0.01)
        frame, prediction = picture(rng, index)
        viewer.log_frame(frame, prediction)
        stages = STAGES
        if index % 10 == 0:
            changed = [keys[i] for i in rng.choice(BLOCKS, CHANGED, replace=False)]
            update = meshes if index == 0 else {key: meshes[key] for key in changed}
            symbol = NodeSymbol("p", int(rng.integers(PLACES)))
            graph.update_node(symbol, radius_m=float(rng.random()))
            viewer.log_map(MeshUpdate(frame.stamp_ns, 0.4, dict(update)), graph)
            stages += STAGES_OF_KEYFRAMES
        viewer.log_timings(dict.fromkeys(stages, 1.0))
        if index % 100 == 0:
            samples.put((index, psutil.Process().memory_info().rss / MEGABYTE))
    viewer.close()
    samples.put(None)


def measure(mode: str, frames: int, paced: bool) -> tuple[float, str, float]:
    """MB per 1,000 frames, MB after each quarter of the frames, and MB of recording."""
    context = multiprocessing.get_context("spawn")
    samples: multiprocessing.Queue[object] = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=resident_mb, args=(mode, frames, paced, folder, samples))
        process.start()
        rows = np.array(list(iter(samples.get, None)))
        process.join()
        recording = Path(folder) / "recording.rrd"
        size_mb = recording.stat().st_size / MEGABYTE if recording.exists() else 0.0
    late = rows[len(rows) // 2 :]
    slope = 1000 * np.polyfit(late[:, 0], late[:, 1], 1)[0]
    quarters = [rows[len(rows) * k // 4 - 1, 1] for k in (1, 2, 3, 4)]
    return float(slope), " ".join(f"{mb:.0f}" for mb in quarters), size_mb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=4000)
    parser.add_argument("--paced", action="store_true", help="never lets the viewer fall behind")
    parser.add_argument("--modes", nargs="+", default=["none", "save"])
    options = parser.parse_args()
    print(f"{'viewer':8} {'MB / 1,000 frames':>18} {'MB by quarters':>20} {'recording MB':>13}")
    for mode in options.modes:
        slope, quarters, size = measure(mode, options.frames, options.paced)
        print(f"{mode:8} {slope:18.1f} {quarters:>20} {size:13.1f}")


if __name__ == "__main__":
    main()
