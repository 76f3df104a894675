"""The torch ray caster sees what Open3D's sees, whatever is drawn beside it."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from helpers_raycast import CAMERA, alone, both, scenery

from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.render.layers import layered
from hydra_mono.training.render.quads import join_triangles
from hydra_mono.training.render.raycast import Hits, cast
from hydra_mono.training.render.shading import plain_look, shade
from hydra_mono.training.render.textures import palette_textures

ROUNDED = 1e-3  # share of pixels on silhouettes, where the two may round to different sides
SEEDS = pytest.mark.parametrize("seed", [0, 1])


def share(wrong: np.ndarray) -> float:
    return float(np.mean(wrong))


@SEEDS
def test_depth_is_open3ds_to_a_millimetre(seed: int) -> None:
    depth = cast(*alone(seed), CAMERA).depth_m.numpy()
    assert share(np.abs(depth - scenery(seed).stacked("depth_m")) > 1e-3) <= ROUNDED


@SEEDS
def test_labels_and_instances_are_open3ds(seed: int) -> None:
    hits = cast(*alone(seed), CAMERA)
    for name in ("labels", "instances"):
        found = getattr(hits, name).numpy()
        assert share(found != scenery(seed).stacked(name)) <= ROUNDED


@SEEDS
def test_normals_are_open3ds_to_a_tenth_of_a_degree(seed: int) -> None:
    normals = cast(*alone(seed), CAMERA).normals.numpy()
    expected = scenery(seed).stacked("normals")
    away = np.degrees(2 * np.arcsin(np.linalg.norm(normals - expected, axis=-1).clip(max=2) / 2))
    assert share(away > 0.1) <= ROUNDED


@SEEDS
def test_the_plain_look_is_the_renderers(seed: int) -> None:
    worlds, world, poses = alone(seed)
    palette = scenery(seed).world.palette
    textures = palette_textures([palette], worlds.device)
    look = plain_look(worlds, world, len(palette.index))
    rgb = shade(worlds, world, cast(worlds, world, poses, CAMERA), look, textures).numpy()
    away = np.abs(rgb.astype(int) - scenery(seed).stacked("rgb"))
    assert away.mean() < 0.1
    assert share(away.max(axis=-1) > 8) <= ROUNDED


def test_a_camera_with_its_own_focal_lengths_and_odd_size_sees_the_same_depth() -> None:
    from hydra_mono.simulation.render.images import Renderer

    camera = Intrinsics(60.0, 47.0, 21.5, 40.25, 71, 53)
    place = scenery(0)
    expected = Renderer(place.world, camera, threads=1).render(place.poses[3].numpy()).depth_m
    worlds, world, poses = alone(0)
    depth = cast(worlds, world[:1], poses[3:4], camera).depth_m[0].numpy()
    assert share(np.abs(depth - expected) > 1e-3) <= ROUNDED


def test_two_worlds_in_one_call_are_as_each_alone() -> None:
    together = cast(*both(), CAMERA)
    for seed in (0, 1):
        single = cast(*alone(seed), CAMERA)
        for field in fields(Hits):
            assert torch.equal(getattr(together, field.name)[seed::2], getattr(single, field.name))


def test_two_worlds_in_one_call_are_coloured_as_each_alone() -> None:
    palettes = [scenery(seed).world.palette for seed in (0, 1)]
    worlds, world, poses = both()
    look = plain_look(worlds, world, len(palettes[0].index))
    textures = palette_textures(palettes, worlds.device)
    together = shade(worlds, world, cast(worlds, world, poses, CAMERA), look, textures)
    for seed in (0, 1):
        worlds, world, poses = alone(seed)
        look = plain_look(worlds, world, len(palettes[seed].index))
        textures = palette_textures([palettes[seed]], worlds.device)
        single = shade(worlds, world, cast(worlds, world, poses, CAMERA), look, textures)
        assert torch.equal(together[seed::2], single)


def test_a_second_call_gives_the_same_bytes() -> None:
    first, second = cast(*both(), CAMERA), cast(*both(), CAMERA)
    assert all(torch.equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(Hits))


def test_outside_the_building_looking_away_nothing_is_seen() -> None:
    worlds, world, poses = alone(0)
    pose = poses[:1].clone()
    pose[0, :3, :3] = torch.eye(3)  # upwards
    pose[0, :3, 3] = torch.tensor([1.0, 1.0, 50.0])
    hits = cast(worlds, world[:1], pose, CAMERA)
    assert not any(getattr(hits, name).any() for name in ("depth_m", "labels", "normals", "uv_m"))


def test_joined_faces_have_the_area_of_the_triangles_and_are_fewer() -> None:
    surface = scenery(1).world.surface
    corners = surface.vertices_m[surface.faces]
    quads = join_triangles(surface)
    halves = [quads.corners_m[:, [0, 1, 2]], quads.corners_m[:, [0, 2, 3]]]

    def area(triangles: np.ndarray) -> float:
        a, b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
        return float(np.linalg.norm(np.cross(a, b), axis=1).sum() / 2)

    assert sum(area(half) for half in halves) == pytest.approx(area(corners), rel=1e-9)
    assert len(quads.triangle) < 0.55 * len(corners)


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_layers_hand_out_every_pair_once_in_its_owners_order(at_once: int) -> None:
    owner = torch.tensor([0, 0, 0, 2, 3, 3, 3, 3, 3])
    found: dict[int, list[int]] = {}
    for group in layered(owner, 5, at_once):
        for n, pairs, valid in group.layers():
            for row in range(n):
                given = pairs[row][valid[row]].tolist()
                found.setdefault(int(group.owner[row]), []).extend(given)
    assert found == {0: [0, 1, 2], 2: [3], 3: [4, 5, 6, 7, 8]}
