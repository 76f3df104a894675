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
        default=0.2, ge=0.01, le=10, description="m from a place to the nearest surface"
    )
    min_volume: float = Field(
        default=0.015,
        ge=0.0001,
        le=100,
        description="m³ of free space that a place adds to the rest",
    )
    min_edge_distance: float = Field(
        default=0.25, ge=0, le=10, description="m from an edge to the nearest surface"
    )
    freespace_edge_clearance: float = Field(
        default=0.2, ge=0, le=10, description="m where nothing else joins parts"
    )
    max_edge_length: float = Field(default=2.0, ge=0.1, le=100, description="m")
    max_past_border: float = Field(
        default=0.5, ge=0.001, le=10, description="m that a ball reaches into the next room"
    )
    min_component_size: int = Field(
        default=3, ge=1, le=10**4, description="places; smaller islands are left out"
    )
    voronoi_min_distance: float = Field(default=0.2, ge=0.01, le=10, description="m")
    voronoi_parent_l1_separation: float = Field(default=2.0, ge=0.01, le=100, description="m")
    voronoi_parent_cos_separation: float = Field(default=0.2, ge=-1, le=1)


class RoomsConfig(Section):
    """Rooms as groups of places, parted at gaps between walls."""

    cell_size: float = Field(default=0.1, ge=0.01, le=1, description="m of the plan of walls")
    max_door: float = Field(
        default=1.0, ge=0.1, le=10, description="m; so narrow a gap parts rooms by itself"
    )
    max_joint: float = Field(
        default=3.3, ge=0.1, le=20, description="m; a gap with wall standing out at both ends"
    )
    max_lintel: float = Field(
        default=4.5, ge=0.1, le=20, description="m; a gap below a lintel or beam between walls"
    )
    min_stub: float = Field(
        default=0.3, ge=0.01, le=10, description="m of wall standing out beside a gap"
    )
    min_places: int = Field(
        default=4, ge=1, le=1000, description="fewer join the neighbour with the widest way"
    )
    min_area: float = Field(
        default=1.5, ge=0.01, le=1000, description="m² that a room's places span"
    )
    min_dilation: float = Field(
        default=0.5, ge=0.01, le=20, description="m; range searched for necks without walls"
    )
    max_dilation: float = Field(default=1.2, ge=0.01, le=20, description="m")
    min_component_size: int = Field(
        default=10, ge=1, le=1000, description="places that a part needs to be counted"
    )
    plateau_ratio: float = Field(default=0.25, ge=0, le=1, description="of the longest lifetime")
    min_storey_height: float = Field(
        default=2.0, ge=0.5, le=20, description="m from floor to floor"
    )
    min_storey_area: float = Field(default=1.5, ge=0.01, le=1000, description="m² of floor")


class AgentsConfig(Section):
    """The camera's own trajectory."""

    separation: float = Field(
        default=0.5,
        ge=0.001,
        le=100,
        description="m (+ 0.1 of the rotation's norm) between agent nodes",
    )
    min_interval: float = Field(default=0.2, ge=0, le=3600, description="s between agent nodes")
