"""Small simulated worlds, opened once for all tests that only look at them."""

import functools

import numpy as np

from hydra_mono.core.config import SimulationConfig
from hydra_mono.simulation.source import SimulatedSource, open_simulated

SMALL = SimulationConfig(rooms=3, width=96, height=72, noise="none")


@functools.cache
def small_source(name: str = "simulated/3") -> SimulatedSource:
    return open_simulated(name, SMALL)


def frame_bytes(source: SimulatedSource, index: int) -> bytes:
    frame = source[index]
    images = (frame.rgb, frame.depth_m, frame.labels, frame.instances, frame.normals)
    return b"".join(image.tobytes() for image in images if image is not None)


def nearest_surface_m(source: SimulatedSource, points_m: np.ndarray) -> np.ndarray:
    """Unsigned distance to the true mesh, by SciPy-free brute force over Open3D's triangles."""
    from hydra_mono.core.open3d_loader import open3d

    mesh = source.truth().mesh
    scene = open3d().t.geometry.RaycastingScene()
    core = open3d().core
    scene.add_triangles(core.Tensor(mesh.vertices_m), core.Tensor(mesh.faces.astype(np.uint32)))
    return np.asarray(scene.compute_distance(core.Tensor(points_m.astype(np.float32))).numpy())
