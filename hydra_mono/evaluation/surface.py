"""Triangle surfaces: even samples of them, and exact distances to them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32, Int64

from hydra_mono.core.open3d_loader import open3d

# Generalised golden ratio in two dimensions (Roberts 2018, the R2 sequence).
_PLASTIC = 1.32471795724474602596
_HIT_TOLERANCE_M = 0.01


@dataclass(frozen=True, slots=True)
class SurfaceSamples:
    """Points spread evenly over a surface; ``barycentric`` weighs the corners of ``faces``."""

    points_m: Float32[np.ndarray, "n 3"]
    faces: Int64[np.ndarray, " n"]
    barycentric: Float32[np.ndarray, "n 3"]

    def __len__(self) -> int:
        return len(self.points_m)


def face_areas_m2(
    vertices_m: Float32[np.ndarray, "v 3"], faces: Int32[np.ndarray, "f 3"]
) -> Float64[np.ndarray, " f"]:
    return np.asarray(np.linalg.norm(_crosses(vertices_m, faces), axis=1) / 2)


def face_normals(
    vertices_m: Float32[np.ndarray, "v 3"], faces: Int32[np.ndarray, "f 3"]
) -> Float64[np.ndarray, "f 3"]:
    """Unit normals by the right-hand rule; zero for a triangle without area."""
    crosses = _crosses(vertices_m, faces)
    return np.asarray(crosses / np.maximum(np.linalg.norm(crosses, axis=1), 1e-12)[:, None])


def _crosses(
    vertices_m: Float32[np.ndarray, "v 3"], faces: Int32[np.ndarray, "f 3"]
) -> Float64[np.ndarray, "f 3"]:
    a, b, c = (vertices_m[faces[:, i]].astype(np.float64) for i in range(3))
    return np.asarray(np.cross(b - a, c - a))


def sample_surface(
    vertices_m: Float32[np.ndarray, "v 3"], faces: Int32[np.ndarray, "f 3"], count: int
) -> SurfaceSamples:
    """``count`` points, each standing for the same area; the same for the same mesh.

    Equal steps along the summed areas choose the triangles; inside, the R2 sequence folded
    into the triangle.
    """
    ends = np.cumsum(face_areas_m2(vertices_m, faces)) if len(faces) else np.zeros(1)
    count = count if ends[-1] > 0 else 0
    steps = np.arange(count)
    chosen = np.searchsorted(ends, (steps + 0.5) / max(count, 1) * ends[-1])
    chosen = np.minimum(chosen, max(len(faces) - 1, 0)).astype(np.int64)
    u = (0.5 + (steps + 1) / _PLASTIC) % 1.0
    v = (0.5 + (steps + 1) / _PLASTIC**2) % 1.0
    folded = u + v > 1
    u, v = np.where(folded, 1 - u, u), np.where(folded, 1 - v, v)
    weights = np.stack([1 - u - v, u, v], axis=1)
    corners = vertices_m[faces[chosen]].astype(np.float64).reshape(-1, 3, 3)
    points = np.einsum("nk,nkd->nd", weights, corners)
    return SurfaceSamples(points.astype(np.float32), chosen, weights.astype(np.float32))


class Surface:
    """A mesh behind a bounding volume hierarchy; every answer is exact."""

    def __init__(
        self, vertices_m: Float32[np.ndarray, "v 3"], faces: Int32[np.ndarray, "f 3"]
    ) -> None:
        self._tensor: Any = open3d().core.Tensor
        self._scene: Any = open3d().t.geometry.RaycastingScene()
        self._is_empty = len(faces) == 0
        if not self._is_empty:
            self._scene.add_triangles(
                self._tensor(np.ascontiguousarray(vertices_m)),
                self._tensor(np.ascontiguousarray(faces.astype(np.uint32))),
            )

    def distance_m(self, points_m: Float32[np.ndarray, "n 3"]) -> Float64[np.ndarray, " n"]:
        """Distance to the nearest triangle; infinite where there is none."""
        if self._is_empty or not len(points_m):
            return np.full(len(points_m), np.inf)
        distance = self._scene.compute_distance(self._tensor(np.ascontiguousarray(points_m)))
        return np.asarray(distance.numpy(), dtype=np.float64)

    def unhidden(
        self, eye_m: Float64[np.ndarray, "3"], points_m: Float32[np.ndarray, "n 3"]
    ) -> Bool[np.ndarray, " n"]:
        """Whether nothing lies between the eye and the point, 1 cm before it left out."""
        if self._is_empty or not len(points_m):
            return np.ones(len(points_m), dtype=bool)
        toward = points_m - eye_m.astype(np.float32)
        origins = np.broadcast_to(eye_m.astype(np.float32), toward.shape)
        rays = np.ascontiguousarray(np.concatenate([origins, toward], axis=1))
        along = self._scene.cast_rays(self._tensor(rays))["t_hit"].numpy()
        return np.asarray((1 - along) * np.linalg.norm(toward, axis=1) <= _HIT_TOLERANCE_M)
