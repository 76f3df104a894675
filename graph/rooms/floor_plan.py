"""Which part of a storey's plan belongs to which room, and the passages between rooms."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import ndimage

from hydra_mono.graph.model.nodes import PlaceNode
from hydra_mono.graph.model.symbols import NodeSymbol
from hydra_mono.graph.rooms.outline import largest_part, outline
from hydra_mono.graph.walls.plan import WallPlan
from hydra_mono.graph.walls.raster import LINTEL, SOLID, PlanFrame, PlanRaster

NOBODY = -1


@dataclass(frozen=True, slots=True)
class FloorPlanRule:
    """Lengths in metres.

    Args:
        reach_m: floor so far from the free space of places is a room's: under a wardrobe or bed.
        tolerance_m: corners of outlines nearer to a straight line are left out: a wall's width.
        beside_m: so far from a gap's middle its two rooms are looked up.
        door_m: wider gaps are openings: double doors are narrower.
        lintel_share: of a gap's cells with wall above, for it to have a lintel.
        least_m: nobody fits through narrower gaps.
    """

    reach_m: float = 1.2
    tolerance_m: float = 0.15
    beside_m: float = 0.4
    door_m: float = 1.3
    lintel_share: float = 0.6
    least_m: float = 0.4


RULE = FloorPlanRule()


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap between ends of wall with a room on either side; the wall runs along the heading."""

    rooms: tuple[NodeSymbol, NodeSymbol]
    middle_m: tuple[float, float]
    width_m: float
    heading_rad: float
    has_lintel: bool


@dataclass(frozen=True)
class StoreyMap:
    """The cells of a storey by the room that owns them: ``rooms[owner]``, -1 for nobody.

    ``gaps``: the cells of gaps between ends of wall, for every direction of walls.
    """

    raster: PlanRaster
    rooms: tuple[NodeSymbol, ...]
    owner: Int64[np.ndarray, "x y"]
    gaps: tuple[tuple[PlanRaster, Bool[np.ndarray, "x y"]], ...]

    def outline_of(self, room: NodeSymbol, rule: FloorPlanRule = RULE) -> np.ndarray:
        """The room's border, world axes, counter-clockwise; empty where none was seen.

        Half a cell is added all round: the face of a wall lies somewhere in the cell that it fills.
        """
        half_m = self.raster.cell_size_m / 2
        own = self.owner == self.rooms.index(room)
        if not own.any():
            return np.zeros((0, 2))
        (window,) = ndimage.find_objects(own.astype(np.int8))
        halves = np.pad(own[window].repeat(2, axis=0).repeat(2, axis=1), 1)
        dilated = ndimage.binary_dilation(halves, np.ones((3, 3), bool))
        corners = outline(dilated, rule.tolerance_m / half_m) - 1
        corners += 2 * np.array([side.start for side in window])
        return self.raster.frame.to_world(self.raster.lower_m + corners * half_m)

    def room_at(self, point_m: Float64[np.ndarray, "2"]) -> NodeSymbol | None:
        """The room that owns the cell at a point in world axes."""
        cell = self.raster.cells_of(self.raster.frame.to_plan(point_m[None]))[0]
        number = int(self.owner[cell[0], cell[1]])
        return self.rooms[number] if number >= 0 else None


def storey_map(
    walls: WallPlan,
    storey: int,
    places: Mapping[NodeSymbol, Sequence[PlaceNode]],
    rule: FloorPlanRule = RULE,
) -> StoreyMap | None:
    """The cells that rooms own on a storey, given their places; None where hardly wall is seen.

    A cell belongs to the room whose balls of free space are nearest, if it is connected with
    them and no wall or gap lies between.
    """
    balls = [(i, p) for i, members in enumerate(places.values()) for p in members]
    if not balls:
        return None
    centers_m = np.array([place.position_m[:2] for _, place in balls])
    raster = walls.raster_near(storey, PlanFrame(walls.heading_rad), centers_m)
    if raster is None:
        return None
    gaps = tuple(walls.gaps_near(storey, centers_m))
    barred = _without_pinholes(raster.has(SOLID), raster.cell_size_m, rule.least_m)
    for other, cells in gaps:
        if other.frame == raster.frame and other.flags.shape == raster.flags.shape:
            barred |= cells
    radii_m = np.array([place.radius_m for _, place in balls])
    rooms = np.array([number for number, _ in balls])
    nearest = _nearest(raster, raster.frame.to_plan(centers_m), radii_m, rooms, rule.reach_m)
    owner = np.full(nearest.shape, NOBODY, np.int64)
    for number in range(len(places)):
        cells = raster.cells_of(raster.frame.to_plan(centers_m[rooms == number]))
        owner[_joined((nearest == number) & ~barred, cells)] = number
    return StoreyMap(raster, tuple(places), owner, gaps)


