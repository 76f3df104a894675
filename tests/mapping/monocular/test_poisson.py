"""Depth that agrees with evidence and with normals, against planes and a direct solver."""

from dataclasses import replace

import numpy as np
import pytest
from helpers_estimates import Plane
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import spsolve

from hydra_mono.mapping.monocular.poisson import (
    Evidence,
    SmoothnessTerm,
    combined,
    sigma_after,
    slopes_of_normals,
    smoothness_term,
    solve_screened_poisson,
)

OBLIQUE = Plane(normal=(0.6, 0.3, -1.0), offset_m=-2.5)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_normals_of_a_plane_tell_the_steps_of_its_log_depth(axis: int) -> None:
    estimate = OBLIQUE.estimate()
    assert estimate.normals is not None
    slopes = slopes_of_normals(estimate.normals, estimate.rays, estimate.camera.fx, axis)
    np.testing.assert_allclose(slopes, np.diff(estimate.log_depth, axis=axis), atol=1e-4)


def test_no_normal_tells_no_slope() -> None:
    estimate = OBLIQUE.estimate()
    slopes = slopes_of_normals(np.zeros((48, 64, 3), np.float32), estimate.rays, 52.0, 1)
    assert np.isnan(slopes).all()


def random_problem() -> tuple[Evidence, SmoothnessTerm, SmoothnessTerm]:
    rng = np.random.default_rng(1)

    def image(shape: tuple[int, int]) -> np.ndarray:
        return rng.normal(0, 0.1, shape).astype(np.float32)

    def firm(shape: tuple[int, int]) -> np.ndarray:
        return rng.uniform(50, 100, shape).astype(np.float32)

    evidence = Evidence(image((12, 16)), rng.uniform(5, 20, (12, 16)).astype(np.float32))
    return (
        evidence,
        SmoothnessTerm(image((11, 16)), firm((11, 16))),
        SmoothnessTerm(image((12, 15)), firm((12, 15))),
    )


def test_the_change_is_that_of_a_direct_solver() -> None:
    evidence, rows, columns = random_problem()
    number = np.arange(12 * 16).reshape(12, 16)
    starts = np.concatenate([number[:-1].ravel(), number[:, :-1].ravel()])
    ends = np.concatenate([number[1:].ravel(), number[:, 1:].ravel()])
    count = len(starts)
    step = coo_array(
        (
            np.repeat([-1.0, 1.0], count),
            (np.tile(np.arange(count), 2), np.concatenate([starts, ends])),
        )
    ).tocsr()
    weight = np.concatenate([rows.weight.ravel(), columns.weight.ravel()])
    wanted = np.concatenate([rows.difference.ravel(), columns.difference.ravel()])
    precision = evidence.precision.ravel()
    matrix = step.T @ diags_array(weight) @ step + diags_array(precision)
    right = precision * evidence.change.ravel() + step.T @ (weight * wanted)
    expected = spsolve(matrix.tocsc(), right).reshape(12, 16)
    np.testing.assert_allclose(solve_screened_poisson(evidence, rows, columns), expected, atol=2e-3)


def test_normals_flatten_a_dent_in_a_plane() -> None:
    true = OBLIQUE.estimate()
    y, x = np.indices(true.log_depth.shape)
    dent = 0.1 * np.exp(-((x - 30) ** 2 + (y - 20) ** 2) / 60)
    estimate = replace(true, log_depth=(true.log_depth + dent).astype(np.float32))
    assert estimate.normals is not None
    itself = Evidence(np.zeros_like(estimate.log_depth), 1 / estimate.log_depth_sigma**2)
    pairs = [
        smoothness_term(
            estimate.log_depth,
            slopes_of_normals(estimate.normals, estimate.rays, estimate.camera.fx, axis),
            0.0045,
            axis,
        )
        for axis in (0, 1)
    ]
    after = estimate.log_depth + solve_screened_poisson(itself, *pairs)
    error = np.abs(after - true.log_depth)
    assert error.max() < 0.5 * dent.max()


def test_evidence_on_one_side_of_a_step_does_not_move_the_other() -> None:
    log_depth = np.zeros((20, 30), np.float32)
    log_depth[:, 15:] = 0.5
    precision = np.full((20, 30), 100.0, np.float32)
    precision[:, :15] = 1e4
    change = np.zeros((20, 30), np.float32)
    change[:, :15] = 0.1
    rows, columns = (smoothness_term(log_depth, None, 0.02, axis) for axis in (0, 1))
    result = solve_screened_poisson(Evidence(change, precision), rows, columns)
    assert result[:, :14] == pytest.approx(0.1, abs=0.01)
    assert np.abs(result[:, 20:]).max() < 0.05


def test_two_pieces_of_evidence_weigh_by_their_precision() -> None:
    one = Evidence(np.full((2, 2), 0.2, np.float32), np.full((2, 2), 300.0, np.float32))
    other = Evidence(np.zeros((2, 2), np.float32), np.full((2, 2), 100.0, np.float32))
    both = combined([one, other])
    assert both.change == pytest.approx(0.15) and both.precision == pytest.approx(400.0)


def test_evidence_leaves_less_deviation_where_it_is_and_round_it() -> None:
    precision = np.zeros((21, 21), np.float32)
    precision[8:13, 8:13] = 4e4 / 3
    left = sigma_after(np.full((21, 21), 0.1, np.float32), Evidence(0 * precision, precision))
    assert left[10, 10] < 0.02 and left[10, 14] < 0.1 and left[0, 0] == pytest.approx(0.1)
