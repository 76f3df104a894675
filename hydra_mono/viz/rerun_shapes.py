"""Chunks of the map as rerun's shapes."""

from collections.abc import Sequence

import numpy as np
import rerun as rr
from jaxtyping import Bool, UInt8

from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.viz.chunks import ArrowChunk, BoxChunk, LineChunk, NodeChunk, PlaceChunk

LINE_RADIUS_M = {"p-p": 0.015, "O-p": 0.01, "p-R": 0.01, "R-R": 0.04, "R-B": 0.03, "a-a": 0.03}


def tile(
    mesh: SemanticMesh,
    is_ceiling: Bool[np.ndarray, "256"],
    palette: UInt8[np.ndarray, "256 3"] | None,
) -> rr.Mesh3D | rr.Clear:
    """A piece of mesh without its ceiling, so that one sees into the rooms.

    ``is_ceiling`` by label id; ``palette`` colours by label, None as the camera saw it.
    """
    faces = mesh.faces[~is_ceiling[mesh.labels[mesh.faces]].all(axis=1)]
    if not len(faces):
        return rr.Clear(recursive=False)
    return rr.Mesh3D(
        vertex_positions=mesh.vertices_m,
        triangle_indices=faces.astype(np.uint32),
        vertex_colors=mesh.colors if palette is None else palette[mesh.labels],
    )


def places(chunk: PlaceChunk) -> rr.Points3D:
    return rr.Points3D(chunk.positions_m, radii=chunk.radii_m, colors=chunk.colors)


def boxes(chunk: BoxChunk) -> rr.Boxes3D:
    return rr.Boxes3D(
        centers=[box.center_m for box in chunk.boxes],
        half_sizes=[np.array(box.dimensions_m) / 2 for box in chunk.boxes],
        quaternions=[_about_z(box.yaw_rad) for box in chunk.boxes],
        labels=chunk.labels,
        colors=chunk.colors,
        radii=0.01,
    )


def nodes(chunk: NodeChunk, radius_m: float) -> rr.Points3D:
    return rr.Points3D(chunk.positions_m, radii=radius_m, colors=chunk.colors, labels=chunk.labels)


def arrows(chunk: ArrowChunk) -> rr.Arrows3D:
    return rr.Arrows3D(
        origins=chunk.positions_m, vectors=chunk.vectors_m, colors=chunk.colors, radii=0.02
    )


def lines(kind: str, chunk: LineChunk) -> rr.LineStrips3D:
    return rr.LineStrips3D(
        chunk.segments_m, radii=LINE_RADIUS_M.get(kind, 0.01), colors=chunk.colors
    )


def hierarchy(
    members: Sequence[tuple[str, str, tuple[int, int, int]]], links: Sequence[tuple[str, str]]
) -> tuple[rr.GraphNodes, rr.GraphEdges]:
    """Members are (id, name, colour); links lead from the upper to the lower one."""
    ids, names, colors = zip(*members, strict=True) if members else ((), (), ())
    return (
        rr.GraphNodes(list(ids), labels=list(names), colors=list(colors)),
        rr.GraphEdges(list(links), graph_type="directed"),
    )


def _about_z(yaw_rad: float) -> rr.Quaternion:
    return rr.Quaternion(xyzw=[0.0, 0.0, np.sin(yaw_rad / 2), np.cos(yaw_rad / 2)])
