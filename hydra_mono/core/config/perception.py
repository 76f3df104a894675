"""Settings of the predictor: what turns an image into depth and labels."""

from typing import Annotated, Literal

from pydantic import Field

from hydra_mono.core.config.section import Section

# of colours in 0..1
Mean = Annotated[float, Field(ge=-10, le=10)]
Deviation = Annotated[float, Field(ge=0.001, le=1000)]


class PredictorConfig(Section):
    """Where depth and labels come from: a network from colour alone, or the sensor (data set)."""

    name: str = Field(
        default="m2h",
        description="What predicts: m2h, sensor (the sequence's own), onnx, or a factory of the "
        "user's own as package.module:factory.",
    )
    weights: str | None = Field(
        default=None,
        description="File of the network's weights; None takes those shipped with the package.",
    )
    variant: str | None = Field(
        default=None,
        description="Variant that the weights have to be of (m2h: full, small, small_96, "
        "compact); None takes whatever the file holds.",
    )
    labels: str = Field(
        default="nyu40",
        description="Label space of the network's classes: its name, or its YAML file.",
    )
    backend: Literal["torch", "openvino"] = Field(
        default="torch", description="Library that computes the network."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Processor; auto takes the GPU where there is one."
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="CPU threads; None takes the library's number."
    )
    feed_height: int | None = Field(
        default=None,
        ge=14,
        le=8192,
        description="Height in pixels of the box that images are resized to fit, in proportion, "
        "together with feed_width; None takes the weights' own.",
    )
    feed_width: int | None = Field(
        default=None, ge=14, le=8192, description="Width of that box in pixels."
    )
    focal_px: float | None = Field(
        default=None,
        ge=1,
        le=1e5,
        description="Focal length in pixels at the fed size for which the network's depth is "
        "true; None takes the weights' own, if they have one.",
    )
    depth_scale: float = Field(
        default=1.0,
        ge=0.001,
        le=1000,
        description="Factor on the network's depth, beside that of the focal length.",
    )
    published_node: bool = Field(
        default=False,
        description="Treats published M2H weights as their authors' node does: images squashed "
        "to the fed size (224x224), depth multiplied by 0.967.",
    )
    mean: tuple[Mean, Mean, Mean] | None = Field(
        default=None,
        description="Mean of red, green, blue (0..1) by which images are normalised; None takes "
        "the network's own.",
    )
    std: tuple[Deviation, Deviation, Deviation] | None = Field(
        default=None, description="Standard deviation of red, green, blue likewise."
    )
