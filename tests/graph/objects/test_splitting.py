"""Cells of objects of one label that touch, as voxels of 5 cm show them."""

import math

import numpy as np
import pytest

from hydra_mono.graph.objects.splitting import split_touching

CHAIR_M, CABINET_M = 0.4, 0.3  # least widths


def block(x: float, y: float, size: tuple[float, float, float], yaw_rad: float = 0.0) -> np.ndarray:
    """Middles of the 5 cm cells of a solid that stands on the floor, centred at (x, y)."""
    axes = [np.arange(0.025, length, 0.05) for length in size]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    cells[:, :2] -= np.array(size[:2]) / 2
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    cells[:, :2] = cells[:, :2] @ np.array([[cos, sin], [-sin, cos]]) + (x, y)
    return cells


def parts(blocks: list[np.ndarray], least_m: float, in_rows: bool = False) -> list[set[int]]:
    """Which part numbers the cells of each block got."""
    numbers = split_touching(np.concatenate(blocks), 0.0, least_m, in_rows=in_rows)
    ends = np.cumsum([len(cells) for cells in blocks])
    return [set(piece.tolist()) for piece in np.split(numbers, ends[:-1])]


@pytest.mark.parametrize("yaw_rad", [0.0, 0.4])
@pytest.mark.parametrize("count", [2, 3])
def test_chairs_side_by_side_are_as_many_as_they_are(count: int, yaw_rad: float) -> None:
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    row = [block(0.45 * i * cos, 0.45 * i * sin, (0.45, 0.45, 0.9), yaw_rad) for i in range(count)]
    numbers = split_touching(np.concatenate(row), yaw_rad, CHAIR_M, in_rows=True)
    assert len(np.unique(numbers)) == count


def test_chairs_that_touch_at_a_corner_are_two() -> None:
    pair = [block(0.0, 0.0, (0.45, 0.45, 0.9)), block(0.4, 0.4, (0.45, 0.45, 0.9))]
    numbers = split_touching(np.concatenate(pair), 0.0, CHAIR_M, in_rows=True)
    first, second = numbers[: len(pair[0])], numbers[len(pair[0]) :]
    majority = [int(np.argmax(np.bincount(part))) for part in (first, second)]
    assert majority[0] != majority[1]
    assert min(np.mean(first == majority[0]), np.mean(second == majority[1])) > 0.95


def test_cabinets_of_two_heights_side_by_side_are_two() -> None:
    row = [block(0.0, 0.0, (0.9, 0.45, 0.9)), block(0.9, 0.0, (0.9, 0.45, 1.2))]
    first, second = parts(row, CABINET_M)
    assert len(first) == len(second) == 1 and first != second


def armchair(x: float) -> list[np.ndarray]:
    sides = [block(x + side * 0.325, 0.0, (0.2, 0.85, 0.6)) for side in (-1, 1)]
    return [*sides, block(x, 0.0, (0.45, 0.85, 0.8))]


def test_armchairs_arm_to_arm_are_two_and_a_single_one_is_one() -> None:
    pair = parts([*armchair(0.0), *armchair(0.85)], 0.6)
    assert len({frozenset(part) for part in pair}) == 2
    assert parts(armchair(0.0), 0.6) == [{0}, {0}, {0}]


WHOLE = {
    "office chair": ([block(0, 0, (0.55, 0.55, 1.0))], CHAIR_M, True),
    "bench": ([block(0, 0, (1.2, 0.35, 0.45))], 0.25, True),
    "bed": ([block(0, 0, (1.6, 2.0, 0.5)), block(0, 1.0, (1.6, 0.1, 0.95))], 0.8, False),
    "toilet": ([block(0, 0, (0.4, 0.45, 0.4)), block(0, 0.3, (0.4, 0.2, 0.75))], 0.35, False),
    "sofa": ([block(0, 0, (2.0, 0.9, 0.4)), block(0, 0.4, (1.6, 0.2, 0.8))], 0.7, False),
    "no known width": ([block(0, 0, (3.0, 0.3, 0.3))], 0.0, False),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_single_object_stays_whole(kind: str) -> None:
    assert set.union(*parts(*WHOLE[kind])) == {0}
