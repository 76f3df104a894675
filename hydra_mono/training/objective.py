# mypy: disable-error-code="no-any-return"
"""From a batch to one number: the network, its losses, their weights."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydra_mono.core.config.training import LossConfig
from hydra_mono.perception.losses import dense as losses
from hydra_mono.perception.losses import discrete
from hydra_mono.perception.losses.other_tasks import LOSSES
from hydra_mono.perception.losses.pairs import pair_loss
from hydra_mono.perception.losses.task_weights import create_weighting
from hydra_mono.perception.networks.heads import resized
from hydra_mono.perception.networks.interface import MultiTaskNetwork, TaskMaps, TrainingMaps
from hydra_mono.perception.networks.triplane.rays import Cameras
from hydra_mono.perception.networks.triplane.regularizer import TriplaneRegularizer
from hydra_mono.training.data.batches import Batch
from hydra_mono.training.data.second_view import SecondView, seen_by_both

EDGE_WEIGHT = 0.8  # of edge pixels in auxiliary heads where the config balances by share; ATRC's


class Objective(nn.Module):
    """The network with everything that is trained along with it.

    ``regularizer``: renders every task from the backbone's maps; of no use after training.
    """

    def __init__(
        self,
        network: MultiTaskNetwork,
        config: LossConfig,
        class_weight: Float[Tensor, " k"] | None = None,
        regularizer: TriplaneRegularizer | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.config = config
        tasks = {name: getattr(config, name, 1.0) for name in network.tasks}
        self.weighting = create_weighting(config.weighting, tasks)
        self.class_weight: Tensor | None
        self.register_buffer("class_weight", class_weight)
        self.regularizer = regularizer

    def forward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The total, and each loss by name."""
        size = batch_size(batch)
        maps = self.network.training_maps(batch.image, size)
        found = enlarged(maps.final, size)
        tasks = self._tasks(found, batch)
        for other, weight, truth in self._supervised(maps, batch):
            for name, value in self._tasks(enlarged(other, size), truth).items():
                tasks[name] = tasks[name] + weight * value
        for name, logits in (maps.discrete or {}).items():
            tasks[name] = tasks[name] + self._discrete(name, logits.float(), batch)
        ties = self._ties(found, batch)
        tied = [getattr(self.config, name) * value for name, value in ties.items()]
        total = self.weighting(tasks) + sum(tied)
        if maps.penalty is not None:
            total = total + maps.penalty
        if maps.alike is not None:
            ties["pairs"] = self._pairs(maps.alike, batch)
            total = total + maps.alike_weight * ties["pairs"]
        return total, {**tasks, **ties}

    def _supervised(
        self, maps: TrainingMaps, batch: Batch
    ) -> list[tuple[TaskMaps, float, Batch | SecondView]]:
        """Other predictions of the tasks, how much they count, and their truth."""
        weights = maps.weights or (1.0,) * len(maps.auxiliary)
        found: list[tuple[TaskMaps, float, Batch | SecondView]] = [
            (maps, weight, batch) for maps, weight in zip(maps.auxiliary, weights, strict=True)
        ]
        if self.regularizer is not None:
            found += self._rendered(self.regularizer, maps.shared, batch)
        return found

    def _rendered(
        self, regularizer: TriplaneRegularizer, shared: tuple[Tensor, ...], batch: Batch
    ) -> list[tuple[TaskMaps, float, Batch | SecondView]]:
        """The regularizer's maps, of another camera as well where the batch knows one."""
        planes, rule = regularizer.volume(shared), regularizer.rule
        found: list[tuple[TaskMaps, float, Batch | SecondView]] = [
            (regularizer.seen(planes), regularizer.weight, batch)
        ]
        if batch.second is not None:
            truth = seen_by_both(batch.second, batch.depth_m, batch.camera)
            pose, size = truth.first_from_second, batch_size(batch)
            cameras = Cameras(batch.camera, truth.camera, pose, size)
            found.append((regularizer.seen_from(planes, cameras), rule.second_weight, truth))
        return found

    def _tasks(self, found: TaskMaps, batch: Batch | SecondView) -> dict[str, Tensor]:
        """The loss of each task that the network has."""
        config, others = self.config, batch.others if isinstance(batch, Batch) else {}
        depth = losses.depth_loss if config.depth_form == "silog" else losses.berhu_loss
        known: dict[str, Callable[[Tensor], Tensor]] = {
            "depth": lambda maps: depth(maps, batch.depth_m),
            "semantics": lambda maps: losses.semantic_loss(maps, batch.labels, self.class_weight),
            "normals": lambda maps: losses.normal_loss(maps, batch.normals),
            "edges": lambda maps: losses.edge_loss(
                maps, batch.edges, batch.edges_known, positive_weight=config.edge_positive
            ),
        }
        return {
            task: known[task](maps) if task in known else LOSSES[task](maps, others[task])
            for task, maps in found.items()
        }

    def _discrete(self, task: str, logits: Tensor, batch: Batch) -> Tensor:
        """The loss of a head that tells a task's value as one of a few classes."""
        classes = logits.shape[1]
        if task == "semantics":
            found = enlarged({task: logits}, batch_size(batch))[task]
            return losses.semantic_loss(found, batch.labels, self.class_weight)
        if task == "depth":
            return discrete.discrete_loss(logits, discrete.depth_bins(batch.depth_m, classes))
        if task == "normals":
            clusters = discrete.normal_clusters(batch.normals, classes)
            return discrete.discrete_loss(logits, clusters)
        if task == "edges":
            weight = self.config.edge_positive or EDGE_WEIGHT
            return discrete.edge_class_loss(
                logits, batch.edges, batch.edges_known, positive_weight=weight
            )
        return LOSSES[task](resized(logits, batch_size(batch)), batch.others[task])

    def _pairs(self, features: TaskMaps, batch: Batch) -> Tensor:
        """The loss on pairs of pixels, of the tasks that know what makes two alike."""
        truth = {
            "semantics": batch.labels[:, None],
            "depth": batch.depth_m,
            "normals": batch.normals,
        }
        values = [
            pair_loss(features[task], task, truth[task]) for task in truth if task in features
        ]
        return torch.stack(values).sum() if values else batch.depth_m.new_zeros(())

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


def batch_size(batch: Batch) -> tuple[int, int]:
    """Height and width of the truth."""
    return batch.labels.shape[1], batch.labels.shape[2]


def enlarged(own: TaskMaps, size: tuple[int, int]) -> TaskMaps:
    """All maps at ``size``, in full precision, but the semantics where their loss takes them as
    they are: their many channels would cost the most."""
    maps = {
        task: values.float()
        if task == "semantics" and _divides(values, size)
        else resized(values.float(), size)
        for task, values in own.items()
    }
    return _with_unit_normals(maps)


def _divides(values: Tensor, size: tuple[int, int]) -> bool:
    """Whether ``size`` is a whole number of times that of the map."""
    return size[0] % int(values.shape[2]) == 0 and size[1] % int(values.shape[3]) == 0


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
