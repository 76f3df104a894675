"""Stamps by frame number."""

import numpy as np

from hydra_mono.mapping.tsdf.stamps import FrameStamps


def test_all_stamps_are_there_in_order_however_many() -> None:
    stamps = FrameStamps()
    for number in range(3000):
        stamps.append(number * 33)
    assert len(stamps) == 3000
    np.testing.assert_array_equal(stamps.all_ns, np.arange(3000) * 33)


def test_stamps_made_of_others_go_on_after_them() -> None:
    stamps = FrameStamps(np.array([5, 7], np.int64))
    stamps.append(9)
    np.testing.assert_array_equal(stamps.all_ns, [5, 7, 9])
