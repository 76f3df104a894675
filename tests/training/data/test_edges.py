"""Edges against a pixel-by-pixel reading of their definition."""

import numpy as np
import pytest
import torch

from hydra_mono.training.data.edges import DEPTH_STEP, edge_map, edge_maps
from hydra_mono.training.samples import NO_EDGE_KNOWN


def spelled_out(labels: np.ndarray, instances: np.ndarray, depth_m: np.ndarray) -> np.ndarray:
    """The definition, one pixel and one neighbour at a time."""
    edges = np.zeros(labels.shape, np.uint8)
    doubt = labels == 0
    for row, column in np.ndindex(labels.shape):
        for down, right in ((1, 0), (0, 1)):
            there = (row + down, column + right)
            if there[0] >= labels.shape[0] or there[1] >= labels.shape[1]:
                continue
            is_known = labels[row, column] > 0 and labels[there] > 0
            doubt[row, column] |= not is_known
            is_other = is_known and labels[row, column] != labels[there]
            is_other |= instances[row, column] != instances[there]
            if (is_other and is_known) or is_step(depth_m, (row, column), there):
                edges[row, column] = 1
    return np.where((edges == 0) & doubt, np.uint8(NO_EDGE_KNOWN), edges)


def is_step(depth_m: np.ndarray, here: tuple[int, int], there: tuple[int, int]) -> bool:
    nearer = min(depth_m[here], depth_m[there])
    axis = int(here[0] == there[0])
    line = depth_m[:, here[1]] if axis == 0 else depth_m[here[0]]
    least = np.float32(DEPTH_STEP) * nearer
    largest = max(curvature(line, here[axis]), curvature(line, there[axis]))
    return bool(nearer > 0 and abs(depth_m[here] - depth_m[there]) > least and largest > least)


def curvature(line: np.ndarray, at: int) -> float:
    before, after = line[max(at - 1, 0)], line[min(at + 1, len(line) - 1)]
    if min(before, line[at], after) <= 0:
        return 0.0
    return float(abs((after - line[at]) - (line[at] - before)))


@pytest.mark.parametrize("seed", range(4))
def test_edges_are_what_their_definition_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, (4, 5)).astype(np.uint8).repeat(3, 0).repeat(3, 1)
    instances = rng.integers(0, 3, (6, 5)).astype(np.uint16).repeat(2, 0).repeat(3, 1)
    depth_m = rng.choice([0.0, 1.0, 1.05, 1.2, 3.0], (12, 15)).astype(np.float32)
    found = edge_map(labels, instances, depth_m)
    assert set(np.unique(found)) == {0, 1, NO_EDGE_KNOWN}
    np.testing.assert_array_equal(found, spelled_out(labels, instances, depth_m))


def test_images_of_a_batch_do_not_mix() -> None:
    rng = np.random.default_rng(9)
    labels = torch.from_numpy(rng.integers(0, 4, (3, 8, 9)).astype(np.uint8))
    instances = torch.zeros(3, 8, 9, dtype=torch.int32)
    depth_m = torch.from_numpy(rng.uniform(1, 2, (3, 8, 9)).astype(np.float32))
    alone = [
        edge_maps(*(image[k : k + 1] for image in (labels, instances, depth_m))) for k in (0, 1, 2)
    ]
    assert torch.equal(edge_maps(labels, instances, depth_m), torch.cat(alone))
