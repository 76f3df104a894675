"""The whole evaluation, what was in view, and even sampling."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers_evaluation import (
    CAMERA,
    CHAIR,
    LABELS,
    ROOM_SIZE_M,
    SECOND_NS,
    WALL,
    add_object,
    add_room,
    all_round,
    box_surface,
    copy_of_truth,
    joined,
    look,
    one_room,
    quad,
    run_of,
    trajectory,
    truth_mesh,
)
from hypothesis import given
from hypothesis import strategies as st

from hydra_mono.core.box import BoundingBox
from hydra_mono.core.errors import DataError
from hydra_mono.core.files.ply import write_ply
from hydra_mono.core.files.trajectory import write_tum
from hydra_mono.core.truth import TruthObject
from hydra_mono.evaluation import evaluate, inputs_of_run, table
from hydra_mono.evaluation.surface import Surface, sample_surface
from hydra_mono.evaluation.truth_view import view_truth
from hydra_mono.evaluation.visibility import chosen_poses, faces_at
from hydra_mono.graph.io.graph_json import to_document, to_text
from hydra_mono.graph.model.scene_graph import SceneGraph

BOX = BoundingBox((2.0, 2.0, 0.5), (0.8, 0.8, 1.0))
CRATE = TruthObject(1, CHAIR, "crate", BOX)


def perfect_run(truth):
    graph = SceneGraph()
    for obj in truth.objects:
        add_object(graph, obj.label, obj.box)
    add_room(graph, [((2.0, 2.0, 1.25), 10.0)])
    return run_of(copy_of_truth(truth), graph)


def test_feeding_the_truth_back_scores_one() -> None:
    truth = one_room((CRATE,))
    scores = evaluate(perfect_run(truth), truth).as_dict()
    shares = [
        scores["mesh"]["f1_5cm"],
        scores["mesh"]["f1_10cm"],
        scores["semantic_mesh"]["miou"],
        scores["objects"]["f1"],
        scores["objects"]["mean_box_iou"],
        scores["rooms"]["precision"],
        scores["rooms"]["recall"],
        scores["places"]["free_space_covered"],
    ]
    assert shares == pytest.approx([1.0] * len(shares), abs=0.02)


def test_the_scores_have_the_keys_that_were_promised_and_go_through_json() -> None:
    truth = one_room((CRATE,))
    scores = json.loads(json.dumps(evaluate(perfect_run(truth), truth).as_dict()))
    promised = {
        "mesh": "f1_5cm accuracy_5cm completeness_5cm mean_error_m",
        "semantic_mesh": "miou accuracy",
        "objects": "found correct f1 mean_box_iou",
        "places": "gvd_error_m clearance_error_m free_space_covered",
        "rooms": "precision recall precision_covered recall_covered",
    }
    for subject, names in promised.items():
        assert set(names.split()) <= set(scores[subject])


def test_an_empty_run_scores_without_a_fault_and_strictly_json() -> None:
    scores = evaluate(replace(run_of(path=trajectory([]))), one_room())
    assert json.loads(json.dumps(scores.as_dict(), allow_nan=False))["mesh"]["f1_5cm"] is None
    rows = {name: (value, unit) for name, value, unit in table(scores)}
    assert rows["mesh.f1_5cm"] == ("–", "") and rows["mesh.mean_error_m"] == ("–", "m")


def test_the_table_has_a_row_for_every_figure() -> None:
    truth = one_room((CRATE,))
    rows = {name: (value, unit) for name, value, unit in table(evaluate(perfect_run(truth), truth))}
    assert rows["objects.f1"] == ("1.000", "")
    assert rows["objects.truth_count"] == ("1", "")
    assert rows["places.clearance_error_m"][1] == "m"
    assert "objects.by_label" not in rows


def test_the_same_run_scores_the_same_twice() -> None:
    truth = one_room((CRATE,))
    one, other = (evaluate(perfect_run(truth), truth).as_dict() for _ in range(2))
    assert json.dumps(one) == json.dumps(other)


def test_a_run_folder_reads_back_to_the_same_scores(tmp_path) -> None:
    truth = one_room((CRATE,))
    run = perfect_run(truth)
    (tmp_path / "graph.json").write_text("".join(to_text(to_document(run.graph, LABELS))))
    write_ply(run.mesh, tmp_path / "mesh.ply")
    write_tum(run.trajectory, tmp_path / "trajectory.tum")
    names = ("fx", "fy", "cx", "cy", "width", "height")
    camera = {name: getattr(CAMERA, name) for name in names} | {"max_depth_m": run.max_depth_m}
    (tmp_path / "metrics.json").write_text(json.dumps({"camera": camera}))
    read = inputs_of_run(tmp_path)
    assert (read.intrinsics, read.label_space) == (run.intrinsics, run.label_space)
    assert evaluate(read, truth).as_dict() == evaluate(run, truth).as_dict()


def test_a_folder_without_a_run_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match=r"graph\.json"):
        inputs_of_run(tmp_path)


# what was in view ------------------------------------------------------------------------


def test_what_stands_behind_a_box_is_not_in_view() -> None:
    truth = one_room((CRATE,))
    eye = np.array([0.3, 2.0, 1.6])
    path = trajectory([look(eye, (1.0, 0.0, -0.5))])
    view = view_truth(truth, run_of(path=path))
    points = view.samples_m
    on_axis = (np.abs(points[:, 1] - 2.0) < 0.05) & (points[:, 2] < 1e-4)
    # the ray over the crate's far top edge (x = 2.4, z = 1) meets the floor at x = 5.9 > 4
    shadow = on_axis & (points[:, 0] > 2.45)
    # before the crate the camera sees the floor from where its image ends
    before = on_axis & (points[:, 0] > 1.2) & (points[:, 0] < 1.55)
    assert shadow.sum() > 20 and not view.in_view[shadow].any()
    assert before.sum() > 5 and view.in_view[before].all()


def test_points_in_view_equal_a_count_by_hand() -> None:
    truth = one_room((CRATE,))
    pose = look((0.4, 0.5, 1.5), (1.0, 0.8, -0.35))
    view = view_truth(truth, run_of(path=trajectory([pose])))
    eye, points = pose[:3, 3], view.samples_m.astype(float)
    camera = (points - eye) @ pose[:3, :3]
    with np.errstate(divide="ignore"):
        u, v = (camera[:, :2] / camera[:, 2:] * CAMERA.fx + (CAMERA.cx, CAMERA.cy)).T
    in_image = (camera[:, 2] > 0) & (np.abs(u - 159.5) < 160) & (np.abs(v - 119.5) < 120)
    expected = in_image & ~behind_the_crate(eye, points)
    assert expected.mean() > 0.1
    assert np.mean(expected != view.in_view) < 1e-3


def behind_the_crate(eye, points):
    """Whether the segment from the eye enters the crate before it ends."""
    half, centre = np.array(BOX.dimensions_m) / 2, np.array(BOX.center_m)
    low, high = ((centre + side - eye) / (points - eye) for side in (-half, half))
    enter, leave = np.minimum(low, high).max(axis=1), np.maximum(low, high).min(axis=1)
    return (enter < leave) & (enter > 0) & (enter < 1 - 1e-3)


def test_nothing_beyond_the_range_is_in_view() -> None:
    run = run_of(path=trajectory([look((0.5, 2.0, 1.25), (1, 0, 0))]), max_depth_m=2.0)
    view = view_truth(one_room(), run)
    seen_x = view.samples_m[view.in_view][:, 0]
    assert len(seen_x) > 100 and seen_x.max() <= 2.5 + 1e-3


def test_a_wall_seen_along_itself_is_not_in_view() -> None:
    truth = replace(one_room(), mesh=truth_mesh([(quad((0, 0, 0), (0, 9, 0), (0, 0, 2)), WALL, 0)]))

    def seen(x):
        path = trajectory([look((x, -0.5, 1.0), (0, 1, 0))])
        view = view_truth(truth, run_of(path=path, max_depth_m=20.0))
        return view.samples_m[view.in_view][:, 1]

    # x metres aside, the angle at distance d falls under 5° beyond d = x / tan 5°
    assert seen(0.3).max() == pytest.approx(0.3 / np.tan(np.radians(5)) - 0.5, abs=0.1)


def test_the_floor_under_a_object_is_seen_once_the_object_is_gone() -> None:
    pose = look((0.3, 2.0, 2.0), (1.0, 0.0, -0.8))
    path = trajectory([pose] * 4)
    stays = view_truth(one_room((CRATE,)), run_of(path=path))
    gone = view_truth(one_room((replace(CRATE, disappeared_ns=3 * SECOND_NS),)), run_of(path=path))

    def seen_under_it(view):
        x, y, z = view.samples_m[view.in_view].T
        return int(((z < 1e-3) & (np.abs(x - 2) < 0.35) & (np.abs(y - 2) < 0.35)).sum())

    assert seen_under_it(stays) == 0 and seen_under_it(gone) > 100
    assert stays.present_instances == {1} and gone.present_instances == set()


def test_a_object_is_seen_only_while_it_is_there() -> None:
    toward, away = look((0.3, 2.0, 1.2), (1, 0, -0.5)), look((0.3, 2.0, 1.2), (0, 1, 0))
    late = one_room((replace(CRATE, appeared_ns=2 * SECOND_NS),))
    before = view_truth(late, run_of(path=trajectory([toward, away])))
    after = view_truth(late, run_of(path=trajectory([away, toward])))
    assert before.present_instances == after.present_instances == {1}
    assert before.visible_instances == set() and after.visible_instances == {1}


def test_faces_come_and_go_with_their_object() -> None:
    truth = one_room((replace(CRATE, appeared_ns=10, disappeared_ns=20),))
    count = [int(faces_at(truth, stamp).sum()) for stamp in (9, 10, 19, 20)]
    assert count == [12, 24, 24, 12]


def test_poses_are_thinned_to_a_third_of_a_second_in_long_runs_only() -> None:
    stamps = np.arange(1000, dtype=np.int64) * 100_000_000
    assert np.array_equal(chosen_poses(stamps), np.arange(0, 1000, 3))
    assert len(chosen_poses(stamps[:50])) == 50


# sampling --------------------------------------------------------------------------------


def test_samples_lie_on_their_triangles_and_are_spread_evenly() -> None:
    vertices, faces = joined(box_surface((0, 0, 0), ROOM_SIZE_M, steps=3))
    vertices, faces = vertices.astype(np.float32), faces.astype(np.int32)
    samples = sample_surface(vertices, faces, 20_000)
    assert Surface(vertices, faces).distance_m(samples.points_m).max() < 1e-5
    a, b, c = (vertices[faces[:, i]].astype(float) for i in range(3))
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    counts = np.bincount(samples.faces, minlength=len(faces))
    assert np.abs(counts - areas / areas.sum() * 20_000).max() <= 1.0
    floor = samples.points_m[samples.points_m[:, 2] < 1e-4]
    cells = np.histogram2d(floor[:, 0], floor[:, 1], bins=8, range=[[0, 4], [0, 4]])[0]
    assert cells.min() > 0.8 * cells.mean() and cells.max() < 1.2 * cells.mean()


@given(st.integers(0, 200))
def test_as_many_samples_as_asked_for(count) -> None:
    vertices, faces = quad((0, 0, 0), (1, 0, 0), (0, 1, 0), steps=2)
    vertices, faces = vertices.astype(np.float32), faces.astype(np.int32)
    assert len(sample_surface(vertices, faces, count)) == count
    assert len(sample_surface(vertices * 0, faces, count)) == 0
    assert len(sample_surface(vertices, faces[:0], count)) == 0


def test_an_empty_surface_is_infinitely_far() -> None:
    nothing = Surface(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32))
    assert np.isinf(nothing.distance_m(np.zeros((2, 3), np.float32))).all()


def test_the_whole_room_comes_into_view_of_a_camera_that_looks_all_round() -> None:
    view = view_truth(one_room(), run_of(path=all_round()))
    assert view.in_view.mean() > 0.98
