"""Augmentation keeps geometry true."""

import numpy as np
import pytest
import torch
from helpers_training import CAMERA, PLANE_NORMAL, RULE, plane_sample
from helpers_training import planes as plane_samples
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_mono.training.data.batches import Batch, BatchMaker
from hydra_mono.training.data.colors import random_color_change, recoloured
from hydra_mono.training.data.crops import Crop
from hydra_mono.training.data.shots import Photographs
from hydra_mono.training.readers.targets import label_edges, normals_from_depth


def planes() -> BatchMaker:
    return BatchMaker(None, Photographs(plane_samples(), 128, 0))


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 40), st.floats(0, 30), st.floats(0.4, 0.6), st.booleans())
def test_the_cropped_camera_sees_points_where_the_crop_shows_them(
    left: float, top: float, share: float, flip: bool
) -> None:
    crop = Crop(left, top, share * 128, share * 96, flip)
    camera = crop.camera(CAMERA, (48, 64))
    x, y, z = 0.1, -0.2, 2.0
    u, v = CAMERA.fx * x / z + CAMERA.cx, CAMERA.fy * y / z + CAMERA.cy
    expected_u = (u + 0.5 - left) * 64 / crop.width - 0.5
    expected_v = (v + 0.5 - top) * 48 / crop.height - 0.5
    if flip:
        x, expected_u = -x, 63 - expected_u
    assert camera.fx * x / z + camera.cx == pytest.approx(expected_u)
    assert camera.fy * y / z + camera.cy == pytest.approx(expected_v)


def test_every_item_of_a_batch_still_shows_the_same_plane() -> None:
    batch = planes()(RULE, (0, 1, 0))
    for item in range(RULE.count):
        fx, fy, cx, cy = batch.camera[item].tolist()
        depth = batch.depth_m[item, 0].numpy() * fx / (RULE.focal_per_width * 32)  # metres
        v, u = np.mgrid[:24, :32]
        points = np.stack([(u - cx) / fx * depth, (v - cy) / fy * depth, depth])
        normal = batch.normals[item].numpy()
        distance = (points * normal).sum(0)
        assert np.abs(distance - -2.0).max() < 0.05
        assert abs(float(normal[1].mean()) - PLANE_NORMAL[1]) < 0.02


def test_depth_is_as_if_taken_with_the_canonical_lens() -> None:
    crop = Crop(32, 24, 64, 48, flip=False)  # the middle half: the focal length doubles
    focal = crop.camera(CAMERA, (96, 128)).fx
    assert focal == pytest.approx(200)


def test_the_same_seed_gives_the_same_batch_and_another_another() -> None:
    first, again, other = (planes()(RULE, seed) for seed in ((3, 7, 0), (3, 7, 0), (3, 8, 0)))
    assert torch.equal(first.image, again.image) and torch.equal(first.depth_m, again.depth_m)
    assert not torch.equal(first.image, other.image)


def test_thin_edges_survive_shrinking() -> None:
    sample = plane_sample()
    marked = Crop(0, 0, 128, 96, flip=False).marked(sample.edges, (12, 16))
    assert (marked == 1).any(axis=1).all()


def test_mirrored_edges_follow_the_image() -> None:
    edges = np.zeros((4, 8), np.uint8)
    edges[:, 1] = 1
    marked = Crop(0, 0, 8, 4, flip=True).marked(edges, (4, 8))
    assert np.flatnonzero(marked[0]).tolist() == [6]


def test_colours_stay_in_range_and_change() -> None:
    image = torch.rand(2, 3, 8, 8)
    change = random_color_change(np.random.default_rng(0), 2)
    found = recoloured(image, change, torch.randn(image.shape))
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    assert not torch.allclose(found, image, atol=1e-3)


def test_normals_of_a_planes_depth_are_the_planes() -> None:
    sample = plane_sample()
    normals = normals_from_depth(sample.depth_m, sample.intrinsics)[10:-10, 10:-10]
    assert np.abs(normals - PLANE_NORMAL).max() < 1e-3


def test_borders_beside_unlabelled_pixels_are_unknown() -> None:
    labels = np.array([[1, 1, 2, 0]], np.uint8)
    assert label_edges(labels).tolist() == [[0, 1, 255, 255]]


def test_a_batch_can_move_between_devices() -> None:
    batch = planes()(RULE, (0, 0, 0)).to(torch.device("cpu"))
    assert isinstance(batch, Batch) and batch.image.shape == (3, 3, 48, 64)
