"""Simulated worlds: frames agree with the truth, walks are possible, seeds decide everything."""

import numpy as np
import pytest
from helpers_simulation import SMALL, frame_bytes, nearest_surface_m, small_source

from hydra_mono.core.config import SimulationConfig
from hydra_mono.core.errors import DataError
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.labels import load_label_space
from hydra_mono.simulation.building.plan import Plan, Room
from hydra_mono.simulation.building.structure import structure_surface
from hydra_mono.simulation.materials import make_palette
from hydra_mono.simulation.render.images import Renderer
from hydra_mono.simulation.render.noise import kinect_depth
from hydra_mono.simulation.scene import World, build_world
from hydra_mono.simulation.source import open_simulated
from hydra_mono.simulation.walk.gaze import camera_rotation

LABELS = load_label_space("apartment")
FINISH = {"wall": "wall0", "floor": "floor_wood0", "ceiling": "ceiling"}


def empty_room(size_m: tuple[float, float, float]) -> World:
    room = Room(0, "office", (0.0, 0.0), size_m[:2], 0.0, size_m[2])
    plan = Plan((room,), (), ())
    palette = make_palette(np.random.default_rng(0))
    surface = structure_surface(plan, LABELS, palette.index, {0: FINISH})
    return World(plan, LABELS, palette, (), (), surface, np.array([[1.0, 1.0, size_m[2] - 0.2]]))


def test_depth_of_an_empty_room_is_the_analytic_one_to_a_tenth_of_a_millimetre() -> None:
    size, eye = np.array([5.0, 4.0, 2.5]), np.array([1.7, 2.2, 1.4])
    camera = Intrinsics(130.0, 125.0, 80.3, 58.9, 160, 120)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = camera_rotation(0.7, -0.3, 0.05), eye
    rays = camera_rays(camera).astype(np.float64) @ pose[:3, :3].T
    steps = np.where(rays > 0, (size - eye) / rays, -eye / rays)  # planar z: rays have z = 1
    images = Renderer(empty_room((5.0, 4.0, 2.5)), camera).render(pose)
    np.testing.assert_allclose(images.depth_m, steps.min(axis=-1), atol=1e-4)
    side = np.argmin(steps, axis=-1)
    floor = (side == 2) & (rays[..., 2] < 0)
    assert np.all(images.labels[floor] == 2)
    assert np.all(images.labels[side < 2] == 1)
    axes = np.take_along_axis(-np.sign(rays), side[..., None], axis=-1)[..., 0]
    world_normals = images.normals @ pose[:3, :3].T
    found = np.take_along_axis(world_normals, side[..., None], axis=-1)[..., 0]
    np.testing.assert_allclose(found, axes, atol=1e-5)


def test_normals_face_the_camera() -> None:
    source = small_source()
    frame = source[20]
    assert frame.normals is not None
    along = np.einsum("hwc,hwc->hw", frame.normals, camera_rays(frame.intrinsics))
    assert along.max() < 1e-5
    np.testing.assert_allclose(np.linalg.norm(frame.normals, axis=-1), 1, atol=1e-4)


@pytest.mark.parametrize("name", ["simulated/3", "simulated/turned-3"])
def test_rendered_points_lie_on_the_true_mesh(name: str) -> None:
    source = small_source(name)
    frame = source[10]
    assert frame.depth_m is not None
    points = camera_rays(frame.intrinsics) * frame.depth_m[..., None]
    world = points.reshape(-1, 3) @ frame.world_from_camera[:3, :3].T + frame.camera_position_m
    assert nearest_surface_m(source, world).max() < 1e-3


def test_a_turned_building_shows_the_same_images_from_poses_turned_alike() -> None:
    turned, straight = small_source("simulated/turned-3"), small_source()
    assert 0.1 < turned.turn_rad % (np.pi / 2) < np.pi / 2 - 0.1
    assert frame_bytes(turned, 12) == frame_bytes(straight, 12)
    cos, sin = np.cos(turned.turn_rad), np.sin(turned.turn_rad)
    x, y, z = straight.poses[12, :3, 3]
    np.testing.assert_allclose(turned.poses[12, :3, 3], [cos * x - sin * y, sin * x + cos * y, z])
    again = turned.render_at(turned.poses[12], 0)
    np.testing.assert_allclose(again.depth_m, turned[12].depth_m, atol=1e-4)


