# mypy: disable-error-code="no-any-return"
"""From a batch to one number: the network, its losses, their weights."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.core.config.training import LossConfig
from hydra_mono.perception.losses import dense as losses
from hydra_mono.perception.losses.task_weights import create_weighting
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.m2h import M2H, Maps
from hydra_mono.training.data.batches import Batch

TASKS = ("depth", "semantics", "normals", "edges")


class Objective(nn.Module):
    """The network with everything that is trained along with it."""

    def __init__(
        self, network: M2H, config: LossConfig, class_weight: Float[Tensor, " k"] | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self.config = config
        tasks = {name: getattr(config, name) for name in TASKS}
        self.weighting = create_weighting(config.weighting, tasks)
        self.class_weight: Tensor | None
        self.register_buffer("class_weight", class_weight)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The total, and each loss by name."""
        size = (batch.labels.shape[1], batch.labels.shape[2])
        own = self.network.mlt_head.own_maps(self.network.backbone(batch.image), size)
        found = enlarged(Maps(*(maps.float() for maps in own)), size)
        tasks = self._tasks(found, batch)
        ties = self._ties(found, batch)
        tied = [getattr(self.config, name) * value for name, value in ties.items()]
        return self.weighting(tasks) + sum(tied), {**tasks, **ties}

    def _tasks(self, found: Maps, batch: Batch) -> dict[str, Tensor]:
        depth = losses.depth_loss if self.config.depth_form == "silog" else losses.berhu_loss
        return {
            "depth": depth(found.depth_m, batch.depth_m),
            "semantics": losses.semantic_loss(found.semantics, batch.labels, self.class_weight),
            "normals": losses.normal_loss(found.normals, batch.normals),
            "edges": losses.edge_loss(
                found.edges,
                batch.edges,
                batch.edges_known,
                positive_weight=self.config.edge_positive,
            ),
        }

    def _ties(self, found: Maps, batch: Batch) -> dict[str, Tensor]:
        smooth = (batch.edges == 0) & batch.edges_known & (batch.depth_m > 0)
        return {
            "depth_gradient": losses.depth_gradient_loss(found.depth_m, batch.depth_m),
            "depth_normal": losses.depth_normal_consistency(
                found.depth_m, found.normals, batch.camera, smooth
            ),
            "edge_semantic": losses.edge_semantic_consistency(
                resized(found.edges, (found.semantics.shape[2], found.semantics.shape[3])),
                found.semantics,
            ),
        }


def enlarged(own: Maps, size: tuple[int, int]) -> Maps:
    """All maps at ``size`` but the semantics, whose many channels would cost the most."""
    depth_m, semantics, normals, edges = own
    normals = nn.functional.normalize(resized(normals, size), dim=1)
    return Maps(resized(depth_m, size), semantics, normals, resized(edges, size))


def maps_at(network: M2H, image: Float[Tensor, "b 3 h w"], size: tuple[int, int]) -> Maps:
    """The network's maps at another size than the image's, in full precision."""
    found = network.mlt_head(network.backbone(image), size)
    normals = nn.functional.normalize(found.normals.float(), dim=1)
    return Maps(found.depth_m.float(), found.semantics.float(), normals, found.edges.float())


def balanced_class_weight(
    counts: Float[Tensor, " k"], balance: float, *, largest: float = 6.0
) -> Float[Tensor, " k"]:
    """Weights share^(−balance) of the classes, 1 in the mean over pixels, cut to ``largest``."""
    share = counts / counts.sum().clamp(min=1)
    weight = torch.where(share > 0, share.clamp(min=1e-7) ** -balance, torch.zeros(()))
    weight = weight / (weight * share).sum().clamp(min=1e-9)
    return weight.clamp(max=largest)
