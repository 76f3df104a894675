"""The truth of another camera's view of a scene, for what is rendered from there."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from hydra_mono.perception.losses.dense import rays_of
from hydra_mono.training.data.crops import Crop
from hydra_mono.training.data.shots import SecondShot, Shot
from hydra_mono.training.samples import NO_EDGE_KNOWN

BEHIND = 1.05  # of the depth that the image's camera sees there: pixels of half size, slopes
Truth = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class SecondView:
    """As in ``Batch``, of another camera, without its image.

    ``first_from_second``: from its camera's axes to the image's; lengths are those of canonical
    depth, so that it scales where the two cameras' focal lengths differ.
    """

    depth_m: Float[Tensor, "*b 1 th tw"]
    labels: Int64[Tensor, "*b th tw"]
    normals: Float[Tensor, "*b 3 th tw"]
    edges: Float[Tensor, "*b 1 th tw"]
    edges_known: Bool[Tensor, "*b 1 th tw"]
    camera: Float[Tensor, "*b 4"]
    first_from_second: Float[Tensor, "*b 4 4"]

    def to(self, device: torch.device) -> "SecondView":
        moved = (getattr(self, f.name).to(device, non_blocking=True) for f in fields(self))
        return SecondView(*moved)

    def turned(self, turn: Float[Tensor, "3 3"]) -> "SecondView":
        """The image's camera is turned: from its old axes to its new ones."""
        whole = torch.eye(4)
        whole[:3, :3] = turn
        return replace(self, first_from_second=whole @ self.first_from_second)


def stacked(views: "list[SecondView | None]") -> SecondView | None:
    """One batch of them; None where an image has none."""
    known = [view for view in views if view is not None]
    if len(known) < len(views):
        return None
    values = (torch.stack([getattr(v, f.name) for v in known]) for f in fields(SecondView))
    return SecondView(*values)


def cut_truth(
    shot: Shot | SecondShot, crop: Crop, size: tuple[int, int], focal_per_width: float
) -> Truth:
    """Depth for the canonical focal length, labels, normals, edges, where those are known, and
    the camera (fx, fy, cx, cy) of the cut.

    Scaling divides depth, flips mirror normals, the camera follows.
    """
    camera = crop.camera(shot.camera, size)
    scale = focal_per_width * size[1] / camera.fx
    depth = crop.picked(shot.depth_m, size).astype(np.float32) * np.float32(scale)
    normals = crop.picked(shot.normals, size).astype(np.float32) / 127
    if crop.flip:
        normals[..., 0] *= -1
    edges = crop.marked(shot.edges, size)
    return (
        torch.from_numpy(depth)[None],
        torch.from_numpy(crop.picked(shot.labels, size).astype(np.int64)),
        torch.from_numpy(normals).permute(2, 0, 1),
        torch.from_numpy((edges == 1).astype(np.float32))[None],
        torch.from_numpy(edges != NO_EDGE_KNOWN)[None],
        torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy]),
    )


def cut_second(
    shot: Shot, crop: Crop, size: tuple[int, int], focal_per_width: float
) -> SecondView | None:
    """The second view of an image of which ``crop`` is cut: as much of it as has the same
    proportions, mirrored as the image is."""
    if shot.second is None:
        return None
    other = shot.second
    largest = _middle(other.camera.width, other.camera.height, size[1] / size[0], crop.flip)
    truth = cut_truth(other, largest, size, focal_per_width)
    own = crop.camera(shot.camera, size)
    pose = _canonical(
        other.first_from_second,
        focal_per_width * size[1] / own.fx,
        focal_per_width * size[1] / float(truth[5][0]),
        crop.flip,
    )
    return SecondView(*truth, torch.from_numpy(pose))


def _middle(width: int, height: int, aspect: float, flip: bool) -> Crop:
    """The largest crop of these proportions (width by height) about the middle."""
    wide = min(float(width), height * aspect)
    high = wide / aspect
    return Crop((width - wide) / 2, (height - high) / 2, wide, high, flip)


def _canonical(
    first_from_second: Float64[np.ndarray, "4 4"], first: float, second: float, flip: bool
) -> np.ndarray:
    """A pose in metres, between points whose depths were scaled by ``first`` and ``second``."""
    pose = np.array(first_from_second, np.float64)
    if flip:
        mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
        pose = mirror @ pose @ mirror
    pose[:3, :3] *= first / second
    pose[:3, 3] *= first
    return pose.astype(np.float32)


def seen_by_both(
    second: SecondView, first_depth_m: Float[Tensor, "b 1 th tw"], first: Float[Tensor, "b 4"]
) -> SecondView:
    """Without the truth of what the image's camera does not see: what lies outside its image or
    behind a surface there nobody can know. ``first``: fx, fy, cx, cy of its truth's pixels."""
    height, width = int(first_depth_m.shape[2]), int(first_depth_m.shape[3])
    points = second.depth_m * rays_of(second.camera, (height, width))  # b 3 h w
    turn, origin = second.first_from_second[:, :3, :3], second.first_from_second[:, :3, 3]
    own = torch.einsum("bij,bjhw->bihw", turn, points) + origin[:, :, None, None]
    z = own[:, 2].clamp(min=1e-6)  # behind the camera: far outside the image
    fx, fy, cx, cy = (value[:, None, None] for value in first.unbind(1))
    u, v = (fx * own[:, 0] / z + cx).round(), (fy * own[:, 1] / z + cy).round()
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height) & (own[:, 2] > 0)
    farthest = torch.nn.functional.max_pool2d(first_depth_m, 3, stride=1, padding=1)[:, 0]
    at = (v.clamp(0, height - 1) * width + u.clamp(0, width - 1)).long().flatten(1)
    limit = BEHIND * farthest.flatten(1).gather(1, at).view_as(z)
    seen = (inside & (z <= limit) & (second.depth_m[:, 0] > 0))[:, None]
    return replace(
        second,
        depth_m=second.depth_m * seen,
        labels=second.labels * seen[:, 0],
        normals=second.normals * seen,
        edges_known=second.edges_known & seen,
    )
