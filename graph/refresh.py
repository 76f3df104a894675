"""What the slices of a refresh of the graph hand on to one another."""

from dataclasses import dataclass

from hydra_mono.core.map.keyframe import (
    Instant,
    KeyframeInput,
    instant_state,
    keyframe_state,
    mesh_update_state,
    restored_instant,
    restored_keyframe,
    restored_mesh_update,
)
from hydra_mono.core.map.state import State
from hydra_mono.core.mesh import MeshUpdate, MeshView
from hydra_mono.graph.walls.plan import WallPlan


@dataclass
class Refresh:
    """A refresh for the frame ``at``, of which ``done`` slices are finished.

    ``mesh_update`` and ``walls`` come from the first slice, ``keyframe`` from the second.
    """

    at: Instant
    done: int = 0
    mesh_update: MeshUpdate | None = None
    walls: WallPlan | None = None
    keyframe: KeyframeInput | None = None


def refresh_state(refresh: Refresh) -> State:
    """See ``core.map.state``; walls and mesh are left out: they change in first slices only."""
    update, keyframe = refresh.mesh_update, refresh.keyframe
    return {
        "at": instant_state(refresh.at),
        "done": refresh.done,
        "mesh_update": None if update is None or keyframe else mesh_update_state(update),
        "keyframe": None if keyframe is None else keyframe_state(keyframe),
    }


def restored_refresh(state: State, mesh: MeshView, walls: WallPlan) -> Refresh:
    """The refresh that gave the state; ``mesh`` and ``walls``: as its first slice left them."""
    refresh = Refresh(restored_instant(state["at"]), state["done"], walls=walls)
    if state["keyframe"] is not None:
        refresh.keyframe = restored_keyframe(state["keyframe"], mesh)
        refresh.mesh_update = refresh.keyframe.mesh_update
    elif state["mesh_update"] is not None:
        refresh.mesh_update = restored_mesh_update(state["mesh_update"])
    return refresh
