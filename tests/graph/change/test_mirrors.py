"""What a camera sees through a mapped wall is a mirror's picture: nothing behind it has left."""

import numpy as np
from helpers_change import SPACE, Solid, box_at, mapped, objects, swing

from hydra_mono.core.mesh import MeshView, SemanticMesh
from hydra_mono.graph.change.walls import MappedWalls

SEEN_S = 3.0  # from the south; from then on the camera looks from the north
SOUTH, NORTH = (0.0, -2.6, 1.4), (0.0, 2.6, 1.4)
BIN = (0.0, -1.2, 0.3)
POSES = [*swing(SOUTH, (0.0, 0.0, 0.6), 3.0), *swing(NORTH, BIN, 3.0)]
THE_BIN = box_at(0.0, -1.2, (0.5, 0.5, 0.6), "bin", color=(30, 30, 120), until_s=SEEN_S)
THE_WALL = Solid("wall", (-3.0, -0.1, 0.0), (3.0, 0.1, 2.5), (210, 210, 200), until_s=SEEN_S)


def test_an_object_behind_a_wall_that_shows_another_room_is_still_there() -> None:
    (bin_,) = objects(mapped((THE_BIN, THE_WALL), POSES).graph).values()
    assert bin_.is_present


def test_without_a_wall_between_it_was_carried_away() -> None:
    (bin_,) = objects(mapped((THE_BIN,), POSES).graph).values()
    assert bin_.ending is not None and bin_.ending.kind == "removed"


def wall_across_x() -> MeshView:
    """Vertices every 5 cm at x = 1.05 m, in blocks of 0.4 m."""
    y, z = np.meshgrid(np.arange(-1, 1, 0.05), np.arange(0, 2, 0.05))
    points = np.stack([np.full(y.size, 1.05), y.ravel(), z.ravel()], 1).astype(np.float32)
    keys = np.floor(points / 0.4).astype(int)
    blocks = {}
    for key in np.unique(keys, axis=0):
        inside = points[(keys == key).all(axis=1)]
        count = len(inside)
        blocks[tuple(key.tolist())] = SemanticMesh(
            inside,
            np.zeros((0, 3), np.int32),
            np.tile(np.float32([1, 0, 0]), (count, 1)),
            np.zeros((count, 3), np.uint8),
            np.full(count, SPACE.ids_with_role("wall")[0], np.uint8),
            np.zeros(count, np.int64),
            np.zeros(count, np.int64),
        )
    return MeshView(blocks)


def test_only_walls_well_between_camera_and_object_hide_it() -> None:
    walls, mesh = MappedWalls(SPACE), wall_across_x()
    camera = np.array([0.0, 0.0, 1.0])

    def hides(x_m: float, y_m: float = 0.0) -> bool:
        point = np.array([[x_m, y_m, 1.0]], np.float32)
        return walls.are_between(mesh, camera, point)

    assert not hides(2.0), "no keyframe yet, no blocks"
    walls.block_size_m = 0.4
    assert hides(2.0) and not hides(0.9)
    assert not hides(1.2), "what leans against the wall is not behind it"
    assert not hides(1.0, 3.0), "beside the wall's end"
