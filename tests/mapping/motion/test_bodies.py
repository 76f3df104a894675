"""Which connected surface is of a body that moves, and where a body is looked for next."""

import numpy as np
from helpers_motion import TENTH_NS, Room, seen

from hydra_mono.mapping.motion.bodies import Bodies, without_gaps
from hydra_mono.mapping.motion.scene import Scene
from hydra_mono.mapping.motion.voxel_history import VoxelHistory

RED = (200, 30, 30)
NOTHING_FREE = (np.zeros((0, 3), np.int32), np.zeros((0, 512), bool))


def front(wide: int) -> Scene:
    """A front of so many cells of 3 cm, 1.5 m tall, 2 m away."""
    x, z = np.meshgrid(np.arange(wide) * 0.03, np.arange(50) * 0.03)
    points = np.stack([x, np.full_like(x, 2.0), z], axis=2)
    return Scene(
        stride_px=4,
        cell_rad=0.015,
        points_m=points,
        depth_m=np.full(x.shape, 2.0, np.float32),
        valid=np.ones(x.shape, bool),
        voxels=np.floor(points * 10).astype(np.int32),
        sigma_m=np.zeros(x.shape, np.float32),
    )


def whole_cells(wide: int) -> int:
    """Of somebody who fills the first 20 columns since a second, before what is there for 8 s."""
    scene, history = front(wide), VoxelHistory()
    person = np.zeros(scene.valid.shape, bool)
    person[:, :20] = True
    for tick in range(80):
        there = scene.valid & ~person if tick < 70 else scene.valid
        history.learn(tick * TENTH_NS, *NOTHING_FREE, scene.voxels[there])
    moves = person.copy()
    moves[:, 4:16] = False  # his outline
    wholes = Bodies(history).wholes(scene, moves, np.zeros_like(person))
    assert not (wholes > 0)[~person].any()
    return int((wholes > 0).sum())


def test_who_was_taken_for_static_moves_as_a_whole() -> None:
    assert whole_cells(20) == 1000


def test_who_touches_what_has_long_stood_there_does_not_take_it_along() -> None:
    assert whole_cells(45) == 0


def test_cells_that_noise_moved_out_of_a_surface_are_part_of_it() -> None:
    solid = np.ones((9, 9), bool)
    solid[4, 4] = solid[0, 0] = False
    filled = without_gaps(solid)
    assert filled[4, 4]
    assert not without_gaps(np.zeros((9, 9), bool)).any()


def test_the_mask_keeps_to_the_outline_of_a_body() -> None:
    room = Room()
    start = room.watch_empty()
    for step in range(8):
        frame, prediction, truth = seen(start + step * TENTH_NS, [(-0.4 + 0.1 * step, 2.0, RED)])
        moving = room.show(frame, prediction).moving
    assert moving is not None
    assert (moving & truth).sum() / (moving | truth).sum() > 0.8


def test_where_somebody_has_left_nothing_moves() -> None:
    room = Room()
    start = room.watch_empty()
    for step in range(12):
        frame, prediction, _ = seen(start + step * TENTH_NS, [(-0.6 + 0.1 * step, 2.0, RED)])
        room.show(frame, prediction)
    for step in range(12, 30):
        frame, prediction, _ = seen(start + step * TENTH_NS, [])
        moving = room.show(frame, prediction).moving
    assert moving is None
