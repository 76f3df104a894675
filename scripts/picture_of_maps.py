"""A picture of one frame beside what runs mapped of it: docs/real_desk.jpg.

    python scripts/picture_of_maps.py SEQUENCE --frame 60 --runs ONE_CAMERA SENSOR --output FILE

The first panel is the frame's image; the others are the runs' meshes in their own colours, drawn
from where the camera was, a little higher and to the side, and dark where nothing was mapped.
"""

import argparse
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from hydra_mono.cli.sources import open_source
from hydra_mono.core.config import load_config
from hydra_mono.core.files.ply import read_ply
from hydra_mono.core.frame import Frame, Intrinsics
from hydra_mono.core.geometry import camera_rays
from hydra_mono.core.mesh import SemanticMesh
from hydra_mono.core.open3d_loader import open3d
from hydra_mono.core.source import WHAT_THERE_IS, narrow
from hydra_mono.datasets.given import given_by_flags

HEIGHT_PX = 360  # of a panel: three of them fill the width of a page
DARK = 90  # grey where there is no surface


def main() -> None:
    options = parse()
    source = open_source(
        options.sequence, options.reader, load_config(), given_by_flags(None, None)
    )
    narrow(source, WHAT_THERE_IS)
    frame = source[options.frame]
    camera = frame.intrinsics.resized(
        round(frame.intrinsics.width * HEIGHT_PX / frame.intrinsics.height), HEIGHT_PX
    )
    panels = [np.asarray(Image.fromarray(frame.rgb).resize((camera.width, camera.height)))]
    pose = moved(frame, tuple(options.move))
    for run in options.runs:
        panels.append(drawn(read_ply(run / "mesh.ply"), camera, pose))
    Image.fromarray(np.concatenate(panels, axis=1)).save(options.output, optimize=True, quality=90)
    print(options.output)


def moved(frame: Frame, move_m: tuple[float, ...]) -> np.ndarray:
    """The frame's pose, moved in axes of the camera: right, down, ahead."""
    pose = np.array(frame.world_from_camera)
    pose[:3, 3] += pose[:3, :3] @ np.array(move_m)
    return pose


def drawn(mesh: SemanticMesh, camera: Intrinsics, pose: np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    """The colours of what each pixel's ray meets first (Open3D's ray caster)."""
    o3d = open3d()
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(mesh.vertices_m.astype(np.float32), mesh.faces.astype(np.uint32))
    directions = camera_rays(camera).astype(np.float64) @ pose[:3, :3].T
    origins = np.broadcast_to(pose[:3, 3], directions.shape)
    hits = scene.cast_rays(np.concatenate([origins, directions], axis=2).astype(np.float32))
    met = np.isfinite(hits["t_hit"].numpy())
    corners = mesh.faces[hits["primitive_ids"].numpy()[met]]
    along = hits["primitive_uvs"].numpy()[met]
    weights = np.stack([1 - along.sum(axis=1), along[:, 0], along[:, 1]], axis=1)
    picture = np.full((*met.shape, 3), DARK, np.uint8)
    colors = mesh.colors[corners].astype(np.float64)
    picture[met] = np.rint(np.einsum("nc,nck->nk", weights, colors)).astype(np.uint8)
    return picture


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("sequence", metavar="SEQUENCE")
    parser.add_argument("--reader", metavar="NAME")
    parser.add_argument("--frame", type=int, default=0, metavar="N")
    parser.add_argument("--runs", type=Path, nargs="+", required=True, metavar="RUN")
    parser.add_argument(
        "--move",
        type=float,
        nargs=3,
        default=(0.1, -0.1, -0.15),
        metavar="M",
        help="right, down, ahead",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    main()