def test_the_setting_of_the_turn_goes_before_the_name() -> None:
    by_setting = SMALL.model_copy(update={"turn": 27.0, "frames": 1})
    assert open_simulated("simulated/turned-3", by_setting).turn_rad == np.radians(27)
    assert small_source().turn_rad == 0


def test_any_order_gives_the_same_frames() -> None:
    source = open_simulated("simulated/3", SMALL.model_copy(update={"noise": "kinect"}))
    forwards = [frame_bytes(source, i) for i in (3, 4, 5)]
    assert [frame_bytes(source, i) for i in (5, 3, 4)] == [forwards[2], forwards[0], forwards[1]]


def test_the_same_seed_gives_the_same_frame_bytes_in_a_new_source() -> None:
    again = open_simulated("simulated/3", SMALL)
    assert len(again) == len(small_source())
    assert frame_bytes(again, 40) == frame_bytes(small_source(), 40)


def test_test_and_training_worlds_of_one_seed_differ() -> None:
    short = SMALL.model_copy(update={"frames": 1})
    test, training = (open_simulated(f"{split}/3", short) for split in ("simulated", "training"))
    assert test.world.plan != training.world.plan


@pytest.mark.parametrize("name", ["flat", "simulated/", "simulated/x", "other/3"])
def test_an_unknown_world_is_refused_by_name(name: str) -> None:
    with pytest.raises(DataError, match="apartment"):
        open_simulated(name, SMALL)


def test_stamps_follow_the_frame_rate() -> None:
    source = small_source()
    assert [source[i].stamp_ns for i in (0, 1, 7)] == [0, 100_000_000, 700_000_000]


def test_a_wanted_number_of_frames_is_given_also_beyond_one_round() -> None:
    longer = len(small_source()) + 30
    source = open_simulated("simulated/3", SMALL.model_copy(update={"frames": longer}))
    assert len(source) == longer


def test_the_walk_is_smooth_and_every_room_is_entered() -> None:
    source = small_source()
    positions = source.poses[:, :3, 3]
    assert np.linalg.norm(np.diff(positions, axis=0), axis=1).max() < 0.1
    turns = np.einsum("nij,nij->n", source.poses[:-1, :3, :3], source.poses[1:, :3, :3])
    assert np.degrees(np.arccos(np.clip((turns - 1) / 2, -1, 1))).max() < 8
    grid = source.truth().grid
    cells = np.rint((positions - grid.origin_m) / grid.voxel_size_m).astype(int)
    assert set(grid.room[tuple(cells.T)]) >= {room.index for room in source.truth().rooms}


def test_the_camera_keeps_its_distance_from_everything() -> None:
    source = small_source()
    assert nearest_surface_m(source, source.poses[:, :3, 3]).min() > 0.2
    points = source.poses[:, :3, 3]
    assert not any(obj.contains(points).any() for obj in source.world.objects)


def test_noise_deviates_as_its_formula_says() -> None:
    for depth in (1.0, 2.0, 3.5):
        flat = np.full((200, 200), depth, np.float32)
        noisy = kinect_depth(np.random.default_rng(1), flat, np.ones_like(flat))
        sigma = 0.0012 + 0.0019 * (depth - 0.4) ** 2
        step = depth**2 / (575.8 * 0.075 * 8)
        assert abs(float(noisy.mean()) - depth) < 0.2 * sigma + 0.02 * step
        expected = np.hypot(sigma, step / np.sqrt(12))
        assert 0.85 * expected < float(noisy.std()) < 1.15 * expected


def test_noise_drops_what_the_sensor_cannot_see() -> None:
    depth = np.full((60, 60), 2.0, np.float32)
    depth[:10], depth[10:20] = 0.3, 9.0
    cosine = np.ones_like(depth)
    cosine[30:40] = 0.05
    noisy = kinect_depth(np.random.default_rng(2), depth, cosine)
    assert not noisy[:9].any()
    assert not noisy[11:19].any()
    assert not noisy[30:40].any()
    assert np.all(noisy[45:] > 0)


def test_a_cached_frame_is_the_rendered_one(tmp_path) -> None:  # type: ignore[no-untyped-def]
    cached = SMALL.model_copy(update={"cache": str(tmp_path), "frames": 8})
    first = open_simulated("simulated/3", cached)
    fresh = frame_bytes(first, 5)
    files = list(tmp_path.rglob("*.npz"))
    assert len(files) == 1
    assert frame_bytes(first, 5) == fresh
    files[0].write_bytes(b"damaged")
    assert frame_bytes(open_simulated("simulated/3", cached), 5) == fresh


