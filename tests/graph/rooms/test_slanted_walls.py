"""Walls that run aslant to the building: their directions, and the rooms on both their sides."""

import math

import numpy as np
import pytest
from helpers_rooms import THICK, VOXEL, WALL, Built, Explorer, World

from hydra_mono.graph.walls.headings import Headings

HALL = (0.0, 0.0, 8.0, 5.0)
MIDDLE = np.array([4.0, 2.5])


class Halved(Built):
    """A hall with a wall through its middle, ``slant_deg`` off the y axis, and a door in it."""

    def __init__(self, slant_deg: float, door_m: float, top_m: float) -> None:
        slant = math.radians(slant_deg)
        self.normal = np.array([math.cos(slant), math.sin(slant)])
        super().__init__(World([HALL]))
        columns = np.indices(self.solid.shape[:2]).reshape(2, -1).T
        offset = self.lower_m[:2] + (columns + 0.5) * VOXEL - MIDDLE
        in_wall = (np.abs(offset @ self.normal) <= THICK / 2) & self._inside(offset + MIDDLE)
        along = np.abs(offset @ np.array([-self.normal[1], self.normal[0]]))
        floor, top, ceiling = (
            round((height - self.lower_m[2]) / VOXEL) for height in (0.0, top_m, 2.5)
        )
        for chosen, low in ((in_wall & (along >= door_m / 2), floor), (in_wall, top)):
            i, j = columns[chosen].T
            self.solid[i, j, low:ceiling] = WALL

    @staticmethod
    def _inside(points_m: np.ndarray) -> np.ndarray:
        return np.all((points_m > HALL[:2]) & (points_m < HALL[2:]), axis=1)

    def vertices(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Steps of voxels smoothed to the wall's plane, as a real surface is."""
        points, normals, labels = super().vertices()
        points, normals = points.copy(), normals.astype(float)
        distance = (points[:, :2] - MIDDLE) @ self.normal
        on_wall = (np.abs(np.abs(distance) - THICK / 2) < VOXEL) & (normals[:, 2] == 0)
        on_wall &= self._inside(points[:, :2])
        side = np.where(distance >= 0, 1.0, -1.0)[:, None]
        shift = (side[:, 0] * THICK / 2 - distance)[:, None] * self.normal
        points[on_wall, :2] += shift[on_wall]
        normals[on_wall, :2] = (side * self.normal)[on_wall]
        return points, normals, labels


def explored(built: Halved, yaw_deg: float, monkeypatch: pytest.MonkeyPatch) -> Explorer:
    monkeypatch.setattr("helpers_rooms.Built", lambda world: built)
    explorer = Explorer(built.world, yaw_deg=yaw_deg)
    at_home = np.array(explorer.centers) @ explorer.turn
    explorer.rooms = ((at_home[:, :2] - MIDDLE) @ built.normal > 0).astype(int).tolist()
    return explorer.see()


@pytest.mark.parametrize(
    ("slant_deg", "door_m", "top_m", "yaw_deg"),
    [
        (10.0, 1.2, 2.5, 0.0),
        (20.0, 0.7, 2.05, 0.0),
        (45.0, 0.9, 2.5, 0.0),
        (30.0, 1.2, 2.05, 27.0),
    ],
)
def test_a_door_in_a_slanted_wall_parts_two_rooms(
    slant_deg: float,
    door_m: float,
    top_m: float,
    yaw_deg: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    explorer = explored(Halved(slant_deg, door_m, top_m), yaw_deg, monkeypatch)
    assert explorer.room_count() == 2
    assert min(explorer.purity()) >= 0.98


def turn_of(degrees: float, count: int = 100) -> complex:
    """The sum of the quarter turns of so many normals of a wall."""
    return count * complex(np.exp(4j * math.radians(degrees)))


def headings_of(*walls: tuple[float, int]) -> Headings:
    """Walls by direction (degrees) and number of blocks, each in a row of columns of its own."""
    headings = Headings()
    for row, (degrees, blocks) in enumerate(walls):
        for column in range(blocks):
            headings.put((column, row, 0), turn_of(degrees), 100)
    return headings


def test_the_main_direction_is_that_of_most_walls_and_walls_aslant_do_not_turn_it() -> None:
    headings = headings_of((27.0, 40), (-63.0, 30), (57.0, 12))
    assert math.degrees(headings.main_rad) == pytest.approx(27.0)
    (slanted,) = headings.slanted
    assert math.degrees(slanted.heading_rad) == pytest.approx(-33.0)
    assert slanted.columns == {(column, 2) for column in range(12)}


def test_a_few_blocks_aslant_are_no_wall_and_corners_are_none_either() -> None:
    headings = headings_of((0.0, 40), (30.0, 4))
    for column in range(20):
        headings.put((column, 5, 0), turn_of(30.0, 50), 100)  # half of the normals cancel out
    assert headings.slanted == ()


def test_a_wall_that_is_taken_away_leaves_no_direction() -> None:
    headings = headings_of((0.0, 40), (30.0, 12))
    assert headings.slanted
    for column in range(12):
        headings.put((column, 1, 0), 0j, 0)
    assert headings.slanted == ()


def test_directions_put_back_are_those_taken_out() -> None:
    headings, again = headings_of((5.0, 40), (30.0, 12)), Headings()
    again.restore(headings.state())
    assert (again.main_rad, again.slanted) == (headings.main_rad, headings.slanted)
