import numpy as np
from scipy.ndimage import distance_transform_edt

from hydra_mono.graph.places.voronoi import VoronoiRule, gvd_voxels


def diagram(free: np.ndarray, voxel_size_m: float = 0.1, **rules: float) -> np.ndarray:
    distance, parent = distance_transform_edt(free, return_indices=True)
    mask, basis = gvd_voxels(
        (distance * voxel_size_m).astype(np.float32),
        np.moveaxis(parent, 0, -1),
        free,
        voxel_size_m=voxel_size_m,
        rule=VoronoiRule(**rules),
    )
    assert np.array_equal(mask, basis > 0)
    return basis


def room(*shape: int) -> np.ndarray:
    return np.pad(np.ones(shape, bool), 1)


def test_between_two_walls_it_is_the_plane_halfway() -> None:
    free = np.zeros((60, 60, 22), bool)
    free[:, :, 1:20] = True
    basis = diagram(free)
    assert basis[30, 30].nonzero()[0].tolist() == [10]
    assert np.all(basis[:, :, 10] > 0)


def test_in_a_box_it_is_where_two_walls_are_equally_near() -> None:
    free = room(40, 30, 24)
    basis = diagram(free)
    voxels = np.argwhere(basis > 0)
    walls = np.concatenate([voxels, np.array(free.shape) - 1 - voxels], axis=1)
    nearest = np.sort(walls, axis=1)
    assert np.all(nearest[:, 1] - nearest[:, 0] <= 1)
    assert len(voxels) > 1000


def test_every_place_halfway_between_floor_and_ceiling_is_on_it() -> None:
    free = room(60, 60, 25)
    voxels = np.argwhere(diagram(free) > 0)
    middle = voxels[np.all(np.abs(voxels[:, :2] - 30.5) < 15, axis=1)]
    assert set(middle[:, 2]) == {13}


def test_nothing_nearer_to_a_wall_than_the_limit_is_on_it() -> None:
    free = room(40, 30, 24)
    distance = distance_transform_edt(free) * 0.1
    assert distance[diagram(free, min_distance_m=0.5) > 0].min() > 0.5


def test_unseen_space_is_not_on_it() -> None:
    free = room(40, 40, 24)
    distance, parent = distance_transform_edt(free, return_indices=True)
    seen = free.copy()
    seen[20:] = False
    mask, _ = gvd_voxels(
        (distance * 0.1).astype(np.float32), np.moveaxis(parent, 0, -1), seen, voxel_size_m=0.1
    )
    assert mask[:20].any()
    assert not mask[20:].any()


def test_more_surfaces_meet_in_the_middle_than_at_a_seam() -> None:
    basis = diagram(room(24, 24, 24))
    assert basis[12:14, 12:14, 12:14].max() > basis[6, 6, 12] >= 2


def test_thresholds_are_in_metres_and_not_in_voxels() -> None:
    coarse = diagram(room(24, 24, 24), 0.1)
    fine = diagram(room(48, 48, 48), 0.05)
    coarse_m3, fine_m3 = ((b > 0).mean() * b.size * s**2 for b, s in ((coarse, 0.1), (fine, 0.05)))
    assert 0.7 < coarse_m3 / fine_m3 < 1.4


def test_a_round_pillar_alone_has_none() -> None:
    x, y = np.mgrid[:60, :60]
    free = np.repeat((np.hypot(x - 30, y - 30) > 6)[:, :, None], 5, axis=2)
    assert not diagram(free).any()