def test_a_building_of_thirty_rooms_hangs_together() -> None:
    world = build_world(np.random.default_rng(0), LABELS, rooms=30, joints=1)
    reached, ahead = {0}, [0]
    while ahead:
        for opening in world.plan.openings_of(ahead.pop()):
            new = set(opening.rooms) - reached
            reached |= new
            ahead += new
    assert reached == set(range(30))


def test_defaults_give_five_to_eight_rooms() -> None:
    counts = set()
    for seed in range(2):
        small = SimulationConfig(width=32, height=24, frames=1)
        counts.add(len(open_simulated(f"simulated/{seed}", small).world.plan.rooms))
    assert counts <= {5, 6, 7, 8}


def test_a_object_carried_away_is_seen_before_its_stamp_and_not_after() -> None:
    settings = SimulationConfig(rooms=3, width=96, height=72, noise="none", moved=2)
    source = open_simulated("simulated/3", settings)
    changed = [t for t in source.truth().objects if t.appeared_ns or t.disappeared_ns]
    assert [bool(t.disappeared_ns) for t in changed].count(True) == 1
    for obj in changed:
        stamp = obj.disappeared_ns or obj.appeared_ns or 0
        eye = np.array(obj.box.center_m) + np.array([0.05, 0.02, 1.2])
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = camera_rotation(0.0, -np.pi / 2), eye
        before, after = (
            np.any(source.render_at(pose, s).instances == obj.instance) for s in (stamp - 1, stamp)
        )
        assert (before, after) == ((True, False) if obj.disappeared_ns else (False, True))


def test_people_walk_where_their_tracks_say_and_leave_the_rest_as_it_was() -> None:
    settings = SimulationConfig(rooms=3, width=96, height=72, noise="none", people=1)
    source, empty = open_simulated("simulated/3", settings), small_source()
    track = source.truth().agents[0]
    steps = np.linalg.norm(np.diff(np.array(track.positions_m), axis=0), axis=1)
    assert 0.05 < steps.max() < 0.2
    number = len(track.stamps_ns) // 2
    feet = np.array(track.positions_m[number])
    pose = np.eye(4)
    pose[:3, :3] = camera_rotation(0.3, 0.0)
    pose[:3, 3] = feet + np.array([0, 0, 1.2]) - 0.9 * pose[:3, 2]
    images = source.render_at(pose, track.stamps_ns[number])
    person = images.labels == 40
    assert person.mean() > 0.1
    behind = empty.render_at(pose, 0)
    assert np.all(images.depth_m[person] <= behind.depth_m[person])
    assert np.array_equal(images.depth_m[~person], behind.depth_m[~person])


def test_a_depth_camera_measures_what_a_mirror_reflects_and_nothing_through_a_pane() -> None:
    source = small_source("simulated/odd-3")
    built = source.world
    mirror = next(t for t in built.fixed if t.parts[0].material == "mirror")
    out = np.array([-np.sin(mirror.yaw_rad), np.cos(mirror.yaw_rad), 0.0])  # fronts face +y
    pose = np.eye(4)
    pose[:3, :3] = camera_rotation(float(np.arctan2(-out[1], -out[0])), 0.0)
    pose[:3, 3] = np.array(mirror.box.center_m) + 0.6 * out
    images = source.render_at(pose, 0)
    assert images.sensed_depth_m is not None
    reflected = images.sensed_depth_m > images.depth_m + 0.01
    assert 0.2 < reflected.mean() < 1
    rays = camera_rays(source[0].intrinsics) @ pose[:3, :3].T.astype(np.float32)
    behind = (rays * images.sensed_depth_m[..., None])[reflected] + pose[:3, 3]
    face = np.array(mirror.box.center_m) + out * mirror.size_m[1] / 2
    seen = behind - 2 * ((behind - face) @ out)[:, None] * out
    assert nearest_surface_m(source, seen).max() < 2e-3


def test_odd_worlds_lose_depth_at_panes_only_in_the_sensor() -> None:
    source = small_source("simulated/odd-3")
    lost = [source.render_at(pose, 0) for pose in source.poses[::40]]
    panes = [
        (i.sensed_depth_m == 0) & (i.depth_m > 0) for i in lost if i.sensed_depth_m is not None
    ]
    assert sum(int(mask.sum()) for mask in panes) > 0
    for images, mask in zip(lost, panes, strict=True):
        assert set(np.unique(images.labels[mask]).tolist()) <= {5}, "panes are windows"
