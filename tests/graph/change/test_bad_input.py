"""Frames that are dropped, clocks and poses that jump: nothing that stands is said to have gone."""

from dataclasses import replace

import numpy as np
from helpers_change import (
    SECOND_NS,
    Truth,
    box_at,
    chair,
    frame_of,
    objects,
    swing,
)

from hydra_mono.core.config import load_config
from hydra_mono.pipeline import Mapper

WORLD = (chair(0.3, 2.0), box_at(-1.0, 2.2, (0.6, 0.5, 0.8), "cabinet", color=(90, 60, 30)))
PAUSE_S, LATER_S = 300, 86_400  # minutes, and a clock that is set a day ahead
AHEAD_M = np.array([0.0, 0.1, 0.0])  # of the pose that is told, for a second


def test_nothing_is_said_to_have_changed() -> None:
    """Every third frame is missing; a pause, a jump of the clock, and one of the poses follow."""
    mapper = Mapper(load_config(), Truth())
    poses = swing((0.0, 0.0, 1.4), (0.0, 2.2, 0.4), 8.0)
    for index, pose in enumerate(poses):
        if index % 3 == 2:
            continue
        frame = frame_of(WORLD, pose, index, 0.004)
        late_s = PAUSE_S * (index >= 10) + LATER_S * (index >= 20)
        told = pose.copy()
        told[:3, 3] += AHEAD_M * (27 <= index < 32)
        stamp_ns = frame.stamp_ns + late_s * SECOND_NS
        mapper.step(replace(frame, stamp_ns=stamp_ns, world_from_camera=told))
    mapper.finish()
    there = objects(mapper.graph)
    assert sorted(node.name for node in there.values() if node.is_present) == ["cabinet", "chair"]
    assert not any(node.trajectory for node in there.values())
    assert not any(node.ending and node.ending.kind == "removed" for node in there.values())
    assert all(
        node.presence and node.presence.appeared_after_ns is None
        for node in there.values()
        if node.is_present
    )
    assert mapper.graph.looks.background == []
    assert mapper.graph.counts_present()["agents"] == 1  # the camera
