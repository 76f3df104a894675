"""A tiny network, tiny worlds and made-up samples to train on."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hydra_mono.core.config.training import LossConfig, StageConfig, TrainingConfig
from hydra_mono.core.frame import Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.perception.networks.backbones.convnext import ConvConfig
from hydra_mono.perception.networks.m2h_config import COMPACT, M2HConfig
from hydra_mono.training.data.batches import BatchRule
from hydra_mono.training.samples import Sample

TINY = replace(
    COMPACT,
    backbone=ConvConfig(widths=(8, 8, 16, 16), depths=(1, 1, 1, 1)),
    channels=16,
    attention_layers=1,
)
CAMERA = Intrinsics(100.0, 100.0, 63.5, 47.5, 128, 96)
PLANE_NORMAL = np.array([0.0, -0.6, -0.8])
PLANE_DISTANCE_M = -2.0  # normal · point
RULE = BatchRule(
    height=48,
    width=64,
    count=3,
    photographs=1.0,
    focal_px=60.0,
    feed_width=64,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
)


def plane_sample(name: str = "plane", camera: Intrinsics = CAMERA) -> Sample:
    """A slanted plane, labelled 1 left of the middle and 2 right of it."""
    rays = camera_rays(camera).astype(np.float64)
    depth = PLANE_DISTANCE_M / (rays @ PLANE_NORMAL)
    labels = np.ones(depth.shape, np.uint8)
    labels[:, camera.width // 2 :] = 2
    edges = np.zeros(depth.shape, np.uint8)
    edges[:, camera.width // 2 - 1] = 1
    rgb = np.stack(
        [
            labels * 90,
            np.full_like(labels, 60),
            np.arange(camera.height)[:, None] + np.zeros_like(labels),
        ],
        axis=2,
    )
    return Sample(
        name=name,
        rgb=rgb.astype(np.uint8),
        intrinsics=camera,
        depth_m=depth.astype(np.float32),
        labels=labels,
        normals=np.broadcast_to(PLANE_NORMAL, (*depth.shape, 3)).astype(np.float32),
        edges=edges,
    )


def planes() -> list[Sample]:
    """The same plane twice."""
    return [plane_sample("0"), plane_sample("1")]


def tiny_config(steps: int = 4, **changes: object) -> TrainingConfig:
    stage = StageConfig(steps=steps, height=64, width=96, batch=2)
    numbers = {"stages": (stage,), "warmup": 1, "worlds": 0, "validate_every": steps}
    return TrainingConfig(**{**numbers, "loss": LossConfig(), **changes})


def tiny_network() -> M2HConfig:
    return TINY


def rows(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
