"""Settings of the graph's layers."""

from pydantic import Field

from hydra_mono.core.config.section import Section


class ObjectsConfig(Section):
    """Clustering of labelled surface into things."""

    cell_size: float = Field(
        default=0.05, ge=0.005, le=1, description="m; mapping.voxel_size where that is larger"
    )
    min_area: float = Field(
        default=0.03, ge=0.0001, le=100, description="m² of surface; less is noise"
    )
    join_distance: float = Field(
        default=0.4, ge=0, le=10, description="m between a thing's parts, one above another"
    )
    trim: float = Field(
        default=0.0075, ge=0, lt=0.5, description="share of surface beyond each side of a box"
    )
    min_updates: int = Field(
        default=2, ge=1, le=1000, description="keyframes before a thing's loss is remembered"
    )
    revive_time: float = Field(
        default=10.0, ge=0, le=1e6, description="s until a thing that returns is another one"
    )
    complete: bool = Field(
        default=True, description="boxes reach to the wall or floor that a thing stands against"
    )
    wall_reach: float = Field(
        default=0.08, ge=0, le=10, description="m between an unseen side and its wall"
    )
    back_reach: float = Field(
        default=0.6, ge=0, le=10, description="m behind a thing that showed a front alone"
    )
    floor_reach: float = Field(
        default=0.15, ge=0, le=10, description="m between an unseen sole and the floor"
    )
    wall_clearance: float = Field(
        default=0.025, ge=0, le=1, description="m left free before a wall"
    )


class PlacesConfig(Section):
    """Sparse graph of free-space balls on the generalised Voronoi diagram."""

    min_node_distance: float = Field(
        default=0.2,
        gt=0,
        le=2,
        description="Least distance from a place to the nearest surface, in metres.",
    )
    min_edge_distance: float = Field(
        default=0.25,
        ge=0,
        le=2,
        description="Least distance from an edge between places to the nearest surface, in metres.",
    )


class RoomsConfig(Section):
    """Rooms as groups of places, parted at gaps between walls."""

    max_door: float = Field(
        default=1.0,
        gt=0,
        le=10,
        description="Widest gap in a wall that parts two rooms by itself, in metres.",
    )
    min_area: float = Field(
        default=1.5,
        gt=0,
        le=100,
        description="Least floor area of a room and of a storey, in square metres.",
    )
    min_storey_height: float = Field(
        default=2.0,
        gt=0,
        le=20,
        description="Least height from the floor of one storey to that of the next, in metres.",
    )


class AgentsConfig(Section):
    """The camera's own trajectory."""

    separation: float = Field(
        default=0.5,
        gt=0,
        le=100,
        description="Movement of the camera after which its trajectory gets a node, in metres.",
    )
