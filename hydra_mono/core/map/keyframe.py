"""What the map says at one instant: the only input that the graph's stages have."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float64

from hydra_mono.core.frame import Frame
from hydra_mono.core.freespace import FreeSpace
from hydra_mono.core.map.contours import CONTOUR_RECORD, NO_CONTOURS, ContourPoints
from hydra_mono.core.map.state import State, joined, parted
from hydra_mono.core.mesh import MeshUpdate, MeshView, meshes_state, restored_meshes


@dataclass(frozen=True, slots=True)
class Instant:
    """When and from where a frame was taken."""

    stamp_ns: int
    world_from_camera: Float64[np.ndarray, "4 4"]

    @staticmethod
    def of(frame: Frame) -> "Instant":
        return Instant(frame.stamp_ns, frame.world_from_camera.copy())

    @property
    def position_m(self) -> Float64[np.ndarray, "3"]:
        return self.world_from_camera[:3, 3]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyframeInput:
    """The map as one frame left it; frames fused since then do not show in it.

    ``at``: the frame. ``mesh_update``: what changed since the last keyframe, ``mesh``: all of it.
    ``free_space``: round that change. ``contours``: where labelled objects end.
    """

    at: Instant
    mesh_update: MeshUpdate
    mesh: MeshView
    free_space: FreeSpace
    contours: ContourPoints = NO_CONTOURS

    @property
    def stamp_ns(self) -> int:
        return self.at.stamp_ns


def instant_state(at: Instant) -> State:
    """See ``core.map.state``."""
    return {"stamp_ns": at.stamp_ns, "world_from_camera": at.world_from_camera.copy()}


def restored_instant(state: State) -> Instant:
    return Instant(state["stamp_ns"], state["world_from_camera"].copy())


def keyframe_state(keyframe: KeyframeInput) -> State:
    """See ``core.map.state``; without the mesh, which changes only when a keyframe is taken."""
    space = {field.name: getattr(keyframe.free_space, field.name) for field in fields(FreeSpace)}
    keys = sorted(keyframe.contours.blocks)
    return {
        "at": instant_state(keyframe.at),
        "mesh_update": mesh_update_state(keyframe.mesh_update),
        "free_space": {name: value for name, value in space.items() if value is not None},
        "contour_block_m": keyframe.contours.block_size_m,
        "contour_blocks": np.array(keys, np.int32).reshape(-1, 3),
        "contours": joined(
            [keyframe.contours.blocks[key] for key in keys], np.zeros(0, CONTOUR_RECORD)
        ),
    }


def restored_keyframe(state: State, mesh: MeshView) -> KeyframeInput:
    """The keyframe that gave the state; ``mesh``: as it was then."""
    keys = map(tuple, state["contour_blocks"].tolist())
    blocks = dict(zip(keys, parted(state["contours"]), strict=True))
    return KeyframeInput(
        at=restored_instant(state["at"]),
        mesh_update=restored_mesh_update(state["mesh_update"]),
        mesh=mesh,
        free_space=FreeSpace(**state["free_space"]),
        contours=ContourPoints(state["contour_block_m"], blocks),
    )


def mesh_update_state(update: MeshUpdate) -> State:
    """See ``core.map.state``."""
    return {
        "stamp_ns": update.stamp_ns,
        "block_size_m": update.block_size_m,
        "changed": meshes_state(update.changed),
        "archived": np.array(update.archived, np.int32).reshape(-1, 3),
    }


def restored_mesh_update(state: State) -> MeshUpdate:
    archived = tuple((i, j, k) for i, j, k in state["archived"].tolist())
    changed = restored_meshes(state["changed"])
    return MeshUpdate(state["stamp_ns"], state["block_size_m"], changed, archived)
