"""Worlds of boxes and spheres whose every surface is known, seen by a pinhole camera."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.mesh import MeshUpdate, SemanticMesh
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.core.prediction import Prediction
from hydra_mono.mapping.tsdf.changes import MeshRule
from hydra_mono.mapping.tsdf.fusion import FusionRule
from hydra_mono.mapping.tsdf.thin import ThinRule
from hydra_mono.mapping.tsdf.volume import SemanticVolume

CAMERA = Intrinsics(fx=131.25, fy=131.25, cx=79.5, cy=59.5, width=160, height=120)
FRAME_NS = 100_000_000


@dataclass
class World:
    """Solids to look at; part ``i`` is painted and labelled on its own."""

    meshes: list[Any] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    colors: list[tuple[int, int, int]] = field(default_factory=list)

    def box(
        self,
        lower: tuple[float, float, float],
        upper: tuple[float, float, float],
        label: int = 1,
        color: tuple[int, int, int] = (200, 150, 100),
    ) -> "World":
        size = np.subtract(upper, lower)
        mesh = open3d().geometry.TriangleMesh.create_box(*size.tolist()).translate(lower)
        return self._add(mesh, label, color)

    def sphere(
        self,
        center: tuple[float, float, float],
        radius: float,
        label: int = 1,
        color: tuple[int, int, int] = (100, 150, 200),
    ) -> "World":
        shape = open3d().geometry.TriangleMesh.create_sphere(radius, resolution=60)
        return self._add(shape.translate(center), label, color)

    def _add(self, mesh: Any, label: int, color: tuple[int, int, int]) -> "World":
        return World([*self.meshes, mesh], [*self.labels, label], [*self.colors, color])

    def scene(self) -> Any:
        """An Open3D ``RaycastingScene`` of everything, ids in the order of adding."""
        o3d = open3d()
        scene = o3d.t.geometry.RaycastingScene()
        for mesh in self.meshes:
            scene.add_triangles(o3d.t.geometry.TriangleMesh.from_legacy(mesh))
        return scene


class Renderer:
    """Takes pictures of a world; numbers and stamps them in order."""

    def __init__(self, world: World, camera: Intrinsics = CAMERA, first_index: int = 0) -> None:
        self.camera = camera
        self.count = first_index
        self.show(world)

    def show(self, world: World) -> None:
        """From now on the pictures are of this world."""
        self._world, self._scene = world, world.scene()

    def __call__(self, world_from_camera: np.ndarray) -> tuple[Frame, Prediction]:
        core = open3d().core
        rays = self._scene.create_rays_pinhole(
            core.Tensor(self.camera.matrix),
            core.Tensor(np.linalg.inv(world_from_camera)),
            self.camera.width,
            self.camera.height,
        )
        # Open3D sends its rays through the middle of pixels whose corners are the integers.
        shift = self._half_pixel(world_from_camera)
        rays = rays.numpy()
        rays[..., 3:] += shift
        hit = self._scene.cast_rays(core.Tensor(rays))
        depth = hit["t_hit"].numpy()
        part = hit["geometry_ids"].numpy()
        part = np.where(np.isfinite(depth), part, len(self._world.labels)).astype(np.int64)
        labels = np.array([*self._world.labels, 0], np.uint8)[part]
        rgb = np.array([*self._world.colors, (0, 0, 0)], np.uint8)[part]
        depth = np.where(np.isfinite(depth), depth, 0).astype(np.float32)
        frame = Frame(
            index=self.count,
            name=f"{self.count:06d}",
            stamp_ns=self.count * FRAME_NS,
            world_from_camera=world_from_camera,
            intrinsics=self.camera,
            rgb=rgb,
            depth_m=depth,
            labels=labels,
        )
        self.count += 1
        return frame, Prediction(depth_m=depth, labels=labels)

    def _half_pixel(self, world_from_camera: np.ndarray) -> np.ndarray:
        offset = np.array([-0.5 / self.camera.fx, -0.5 / self.camera.fy, 0.0])
        return np.asarray(world_from_camera[:3, :3] @ offset, dtype=np.float32)


MESH_RULE, THIN_RULE = MeshRule(voxel_size_m=0.05), ThinRule(voxel_size_m=0.05)


def new_volume(mesh: MeshRule = MESH_RULE, thin: ThinRule | None = THIN_RULE) -> SemanticVolume:
    """A volume as the default config makes it, but for a rule."""
    return SemanticVolume(
        fusion=FusionRule(voxel_size_m=0.05),
        mesh=mesh,
        thin=thin,
        max_depth_m=5.0,
        window_radius_m=8.0,
    )


def look_at(eye: tuple[float, ...], target: tuple[float, ...]) -> np.ndarray:
    """Pose of an upright camera (x right, y down, z forward)."""
    forward = np.subtract(target, eye)
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    return pose


def orbit(
    center: tuple[float, float, float], radius: float, height: float, count: int
) -> Iterator[np.ndarray]:
    """Poses on a circle round a point, all looking at it."""
    for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
        eye = (
            center[0] + radius * float(np.cos(angle)),
            center[1] + radius * float(np.sin(angle)),
            center[2] + height,
        )
        yield look_at(eye, center)


def kinect_noise(depth_m: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Depth with the axial noise of Nguyen, Izadi and Lovell (3DIMPVT 2012)."""
    sigma = 0.0012 + 0.0019 * (depth_m - 0.4) ** 2
    noisy = depth_m + sigma * rng.standard_normal(depth_m.shape)
    return np.where(depth_m > 0, noisy, 0).astype(np.float32)


def open_edges(mesh: SemanticMesh) -> np.ndarray:
    """Midpoints of the edges with a triangle on one side only, copies of a vertex welded."""
    _, weld = np.unique(mesh.vertices_m, axis=0, return_inverse=True)
    faces = weld.reshape(-1)[mesh.faces]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    ends = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 0]]])
    _, first, uses = np.unique(edges, axis=0, return_index=True, return_counts=True)
    return np.asarray(mesh.vertices_m[ends[first[uses == 1]]].mean(axis=1))


def wall() -> World:
    """A wall whose face is the plane y = 0.013."""
    return World().box((-3, 0.013, -1), (3, 0.3, 3), label=WALL, color=(10, 120, 250))


WALL = 3
AHEAD = look_at((0.0, -2.0, 1.0), (0.0, 0.0, 1.0))  # at the wall


def take(volume: SemanticVolume, renderer: Renderer, pose: np.ndarray = AHEAD) -> MeshUpdate:
    """What a picture changes of the mesh."""
    frame, prediction = renderer(pose)
    volume.integrate(frame, prediction)
    return volume.update_mesh(frame.stamp_ns, frame.camera_position_m)
