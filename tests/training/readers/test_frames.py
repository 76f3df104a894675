"""Sequences as training data, and the way from a line of text to any samples."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers_datasets import (
    HYDRA_LABELS,
    ListSource,
    frame,
    write_exported,
    write_hydra,
    write_labels,
    write_semantic_replica,
    write_tum_sequence,
)
from helpers_samples import (
    FLOOR,
    HYPERSIM_AXES,
    WALL,
    WINDOW,
    Corner,
    angles_deg,
    border_of,
    corner,
)

from hydra_mono.core.errors import BadFrameError, DataError
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.label_map import load_label_map
from hydra_mono.core.labels import NO_LABELS, load_label_space
from hydra_mono.training.data.edges import edge_map
from hydra_mono.training.readers.frames import FrameSamples, map_to_nyu40
from hydra_mono.training.readers.normals import axis_signs, facing_camera
from hydra_mono.training.readers.open_samples import open_samples

CAMERA = Intrinsics(100.0, 100.0, 63.5, 47.5, 128, 96)


@pytest.fixture
def truth() -> Corner:
    return corner(CAMERA)


def corner_frame(truth: Corner, **changes: object) -> Frame:
    values: dict[str, object] = {
        "intrinsics": CAMERA,
        "rgb": truth.rgb,
        "depth_m": truth.depth_m.astype(np.float32),
    }
    return frame(0, **(values | changes))


def test_a_frame_gives_depth_and_normals_without_any_labels(truth: Corner) -> None:
    sample = FrameSamples(ListSource([corner_frame(truth)]), None)[0]
    assert np.array_equal(sample.depth_m, truth.depth_m.astype(np.float32))
    assert not sample.labels.any()
    off = angles_deg(sample.normals, truth.normals)
    assert off.size > 0.7 * truth.labels.size and np.median(off) < 0.1
    assert not (sample.edges == 0).any()


def test_labels_are_mapped_by_name_and_edges_follow_them(truth: Corner) -> None:
    replica = load_label_space("replica")
    ids = {label.name: label.id for label in replica.labels}
    raw = np.zeros_like(truth.labels)
    for nyu40, name in ((FLOOR, "floor"), (WALL, "wall"), (WINDOW, "window"), (40, "vase")):
        raw[truth.labels == nyu40] = ids[name]
    source = ListSource([corner_frame(truth, labels=raw)], label_space=replica)
    sample = FrameSamples(source, load_label_map("replica", "nyu40"))[0]
    assert np.array_equal(sample.labels, truth.labels)
    known = truth.labels > 0
    borders = border_of(truth.labels) & known
    borders[:, :-1] &= known[:, 1:]
    assert (sample.edges[borders] == 1).all()
    assert 0.8 < (sample.edges == 0).mean() < 1


def test_a_frame_s_own_normals_are_kept(truth: Corner) -> None:
    normals = truth.normals.astype(np.float32)
    sample = FrameSamples(ListSource([corner_frame(truth, normals=normals)]), None)[0]
    assert np.array_equal(sample.normals, normals)


def test_holes_of_a_sensor_are_no_depth_and_no_edge(truth: Corner) -> None:
    depth = truth.depth_m.astype(np.float32)
    depth[20:30, 60:75] = np.nan
    labels = np.full(depth.shape, WALL, np.uint8)
    source = ListSource(
        [corner_frame(truth, depth_m=depth, labels=labels)], label_space=load_label_space("nyu40")
    )
    sample = FrameSamples(source, load_label_map("nyu40", "nyu40"))[0]
    assert not sample.depth_m[20:30, 60:75].any()
    assert not sample.edges[15:35, 55:80].any()
    assert not sample.normals[20:30, 60:75].any()


def test_frames_that_cannot_be_used_are_named(truth: Corner) -> None:
    class Broken(ListSource):
        def __getitem__(self, index: int) -> Frame:
            raise BadFrameError("000007", "unreadable-image", "depth/7.png: truncated")

    with pytest.raises(DataError, match=r"list, frame 000007: unreadable-image .*depth/7\.png"):
        FrameSamples(Broken([corner_frame(truth)]), None)[0]
    with pytest.raises(DataError, match=r"frame 000000: no depth, which training needs"):
        FrameSamples(ListSource([corner_frame(truth, depth_m=None)]), None)[0]


def test_a_label_space_that_only_bears_a_shipped_name_is_not_taken_for_it() -> None:
    assert map_to_nyu40(NO_LABELS) is None
    replica = load_label_space("replica")
    assert map_to_nyu40(replica) is not None
    assert map_to_nyu40(replace(replica, labels=replica.labels[::-1])) is None
    assert map_to_nyu40(replace(replica, name="ours")) is None


def test_edges_show_where_one_object_ends_and_a_like_one_begins() -> None:
    labels = np.full((4, 6), 5, np.uint8)
    instances = np.zeros((4, 6), np.uint16)
    instances[:, 3:] = 9
    depth = np.full((4, 6), 2.0, np.float32)
    assert not edge_map(labels, None, depth).any()
    assert np.array_equal(np.argwhere(edge_map(labels, instances, depth))[:, 1], [2] * 4)
    labels[0, 2] = 0
    assert edge_map(labels, instances, depth)[0].tolist() == [0, 255, 255, 0, 0, 0]


def test_edges_show_steps_in_depth_but_no_slopes() -> None:
    labels = np.ones((5, 40), np.uint8)
    slope = np.tile(1 / np.linspace(0.9, 0.1, 40), (5, 1)).astype(np.float32)  # a plane, seen askew
    assert not edge_map(labels, None, slope)[:, :30].any()
    step = np.where(np.arange(40) < 20, 2.0, 2.5).astype(np.float32)
    edges = edge_map(labels, None, np.tile(step, (5, 1)))
    assert np.array_equal(np.unique(np.argwhere(edges)[:, 1]), [19])


def test_surfaces_seen_from_behind_are_turned_and_grey_is_no_normal(truth: Corner) -> None:
    vectors = truth.normals.copy()
    vectors[40:60] *= -1
    vectors[60:70] = 0.004
    vectors[70, 5] = np.nan
    found = facing_camera(vectors, CAMERA)
    assert angles_deg(found[:60], truth.normals[:60]).max() < 0.1
    assert (np.abs(found[40:60]).sum(axis=2) > 0).mean() > 0.95
    assert not found[60:70].any() and not found[70, 5].any()


def test_axes_are_told_by_depth_and_strange_normals_refused(truth: Corner) -> None:
    ours = truth.normals.astype(np.float32)
    signs = axis_signs([(ours, truth.normals * HYPERSIM_AXES)], "here")
    assert signs.tolist() == HYPERSIM_AXES.tolist()
    noise = np.random.default_rng(0).normal(size=ours.shape)
    with pytest.raises(DataError, match="here: the normals fit the depth with no choice of axes"):
        axis_signs([(ours, noise)], "here")
    with pytest.raises(DataError, match="here: "):
        axis_signs([], "here")


def test_every_reader_s_sequence_can_be_opened_as_samples(tmp_path: Path) -> None:
    replica = open_samples(f"frames:{write_semantic_replica(tmp_path / 'replica')}")
    assert len(replica) == 3
    assert set(np.unique(replica[0].labels)) == {0, 5, 2, 1, 21}
    scene = tmp_path / "scene0000_00"
    write_exported(scene)
    write_labels(scene / "label-filt", scene)
    scannet = open_samples(f"frames:{scene}")
    assert {1, 2, 5, 40} <= set(np.unique(scannet[1].labels)) <= {0, 1, 2, 5, 40}
    tum = open_samples(f"frames:{write_tum_sequence(tmp_path / 'tum', 2)}")
    assert not tum[0].labels.any() and tum[0].depth_m.any()
    folder = write_hydra(tmp_path / "hydra")
    (folder / "label_space.yaml").write_text(HYDRA_LABELS)
    assert not open_samples(f"frames:{folder}")[0].labels.any()  # no map leads to NYU40


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "nyu:data",
            r"no samples 'nyu:data'; write KIND:PATH .* kind of nyuv2, hypersim, pascal,",
        ),
        ("nyuv2", r"no samples 'nyuv2'"),
        ("nyuv2:", r"no samples 'nyuv2:'"),
        ("nyuv2:nowhere:train", r"no folder 'nowhere'; unpack the data set"),
        ("nyuv2:HERE:tset", r"HERE: no part 'tset'; there are train, validation, all, test"),
        ("nyuv2:HERE", r"HERE/train\.txt: cannot be read .*expected images/"),
        ("hypersim:HERE", r"HERE is no Hypersim folder \(it holds notes\.txt\); expected ai_"),
        ("frames:HERE", r"no reader knows the layout of HERE"),
        ("frames:nowhere", r"no sequence 'nowhere'"),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str, message: str
) -> None:
    (tmp_path / "HERE").mkdir()
    (tmp_path / "HERE" / "notes.txt").write_text("hello")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=message) as caught:
        open_samples(spec)
    assert "\n" not in str(caught.value)
