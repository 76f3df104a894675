"""Settings of the graph's layers."""

from pydantic import Field

from hydra_mono.core.config.section import Section


class ObjectsConfig(Section):
    """Clustering of labelled surface into objects."""

    min_area: float = Field(
        default=0.03,
        ge=0.0001,
        le=10,
        description="Least surface of an object, in square metres; less is taken for noise.",
    )


class RoomsConfig(Section):
    """Rooms as groups of places, parted at gaps between walls."""

    max_door: float = Field(
        default=1.0,
        ge=0.0001,
        le=10,
        description="Widest gap in a wall that parts two rooms by itself, in metres.",
    )
    min_area: float = Field(
        default=1.5,
        gt=0,
        le=100,
        description="Least floor area of a room and of a storey, in square metres.",
    )
