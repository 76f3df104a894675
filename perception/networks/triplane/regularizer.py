# mypy: disable-error-code="no-any-return,no-untyped-call"
"""A regularizer of the shared features: every task is rendered from a volume made of them.

Li et al., *Multi-task Learning with 3D-Aware Regularization*, ICLR 2024: the shared features become
three planes of features (xy, xz, yz; Chan et al., EG3D, CVPR 2022); a point's features are the sum
of what it projects to; small perceptrons give its density, and a vector a task; rays orthogonal to
the image integrate these (volume rendering). The rendered maps are supervised like the network's
own. Where another camera's view of the same scene is known with its pose, the volume is rendered
from there, too, and supervised by the truth of that view (the paper's second setting). Used in
training only: the network does not know of it.

The paper gives no sizes; those here are ours. b images; s samples along a ray; n rays.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.interface import TaskMaps
from hydra_mono.perception.networks.methods.blocks import conv_block
from hydra_mono.perception.networks.methods.pyramid import with_meaning
from hydra_mono.perception.networks.triplane.rays import (
    FAR_M,
    Cameras,
    orthogonal_rays,
    rays_of_another_camera,
)

PLANES = ((0, 1), (0, 2), (1, 2))  # the axes of each: xy, xz, yz


@dataclass(frozen=True)
class TriplaneRule:
    """All sizes are ours; the volume is the cube from −1 to 1."""

    channels: int = 32  # of a plane, as EG3D has
    hidden: int = 64  # of the perceptrons, as EG3D has
    samples: int = 16  # along a ray; EG3D has 48 and 48, at a hundred times the cost of ours
    stride: int = 8  # of the rendered maps: the paper's 56×72 of 448×576
    weight: float = 1.0  # α of its losses; the paper cross-validated its own and names none
    second_weight: float = 1.0  # α′ of those of another camera's view; likewise


RULE = TriplaneRule()


class TriplaneRegularizer(nn.Module):
    """From the backbone's maps to a rendered map a task."""

    def __init__(
        self, widths: tuple[int, ...], tasks: Mapping[str, int], rule: TriplaneRule = RULE
    ) -> None:
        super().__init__()
        self.rule, self.weight = rule, rule.weight
        c, hidden = rule.channels, rule.hidden
        self.encode = nn.Sequential(
            conv_block(sum(widths), hidden, 3), conv_block(hidden, hidden, 3)
        )
        self.planes = nn.Conv2d(hidden, 3 * c, 1)
        self.density = perceptron(c, hidden, 1)
        self.tasks = nn.ModuleDict({task: perceptron(c, hidden, n) for task, n in tasks.items()})

    def forward(self, shared: tuple[Tensor, ...]) -> TaskMaps:
        """``shared``: the backbone's maps, finest first, the first of them at stride 4."""
        return self.seen(self.volume(shared))

    def volume(self, shared: tuple[Tensor, ...]) -> Float[Tensor, "b 3 c h w"]:
        """The three planes; h and w are those of the rendered maps, too."""
        height, width = (
            max(1, int(extent) * 4 // self.rule.stride) for extent in shared[0].shape[2:]
        )
        maps = torch.cat([resized(x, (height, width)) for x in shared], dim=1)
        planes: Tensor = self.planes(self.encode(maps)).unflatten(1, (3, -1))
        return planes

    def seen(self, planes: Float[Tensor, "b 3 c h w"]) -> TaskMaps:
        """From the image's own camera."""
        size = (int(planes.shape[3]), int(planes.shape[4]))
        points, spacing = orthogonal_rays(size, self.rule.samples, self.training, planes)
        features = sampled(planes, points)  # b n s c
        weights = ray_weights(self._density(features), spacing)
        return with_meaning(self._summed(features, weights, size))

    def seen_from(self, planes: Float[Tensor, "b 3 c h w"], cameras: Cameras) -> TaskMaps:
        """From another camera; what lies outside the volume is empty.

        The perceptrons speak for the image's camera: normals are turned into the other's axes,
        and its depth is where its rays end, for what a perceptron gives is depth from here.
        """
        size = (int(planes.shape[3]), int(planes.shape[4]))
        rays = rays_of_another_camera(cameras, size, self.rule.samples, self.training, planes)
        features = sampled(planes, rays.points)
        weights = ray_weights(self._density(features) * rays.inside, rays.spacing)
        own = with_meaning(self._summed(features, weights, size))
        if "depth" in own:
            ended = (weights * rays.depth_m).sum(2) + (1 - weights.sum(2)) * FAR_M  # b n
            own["depth"] = ended[:, None].unflatten(2, size)
        if "normals" in own:
            turn = cameras.first_from_second[:, :3, :3]
            own["normals"] = torch.einsum("bij,bihw->bjhw", turn, own["normals"])
        return own

    def _density(self, features: Float[Tensor, "b n s c"]) -> Float[Tensor, "b n s"]:
        return F.softplus(self.density(features))[..., 0]

    def _summed(self, features: Tensor, weights: Tensor, size: tuple[int, int]) -> TaskMaps:
        """What each perceptron says of the samples, by their weights along the rays."""
        own = {}
        for task, layer in self.tasks.items():
            summed = (weights[..., None] * layer(features)).sum(2)  # b n k
            own[task] = summed.transpose(1, 2).unflatten(2, size)
        return own


def perceptron(c_in: int, hidden: int, c_out: int) -> nn.Sequential:
    """One hidden layer with softplus, as EG3D decodes its planes."""
    return nn.Sequential(nn.Linear(c_in, hidden), nn.Softplus(), nn.Linear(hidden, c_out))


def sampled(
    planes: Float[Tensor, "b 3 c h w"], points: Float[Tensor, "*images n s 3"]
) -> Float[Tensor, "b n s c"]:
    """The sum of what the points project to on the three planes."""
    total = planes.new_zeros(())
    for index, axes in enumerate(PLANES):
        grid = points[..., axes].expand(len(planes), -1, -1, -1)  # b n s 2
        found = F.grid_sample(planes[:, index], grid, padding_mode="border", align_corners=False)
        total = total + found
    return total.permute(0, 2, 3, 1)


def ray_weights(
    density: Float[Tensor, "b n s"], spacing: Float[Tensor, "*rays s"]
) -> Float[Tensor, "b n s"]:
    """w_i = a_i Π_{j<i} (1 − a_j) with a_i = 1 − exp(−σ_i δ_i) (Max, 1995).

    They sum to 1 at most.
    """
    opacity = density * spacing
    before = opacity.cumsum(2) - opacity  # of the samples in front
    return (-before).exp() * (1 - (-opacity).exp())
