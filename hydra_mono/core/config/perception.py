"""Settings of the predictor: who says depth and labels."""

from typing import Annotated, Literal

from pydantic import Field

from hydra_mono.core.config.section import Section

# of colours in 0..1
Mean = Annotated[float, Field(ge=-10, le=10)]
Deviation = Annotated[float, Field(ge=0.001, le=1000)]


class PredictorConfig(Section):
    """Who says depth and labels: a network from colour alone, or the sensor (or data set)."""

    name: str = Field(
        default="m2h", description="or sensor, or onnx, or package.module:factory of one's own"
    )
    weights: str | None = Field(
        default=None, description="file of the network; m2h: None takes the weights shipped"
    )
    variant: Literal["full", "small", "compact"] | None = Field(
        default=None, description="None: whatever the file holds"
    )
    labels: str = Field(
        default="nyu40",
        description="of the network's classes: a label space by name, or its YAML file",
    )
    backend: Literal["torch", "openvino"] = Field(default="torch", description="what computes m2h")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="auto: the GPU where there is one"
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="of the CPU; None: as many as it likes"
    )
    feed_height: int | None = Field(
        default=None, ge=14, le=4096, description="pixels; images are resized to fit, in"
    )
    feed_width: int | None = Field(
        default=None, ge=14, le=4096, description="proportion. None: what the network is for"
    )
    focal_px: float | None = Field(
        default=None,
        ge=1,
        le=1e5,
        description="pixels at the fed size for which the network's depth is true; None: its own",
    )
    depth_scale: float = Field(
        default=1.0, ge=0.001, le=1000, description="of the network's depth, beside that"
    )
    min_depth: float = Field(
        default=0.001, ge=0.0001, le=100, description="m; less is raised to it"
    )
    max_depth: float = Field(default=10.0, ge=0.01, le=1000, description="m; more is cut to it")
    mean: tuple[Mean, Mean, Mean] | None = Field(
        default=None, description="of red, green, blue in 0..1; None: as the network wants it"
    )
    std: tuple[Deviation, Deviation, Deviation] | None = Field(default=None, description="likewise")