def _without_pinholes(
    solid: Bool[np.ndarray, "x y"], cell_size_m: float, least_m: float
) -> Bool[np.ndarray, "x y"]:
    """Walls, which run along the raster, without holes that nobody fits through.

    Thin walls aslant to the world's axes have them: cells are sampled at their middles.
    """
    length = round(least_m / cell_size_m) + 1
    padded = np.pad(solid, length)  # closing erodes at the border
    along = [
        ndimage.binary_closing(padded, np.ones(shape, bool)) for shape in ((1, length), (length, 1))
    ]
    inside = slice(length, -length)
    return np.asarray((along[0] | along[1])[inside, inside])


def _nearest(
    raster: PlanRaster,
    centers_m: Float64[np.ndarray, "n 2"],
    radii_m: Float64[np.ndarray, " n"],
    rooms: Int64[np.ndarray, " n"],
    reach_m: float,
) -> Int64[np.ndarray, "x y"]:
    """For each cell the room of the ball, in plan, that is nearest; -1 beyond the reach.

    In cells that balls cover the one that covers them most counts; every other cell is its nearest
    covered one's.
    """
    cover = _cover(raster, centers_m, radii_m, rooms)
    away, at = ndimage.distance_transform_edt(cover == NOBODY, return_indices=True)
    near = away * raster.cell_size_m <= reach_m
    return np.where(near, cover[at[0], at[1]], NOBODY)


def _cover(
    raster: PlanRaster,
    centers_m: Float64[np.ndarray, "n 2"],
    radii_m: Float64[np.ndarray, " n"],
    rooms: Int64[np.ndarray, " n"],
) -> Int64[np.ndarray, "x y"]:
    """The room of the ball that covers a cell's middle farthest in; -1 where none does.

    A ball covers the cell of its centre, however small it is.
    """
    size_m, shape = raster.cell_size_m, raster.flags.shape
    middle = raster.cells_of(centers_m)
    reach = np.ceil(radii_m / size_m).astype(np.int64)
    deepest = np.full(shape, np.inf)
    cover = np.full(shape, NOBODY, np.int64)
    for cells in np.unique(reach).tolist():  # balls of like size at once
        chosen = np.flatnonzero(reach == cells)
        steps = np.arange(-cells, cells + 1)
        x, y = (middle[chosen, axis, None] + steps for axis in (0, 1))
        off_m = [
            (at + 0.5) * size_m + raster.lower_m[axis] - centers_m[chosen, axis, None]
            for axis, at in enumerate((x, y))
        ]
        past_m = np.hypot(off_m[0][:, :, None], off_m[1][:, None, :]) - radii_m[chosen, None, None]
        inside = past_m <= 0
        inside[:, cells, cells] = True
        inside &= ((x >= 0) & (x < shape[0]))[:, :, None] & ((y >= 0) & (y < shape[1]))[:, None]
        ball, i, j = np.nonzero(inside)
        here, depth_m = (x[ball, i], y[ball, j]), past_m[inside]
        np.minimum.at(deepest, here, depth_m)
        wins = depth_m == deepest[here]
        cover[here[0][wins], here[1][wins]] = rooms[chosen[ball[wins]]]
    return cover


