"""Settings of the viewer and of what a run writes."""

from typing import Literal

from pydantic import Field

from hydra_mono.core.config.section import Section


class ViewerConfig(Section):
    """What the viewer is sent; the interval bounds the size of a recording."""

    mode: Literal["none", "save", "spawn", "serve"] = Field(
        default="save", description="no viewer, a recording, a window, or a page for a browser"
    )
    image_interval: float = Field(
        default=0.2,
        ge=0,
        le=3600,
        description="s of the sequence between images; a piece of mesh is redrawn after ten times "
        "that, and not within 4 s",
    )
    address: str = Field(
        default="127.0.0.1",
        description="that viewers listen on; 0.0.0.0 lets every machine in reach see all",
    )
    port: int | None = Field(
        default=None, ge=1, le=65535, description="for messages; None: 9876, or any that is free"
    )
    web_port: int | None = Field(
        default=None, ge=1, le=65535, description="of serve; None: 9090, or any that is free"
    )
    analytics: bool = Field(default=False, description="lets rerun collect its usage statistics")
    mesh_colors: Literal["color", "label"] = Field(
        default="color", description="what the mesh is coloured by"
    )


class OutputConfig(Section):
    folder: str = Field(default="results", description="folder that run folders are made in")
    checkpoint_interval: float = Field(
        default=30.0, ge=0.1, le=86400, description="s between complete outputs under way"
    )
