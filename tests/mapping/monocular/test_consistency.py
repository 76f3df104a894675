"""What earlier estimates say of this one."""

from dataclasses import replace

import numpy as np
from helpers_estimates import Plane, moved, scaled

from hydra_mono.mapping.monocular.consistency import check_multiview_consistency

WALL = Plane(offset_m=-2.0)
PAST = [WALL.estimate(moved(x=0.05)), WALL.estimate(moved(x=-0.05))]


def test_frames_that_saw_the_same_say_so() -> None:
    said = check_multiview_consistency(WALL.estimate(), PAST, 0.08)
    inner = np.s_[4:-4, 4:-4]
    assert (said.same_depth[inner] == 2).all() and not said.other_depth.any()
    assert (said.same_label[inner] == 2).all() and not said.other_label.any()


def test_frames_that_saw_through_a_point_contradict_it() -> None:
    said = check_multiview_consistency(scaled(WALL.estimate(), 0.8), PAST, 0.08)
    inner = np.s_[4:-4, 4:-4]
    assert (said.other_depth[inner] == 2).all() and not said.same_depth.any()


def test_frames_that_saw_something_before_a_point_say_nothing_of_it() -> None:
    said = check_multiview_consistency(scaled(WALL.estimate(), 1.3), PAST, 0.08)
    assert not said.other_depth.any() and not said.same_depth.any()


def test_another_label_of_the_same_surface_is_a_contradiction() -> None:
    other = replace(PAST[0], labels=np.full((48, 64), 7, np.uint8))
    said = check_multiview_consistency(WALL.estimate(), [other, PAST[1]], 0.08)
    inner = np.s_[4:-4, 4:-4]
    assert (said.same_label[inner] == 1).all() and (said.other_label[inner] == 1).all()


def test_what_was_left_out_says_nothing() -> None:
    blind = replace(PAST[0], usable=np.zeros((48, 64), bool))
    said = check_multiview_consistency(scaled(WALL.estimate(), 0.8), [blind], 0.08)
    assert not said.other_depth.any()
