# mypy: disable-error-code="no-any-return"
"""From a batch to one number: the network, its losses, their weights."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.core.config.training import LossConfig
from hydra_mono.perception.losses import dense as losses
from hydra_mono.perception.losses.task_weights import create_weighting
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.interface import MultiTaskNetwork, TaskMaps
from hydra_mono.training.data.batches import Batch


class Objective(nn.Module):
    """The network with everything that is trained along with it."""

    def __init__(
        self,
        network: MultiTaskNetwork,
        config: LossConfig,
        class_weight: Float[Tensor, " k"] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.config = config
        tasks = {name: getattr(config, name) for name in network.tasks}
        self.weighting = create_weighting(config.weighting, tasks)
        self.class_weight: Tensor | None
        self.register_buffer("class_weight", class_weight)

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The total, and each loss by name."""
        size = (batch.labels.shape[1], batch.labels.shape[2])
        maps = self.network.training_maps(batch.image, size)
        found = enlarged(maps.final, size)
        tasks = self._tasks(found, batch)
        for earlier in maps.auxiliary:
            for name, value in self._tasks(enlarged(earlier, size), batch).items():
                tasks[name] = tasks[name] + value
        ties = self._ties(found, batch)
        tied = [getattr(self.config, name) * value for name, value in ties.items()]
        return self.weighting(tasks) + sum(tied), {**tasks, **ties}

    def _tasks(self, found: TaskMaps, batch: Batch) -> dict[str, Tensor]:
        """The loss of each task that the network has."""
        config = self.config
        depth = losses.depth_loss if config.depth_form == "silog" else losses.berhu_loss
        known: dict[str, Callable[[Tensor], Tensor]] = {
            "depth": lambda maps: depth(maps, batch.depth_m),
            "semantics": lambda maps: losses.semantic_loss(maps, batch.labels, self.class_weight),
            "normals": lambda maps: losses.normal_loss(maps, batch.normals),
            "edges": lambda maps: losses.edge_loss(
                maps, batch.edges, batch.edges_known, positive_weight=config.edge_positive
            ),
        }
        return {task: known[task](maps) for task, maps in found.items()}

    def _ties(self, found: TaskMaps, batch: Batch) -> dict[str, Tensor]:
        """Losses that hold tasks to one another, of the tasks that the network has."""
        ties = {}
        if "depth" in found:
            ties["depth_gradient"] = losses.depth_gradient_loss(found["depth"], batch.depth_m)
        if {"depth", "normals"} <= found.keys():
            smooth = (batch.edges == 0) & batch.edges_known & (batch.depth_m > 0)
            ties["depth_normal"] = losses.depth_normal_consistency(
                found["depth"], found["normals"], batch.camera, smooth
            )
        if {"edges", "semantics"} <= found.keys():
            logits = found["semantics"]
            edges = resized(found["edges"], (logits.shape[2], logits.shape[3]))
            ties["edge_semantic"] = losses.edge_semantic_consistency(edges, logits)
        return ties


def enlarged(own: TaskMaps, size: tuple[int, int]) -> TaskMaps:
    """All maps at ``size``, in full precision, but the semantics: their many channels would cost
    the most."""
    maps = {
        task: values.float() if task == "semantics" else resized(values.float(), size)
        for task, values in own.items()
    }
    return _with_unit_normals(maps)


def maps_at(
    network: MultiTaskNetwork, image: Float[Tensor, "b 3 h w"], size: tuple[int, int]
) -> TaskMaps:
    """The network's maps at another size than the image's, in full precision."""
    final = network.training_maps(image, size).final
    return _with_unit_normals({task: resized(x, size).float() for task, x in final.items()})


def _with_unit_normals(maps: TaskMaps) -> TaskMaps:
    if "normals" not in maps:
        return maps
    return maps | {"normals": nn.functional.normalize(maps["normals"], dim=1)}


def balanced_class_weight(
    counts: Float[Tensor, " k"], balance: float, *, largest: float = 6.0
) -> Float[Tensor, " k"]:
    """Weights share^(−balance) of the classes, 1 in the mean over pixels, cut to ``largest``."""
    share = counts / counts.sum().clamp(min=1)
    weight = torch.where(share > 0, share.clamp(min=1e-7) ** -balance, torch.zeros(()))
    weight = weight / (weight * share).sum().clamp(min=1e-9)
    return weight.clamp(max=largest)
