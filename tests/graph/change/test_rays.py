"""Rays at points of a surface two metres away, against depth images made for the purpose."""

import numpy as np
import pytest
from helpers_runs import CAMERA

from hydra_mono.graph.change.arrival import arrival
from hydra_mono.graph.change.rays import DepthLook, Ray, RayRule, cast
from hydra_mono.graph.change.record import LookRecord, PastLooks
from hydra_mono.graph.change.watch import PresenceRule
from hydra_mono.graph.model.looks import Seen

RULE, PRESENCE = RayRule(), PresenceRule()
GRID = np.stack(np.meshgrid(np.linspace(-0.2, 0.2, 5), np.linspace(-0.2, 0.2, 5)), -1)
POINTS = np.concatenate([GRID.reshape(-1, 2), np.full((25, 1), 2.0)], axis=1).astype(np.float32)
SECOND_NS = 1_000_000_000


def look(depth_m: float | np.ndarray, sigma_m: float | None = None) -> DepthLook:
    """A camera at the origin that looks along z."""
    depth = np.full((48, 64), depth_m, np.float32)
    sigma = None if sigma_m is None else np.full((48, 64), sigma_m, np.float32)
    return DepthLook(depth, sigma, CAMERA, np.eye(4), 5.0)


@pytest.mark.parametrize(
    ("depth_m", "ray"),
    [
        (2.0, Ray.ON),
        (3.0, Ray.THROUGH),
        (1.0, Ray.HIDDEN),
        (0.0, Ray.NONE),
        (2.1, Ray.NONE),  # by a pose that jumps nothing is seen through
    ],
)
def test_a_ray_meets_a_point_or_passes_it_or_ends_before_it(depth_m: float, ray: Ray) -> None:
    assert (cast(POINTS, look(depth_m), RULE) == ray).all()


@pytest.mark.parametrize(
    ("depth_m", "ray"), [(-2.0, Ray.NONE), (-3.0, Ray.NONE), (-1.0, Ray.HIDDEN)]
)
def test_what_moves_hides_what_is_behind_and_proves_nothing_else(depth_m: float, ray: Ray) -> None:
    assert (cast(POINTS, look(depth_m), RULE) == ray).all()


def test_beside_and_behind_the_camera_and_too_far_away_nothing_is_known() -> None:
    behind, beside, far = (POINTS + np.float32(step) for step in ((0, 0, -4), (9, 0, 0), (0, 0, 4)))
    for points in (behind, beside, far):
        assert (cast(points.astype(np.float32), look(8.0), RULE) == Ray.NONE).all()


@pytest.mark.parametrize(("sigma_m", "ray"), [(0.02, Ray.THROUGH), (0.15, Ray.ON)])
def test_an_uncertain_depth_proves_less(sigma_m: float, ray: Ray) -> None:
    assert (cast(POINTS, look(2.3, sigma_m), RULE) == ray).all()


def test_one_pixel_beside_a_point_that_shows_its_surface_keeps_it_from_being_seen_through() -> None:
    depth = np.full((48, 64), 3.0, np.float32)
    middle = POINTS[12:13]
    assert cast(middle, look(depth), RULE)[0] == Ray.THROUGH
    depth[23, 32] = 2.0
    assert cast(middle, look(depth), RULE)[0] == Ray.ON


@pytest.mark.parametrize(
    ("on", "through", "hidden", "seen"),
    [
        (10, 0, 15, Seen.PRESENT),
        (0, 20, 5, Seen.ABSENT),
        (3, 20, 2, Seen.ABSENT),
        (12, 12, 0, Seen.PRESENT),
        (0, 8, 17, Seen.NOT_LOOKED),
        (1, 2, 22, Seen.OCCLUDED),
        (5, 5, 0, Seen.NOT_LOOKED),
    ],
)
def test_what_a_look_at_25_points_tells(on: int, through: int, hidden: int, seen: Seen) -> None:
    counts = np.array([25 - on - through - hidden, on, through, hidden])
    assert PRESENCE.seen(counts, 25) is seen


def test_the_record_tells_when_a_place_was_seen_free_and_when_not() -> None:
    record = LookRecord()
    for second, depth_m in enumerate((3.0, 3.0, 3.0, 2.0, 2.0)):
        record.add(second * SECOND_NS, look(depth_m), RULE)
    found = arrival(record.cast(POINTS, RULE), PRESENCE, 4 * SECOND_NS)
    assert found == (2 * SECOND_NS, 3 * SECOND_NS)


def test_what_was_there_at_the_first_look_may_have_been_there_always() -> None:
    record = LookRecord()
    for second, depth_m in enumerate((2.0, 2.0, 2.0)):
        record.add(second * SECOND_NS, look(depth_m), RULE)
    assert arrival(record.cast(POINTS, RULE), PRESENCE, 2 * SECOND_NS) is None


def test_one_look_through_is_an_error() -> None:
    rays = np.full((4, 25), Ray.ON, np.int8)
    rays[1] = Ray.THROUGH
    looks = PastLooks(np.arange(4) * SECOND_NS, rays)
    assert arrival(looks, PRESENCE, 3 * SECOND_NS) is None


def test_the_record_is_bounded_and_keeps_first_and_last_looks() -> None:
    record = LookRecord(most=32)
    for second in range(400):
        record.add(second * SECOND_NS, look(3.0), RULE)
    stamps_ns = record.cast(POINTS, RULE).stamps_ns
    assert len(record) <= 32 and len(stamps_ns) == len(record)
    assert stamps_ns[0] == 0 and stamps_ns[-1] == 399 * SECOND_NS
    assert (np.diff(stamps_ns) > 0).all()
