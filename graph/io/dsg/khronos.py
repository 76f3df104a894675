"""What spark_dsg's Khronos objects know beside what every object does: presence and trajectory."""

from typing import Any

import numpy as np

from hydra_mono.graph.io.dsg.mesh import HEADER
from hydra_mono.graph.model.nodes import ObjectNode
from hydra_mono.graph.model.presence import Presence

Json = dict[str, Any]

_NO_MESH = {  # the surface is in the graph's own mesh
    "header": HEADER,
    "has_colors": True,
    "has_timestamps": False,
    "has_labels": False,
    "has_first_seen_stamps": False,
}


def khronos(node: ObjectNode, presence: Presence) -> Json:
    """The fields, in the form in which the library writes them again; positions in single."""
    moves = node.trajectory
    return {
        "first_observed_ns": [presence.first_seen_ns],
        "last_observed_ns": [presence.last_seen_ns],
        "trajectory_timestamps": list(moves.stamps_ns),
        "trajectory_positions": [
            [float(np.float32(value)) for value in point] for point in moves.positions_m
        ],
        "dynamic_object_points": [],
        "details": {},
        "mesh": _NO_MESH,
        "metadata": {
            "first_seen_ns": int(node.first_seen_ns),
            "is_dynamic": len(moves) > 0,
            "appeared_after_ns": presence.appeared_after_ns,
        },
    }