def _joined(
    cells: Bool[np.ndarray, "x y"], seeds: Int64[np.ndarray, "n 2"]
) -> Bool[np.ndarray, "x y"]:
    """The parts of the cells that hold a seed, smoothed, and of them the largest."""
    parts, _ = ndimage.label(cells)
    kept = np.unique(parts[seeds[:, 0], seeds[:, 1]])
    inside = np.isin(parts, kept[kept > 0])
    smooth = ndimage.binary_opening(inside, np.ones((3, 3), bool))
    return largest_part(smooth if smooth.any() else inside)


def gaps_between_rooms(here: StoreyMap, rule: FloorPlanRule = RULE) -> list[Gap]:
    """The gaps that have one room on one side and another on the other, each once, widest first.

    Of gaps of the same rooms that overlap, as in rasters of different headings, the widest counts.
    """
    kept: list[Gap] = []
    found = list(_all_gaps(here, rule))
    for gap in sorted(found, key=lambda gap: (-gap.width_m, gap.rooms, gap.middle_m)):
        apart = [
            math.dist(gap.middle_m, other.middle_m) - (gap.width_m + other.width_m) / 2
            for other in kept
            if other.rooms == gap.rooms
        ]
        if min(apart, default=math.inf) > 0:
            kept.append(gap)
    return kept


def _all_gaps(here: StoreyMap, rule: FloorPlanRule) -> Iterator[Gap]:
    for raster, gaps in here.gaps:
        parts, count = ndimage.label(gaps, np.ones((3, 3), bool))
        solid, lintel = raster.has(SOLID), raster.has(LINTEL)
        for number, window in enumerate(ndimage.find_objects(parts, count), start=1):
            part = parts[window] == number
            for run in _open_runs(part, solid[window]):
                share = float(lintel[window][run][part[run]].mean())
                start = np.array([side.start for side in window])
                low = start + [side.start for side in run]
                high = start + [side.stop for side in run]
                gap = _gap(here, raster, low, high, share > rule.lintel_share, rule)
                if gap is not None and gap.width_m >= rule.least_m:
                    yield gap


def _open_runs(
    part: Bool[np.ndarray, "x y"], solid: Bool[np.ndarray, "x y"]
) -> Iterator[tuple[slice, slice]]:
    """Stretches of a gap that lead through the whole wall, as windows of its cells.

    The faces of a wall seen through few points have holes, none of them right through: where
    wall touches a gap's cells from across, there is no gap.
    """
    along = int(np.argmax(part.shape))
    across = np.ones((3, 1) if along == 1 else (1, 3), bool)
    blocked = (solid & ndimage.binary_dilation(part, across)).any(axis=1 - along)
    runs, _ = ndimage.label(part.any(axis=1 - along) & ~blocked)
    for (run,) in ndimage.find_objects(runs):
        rows = np.flatnonzero(np.moveaxis(part, along, 0)[run].any(axis=0))
        depth = slice(int(rows[0]), int(rows[-1]) + 1)
        yield (run, depth) if along == 0 else (depth, run)


def _gap(
    here: StoreyMap,
    raster: PlanRaster,
    low: Int64[np.ndarray, "2"],
    high: Int64[np.ndarray, "2"],
    has_lintel: bool,
    rule: FloorPlanRule,
) -> Gap | None:
    size_m = raster.cell_size_m
    along = int(np.argmax(high - low))
    middle_m = raster.lower_m + (low + high) / 2 * size_m
    across = np.zeros(2)
    across[1 - along] = (high - low)[1 - along] * size_m / 2 + rule.beside_m
    sides = [raster.frame.to_world(middle_m + sign * across) for sign in (-1, 1)]
    first, second = (here.room_at(side) for side in sides)
    if first is None or second is None or first == second:
        return None
    x, y = raster.frame.to_world(middle_m).tolist()
    heading_rad = raster.frame.heading_rad + (math.pi / 2 if along == 1 else 0.0)
    width_m = float((high - low)[along] * size_m)
    rooms = (first, second) if first < second else (second, first)
    return Gap(rooms, (x, y), width_m, heading_rad % math.pi, has_lintel)
