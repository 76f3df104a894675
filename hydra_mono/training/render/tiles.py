"""The nearest face along every ray, tile by tile of an image.

Seen from a camera, a plane n·X = d has the inverse depth (n·ray)/d, and an edge from corner v to
corner w lies in the plane through the camera with the normal v × w. With rays (x, y, 1) all of
these are affine in the pixel (Olano and Greer, "Triangle Scan Conversion using 2D Homogeneous
Coordinates", 1997): a face costs five sums a pixel and no clipping, and a bound over a tile is
the value in its middle plus its slopes.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32, Int32, Int64
from torch import Tensor

from hydra_mono.core.frame import Intrinsics
from hydra_mono.training.render.layers import layered
from hydra_mono.training.render.world import WorldTensors

TILE = 16  # pixels along a tile's side
SIDE = 4  # tiles along a block's side; blocks are looked at before their tiles
TOLERANCE = 2e-6  # rad that a face reaches over its edges, so that no ray slips between two
NEAREST_M = 1e-5  # a face whose plane is nearer is seen edge-on and hides nothing
BOUND_VALUES = 1 << 22  # numbers held while faces are sorted into tiles
LAYER_VALUES = {"cpu": 1 << 16, "cuda": 1 << 24}  # numbers of one face function held at a time


@dataclass(frozen=True)
class Grid:
    """An image cut into square tiles, block by block of ``SIDE`` × ``SIDE`` tiles.

    ``x``, ``y``: ray directions of a tile's columns and rows; ``tile_rect``, ``block_rect``:
    middle and half extent of tiles and blocks in the same coordinates, x y x y.
    """

    x: Float32[Tensor, "t tile"]
    y: Float32[Tensor, "t tile"]
    tile_rect: Float32[Tensor, "t 4"]
    block_rect: Float32[Tensor, "k 4"]

    @property
    def tiles(self) -> int:
        return len(self.x)

    @property
    def blocks(self) -> int:
        return len(self.block_rect)


@dataclass(frozen=True)
class SeenFaces:
    """The faces that may be seen in b views, view by view.

    ``functions``: the four edges and the inverse depth as coefficients of (x, y, 1); a pixel lies
    in the face where none is negative. ``nearest``: greatest inverse depth of the corners.
    """

    functions: Float32[Tensor, "s 5 3"]
    nearest: Float32[Tensor, " s"]
    view: Int64[Tensor, " s"]
    face: Int32[Tensor, " s"]

    def of(self, chosen: Bool[Tensor, " s"]) -> "SeenFaces":
        return SeenFaces(
            self.functions[chosen], self.nearest[chosen], self.view[chosen], self.face[chosen]
        )


def tile_grid(camera: Intrinsics, device: torch.device) -> Grid:
    """Blocks over the image; the last ones may reach beyond it."""
    x = _rays(camera.width, camera.cx, camera.fx, device)
    y = _rays(camera.height, camera.cy, camera.fy, device)
    shape = (len(y), len(x), SIDE, SIDE, TILE)
    tile_x = x[None, :, None].expand(shape).reshape(-1, TILE)
    tile_y = y[:, None, :, None].expand(shape).reshape(-1, TILE)
    block_x, block_y = (v.reshape(-1, SIDE * SIDE * TILE) for v in (tile_x, tile_y))
    return Grid(tile_x, tile_y, _rectangles(tile_x, tile_y), _rectangles(block_x, block_y))


def _rays(size: int, center: float, focal: float, device: torch.device) -> Tensor:
    """Directions along one axis of the image, by block and tile."""
    block = SIDE * TILE
    pixels = torch.arange(-(-size // block) * block, device=device, dtype=torch.float32)
    return ((pixels - center) / focal).reshape(-1, SIDE, TILE)


def _rectangles(x: Float32[Tensor, "n a"], y: Float32[Tensor, "n a"]) -> Float32[Tensor, "n 4"]:
    ends = [(v.amin(dim=1), v.amax(dim=1)) for v in (x, y)]
    middle = [(low + high) / 2 for low, high in ends]
    return torch.stack([*middle, *((high - low) / 2 for low, high in ends)], dim=1)


def nearest_faces(
    worlds: WorldTensors,
    world: Int64[Tensor, " b"],
    world_from_camera: Float32[Tensor, "b 4 4"],
    camera: Intrinsics,
) -> tuple[Float32[Tensor, "b h w"], Int32[Tensor, "b h w"]]:
    """Inverse depth (1/m, planar) and number of the nearest face; 0 and -1 where there is none.

    The building's faces go first: what lies behind them in a tile is then left out.
    """
    grid = tile_grid(camera, worlds.device)
    seen = _seen_faces(worlds, world, world_from_camera, grid)
    building = worlds.instances[world[seen.view], seen.face.long()] == 0
    size = (len(world) * grid.tiles, TILE * TILE)
    best = torch.zeros(size, device=worlds.device)
    face = torch.full(size, -1, dtype=torch.int32, device=worlds.device)
    for group in (seen.of(building), seen.of(~building)):
        tile, entry = _meetings(group, grid, best.amin(dim=1))
        _search(group, tile, entry, grid, best, face)
    return _image(best, camera), _image(face, camera)


def _seen_faces(
    worlds: WorldTensors,
    world: Int64[Tensor, " b"],
    world_from_camera: Float32[Tensor, "b 4 4"],
    grid: Grid,
) -> SeenFaces:
    functions, nearest = _face_functions(worlds, world, world_from_camera)
    whole = _rectangles(grid.x.reshape(1, -1), grid.y.reshape(1, -1))
    view, face = (_reach(functions, nearest, whole) > 0).nonzero(as_tuple=True)
    return SeenFaces(functions[view, face], nearest[view, face], view, face.int())


def _face_functions(
    worlds: WorldTensors, world: Int64[Tensor, " b"], world_from_camera: Float32[Tensor, "b 4 4"]
) -> tuple[Float32[Tensor, "b f 5 3"], Float32[Tensor, "b f"]]:
    """Edges and inverse depth of every face, and the inverse depth of its nearest corner.

    Sums are written out: a matrix product may run at lower precision on a GPU.
    """
    rotation, eye_m = world_from_camera[:, None, :3, :3], world_from_camera[:, None, :3, 3]
    from_eye = worlds.corners_m[world] - eye_m[:, :, None]
    corners = (from_eye[..., None] * rotation[:, :, None]).sum(dim=3)
    normals = (worlds.normals[world][..., None] * rotation).sum(dim=2)
    distance = worlds.offsets_m[world] - (worlds.normals[world] * eye_m).sum(dim=2)
    along = corners.roll(-1, dims=2) - corners
    edges = torch.linalg.cross(corners, along, dim=3) * distance.sign()[..., None, None]
    edges = edges / edges.norm(dim=3, keepdim=True).clamp(min=1e-12)
    usable = distance.abs() > NEAREST_M
    inverse = torch.where(usable[..., None], normals / distance[..., None], 0)
    depth = corners[..., 2].amin(dim=2)
    nearest = torch.where(depth > 0, 1 / depth, torch.inf)
    return torch.cat([edges, inverse[:, :, None]], dim=2), nearest


def _reach(
    functions: Float32[Tensor, "... 5 3"],
    nearest: Float32[Tensor, "..."],
    rectangles: Float32[Tensor, "... 4"],
) -> Float32[Tensor, "..."]:
    """Greatest inverse depth with which a face may show in a rectangle, -1 where it cannot."""
    x, y, half_x, half_y = rectangles[..., None, :].unbind(dim=-1)
    a, b, c = functions.unbind(dim=-1)
    bound = (c + a.abs() * half_x + b.abs() * half_y) + a * x + b * y
    inside = bound[..., :4].amin(dim=-1) >= -TOLERANCE
    return torch.where(inside, torch.minimum(bound[..., 4], nearest), -1)


def _meetings(
    seen: SeenFaces, grid: Grid, hidden_at: Float32[Tensor, " t"]
) -> tuple[Int64[Tensor, " p"], Int64[Tensor, " p"]]:
    """Pairs of a tile (of all views) and a face that may show in it, by tile, then by face.

    What is not nearer than a tile's ``hidden_at`` is left out.
    """
    at_once = max(BOUND_VALUES // (15 * grid.blocks), 1)
    every = torch.arange(len(seen.face), device=hidden_at.device)
    pieces = [_meetings_of(part, seen, grid, hidden_at) for part in torch.split(every, at_once)]
    pairs = torch.cat(pieces, dim=1)
    order = pairs[0].argsort(stable=True)
    return pairs[0][order], pairs[1][order]


def _meetings_of(
    entries: Int64[Tensor, " n"], seen: SeenFaces, grid: Grid, hidden_at: Float32[Tensor, " t"]
) -> Int64[Tensor, "2 p"]:
    """Tiles, and which of ``entries`` may show there: first by blocks, then within them."""
    functions, nearest, view = seen.functions[entries], seen.nearest[entries], seen.view[entries]
    hidden = hidden_at.reshape(-1, grid.blocks, SIDE * SIDE)
    reach = _reach(functions[:, None], nearest[:, None], grid.block_rect)
    row, block = (reach > hidden.amin(dim=2)[view]).nonzero(as_tuple=True)
    rect = grid.tile_rect.reshape(grid.blocks, SIDE * SIDE, 4)[block]
    reach = _reach(functions[row, None], nearest[row, None], rect)
    pair, tile = (reach > hidden[view[row], block]).nonzero(as_tuple=True)
    row, block = row[pair], block[pair]
    return torch.stack([(view[row] * grid.blocks + block) * SIDE**2 + tile, entries[row]])


def _search(
    seen: SeenFaces,
    tile: Int64[Tensor, " p"],
    entry: Int64[Tensor, " p"],
    grid: Grid,
    best: Float32[Tensor, "t px"],
    face: Int32[Tensor, "t px"],
) -> None:
    """Puts nearer faces into ``best`` and ``face``, in place; of equals the first stays."""
    at_once = max(LAYER_VALUES.get(best.device.type, 1 << 20) // (TILE * TILE), 1)
    for group in layered(tile, len(best), at_once):
        place, inverse, number = group.owner % grid.tiles, best[group.owner], face[group.owner]
        for n, pairs, valid in group.layers():
            chosen = entry[pairs]
            x, y = grid.x[place[:n], None], grid.y[place[:n], None]
            values, which = _nearest(seen.functions[chosen], valid, x, y)
            better = values > inverse[:n]
            inverse[:n] = torch.where(better, values, inverse[:n])
            number[:n] = torch.where(better, seen.face[chosen].gather(1, which), number[:n])
        best[group.owner], face[group.owner] = inverse, number


def _nearest(
    functions: Float32[Tensor, "n l 5 3"],
    valid: Bool[Tensor, "n l"],
    x: Float32[Tensor, "n 1 tile"],
    y: Float32[Tensor, "n 1 tile"],
) -> tuple[Float32[Tensor, "n px"], Int64[Tensor, "n px"]]:
    """Per pixel the greatest inverse depth of l faces, 0 where none is hit, and which it is."""
    a, b, c = functions[..., None].unbind(dim=3)
    along_x = a * x[:, :, None] + c
    along_y = b * y[:, :, None]
    least = along_y[:, :, 0, :, None] + along_x[:, :, 0, None]
    for edge in (1, 2, 3):
        torch.minimum(least, along_y[:, :, edge, :, None] + along_x[:, :, edge, None], out=least)
    inverse = along_y[:, :, 4, :, None] + along_x[:, :, 4, None]
    hit = (least >= -TOLERANCE) & valid[..., None, None]
    inverse = torch.where(hit, inverse, 0).flatten(2)
    if inverse.shape[1] == 1:
        return inverse[:, 0], torch.zeros_like(inverse[:, 0], dtype=torch.int64)
    return inverse.max(dim=1)


def _image(tiles: Tensor, camera: Intrinsics) -> Tensor:
    """Images of all views from their tiles, without what reaches beyond the image."""
    rows, columns = (-(-size // (SIDE * TILE)) for size in (camera.height, camera.width))
    whole = tiles.reshape(-1, rows, columns, SIDE, SIDE, TILE, TILE)
    whole = whole.permute(0, 1, 3, 5, 2, 4, 6)
    whole = whole.reshape(-1, rows * SIDE * TILE, columns * SIDE * TILE)
    return whole[:, : camera.height, : camera.width]
