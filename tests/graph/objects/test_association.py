import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.graph.objects.clusters import LEAST_SHARE, associate, count_shared

cells = st.integers(0, 40)


def sets(*members: range | list[int]) -> list[np.ndarray]:
    return [np.array(sorted(member), np.int64) for member in members]


@st.composite
def partitions(draw: st.DrawFn) -> list[np.ndarray]:
    """Disjoint, non-empty, sorted groups of cells."""
    owner = draw(st.dictionaries(cells, st.integers(0, 4)))
    groups = [[cell for cell in owner if owner[cell] == i] for i in range(5)]
    return sets(*(group for group in groups if group))


def test_a_object_goes_on_as_the_cluster_that_holds_most_of_it() -> None:
    links = associate(sets(range(0, 3), range(3, 10)), sets(range(0, 10)))
    assert (links.heir, links.merged, links.lost) == ((-1, 0), (), ())


def test_of_two_objects_in_one_cluster_the_first_takes_up_the_second() -> None:
    links = associate(sets(range(0, 20)), sets(range(0, 5), range(5, 20)))
    assert (links.heir, links.merged, links.lost) == ((0,), ((1, 0),), ())


def test_what_shares_nothing_or_hardly_anything_is_lost() -> None:
    links = associate(sets(range(0, 2)), sets(range(50, 60), range(1, 40)))
    assert (links.heir, links.merged, links.lost) == ((-1,), (), (0, 1))


def test_nothing_matches_nothing() -> None:
    assert associate([], []).heir == ()
    assert associate([], sets(range(3))).lost == (0,)
    assert associate(sets(range(3)), []).heir == (-1,)


@given(partitions(), partitions())
def test_every_object_ends_in_exactly_one_way(
    clusters: list[np.ndarray], objects: list[np.ndarray]
) -> None:
    links = associate(clusters, objects)
    heirs = [index for index in links.heir if index >= 0]
    assert sorted([*heirs, *(a for a, _ in links.merged), *links.lost]) == list(range(len(objects)))
    assert all(into in heirs for _, into in links.merged)
    for i, voxels in enumerate(objects):
        most = max((np.isin(voxels, cluster).sum() for cluster in clusters), default=0)
        assert (i in links.lost) == (most <= LEAST_SHARE * len(voxels))


@given(partitions(), partitions())
def test_shared_cells_are_counted_as_sets_count_them(
    clusters: list[np.ndarray], objects: list[np.ndarray]
) -> None:
    counted = count_shared(clusters, objects)
    expected = [[len({*c.tolist()} & {*t.tolist()}) for c in clusters] for t in objects]
    assert counted.tolist() == expected or not clusters
