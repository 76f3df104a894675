"""Second visits in frames of their own, and homes that are not the same."""

import math

import numpy as np
from helpers_visits import view

from hydra_mono.graph.align.align import Alignment, align
from hydra_mono.graph.align.transform import moved_points, upright_pose

SEEDS = (1, 2)
POSE = upright_pose(
    2.1, np.array([3.0, -7.0, 0.4])
)  # home of the first visit, as the second has it


def errors(found: Alignment, second_from_first: np.ndarray) -> tuple[float, float]:
    """How far points of the home are off at most, in metres, and the turn in degrees."""
    off = found.target_from_source @ second_from_first
    corners = np.array([[x, y, z] for x in (0, 10) for y in (0, 10) for z in (0, 2.5)], float)
    moved = np.linalg.norm(moved_points(off, corners) - corners, axis=1).max()
    return float(moved), abs(math.degrees(math.atan2(off[1, 0], off[0, 0])))


def test_a_second_visit_is_aligned_though_a_fifth_was_moved() -> None:
    found = align(view(SEEDS[0], POSE, moved_share=0.2, draw=1), view(SEEDS[0]))
    off_m, off_deg = errors(found, POSE)
    assert found.is_sure, found.doubt
    assert off_m <= 0.05
    assert off_deg <= 1.0
    assert found.certainty > 0.5


def test_another_home_is_refused() -> None:
    found = align(view(SEEDS[0], POSE, draw=1), view(SEEDS[1]))
    assert not found.is_sure
    assert found.doubt


def test_a_visit_to_two_rooms_finds_them_in_the_whole_home() -> None:
    part = view(SEEDS[0], POSE, moved_share=0.2, seen_rooms=2, draw=2)
    found = align(part, view(SEEDS[0]))
    assert found.is_sure, found.doubt
    assert errors(found, POSE)[0] <= 0.05


def test_a_map_without_walls_is_refused() -> None:
    whole = view(SEEDS[0])
    flat = whole.normals[:, 2] > 0.9
    bare = type(whole)(
        whole.classes,
        whole.objects_m,
        whole.surface_m[flat],
        whole.normals[flat],
        whole.free_m,
        whole.free_radius_m,
    )
    assert "upright" in align(bare, whole).doubt
