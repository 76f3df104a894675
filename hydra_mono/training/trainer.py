# mypy: disable-error-code="no-any-return"
"""Trains a network step by step; stops and goes on at any point."""

import copy
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from hydra_mono.core.config.training import StageConfig, TrainingConfig
from hydra_mono.core.errors import HydraMonoError
from hydra_mono.core.files.atomic import write_with
from hydra_mono.perception.networks.interface import MultiTaskNetwork
from hydra_mono.perception.weights_io.checkpoint import save_network
from hydra_mono.training.data.batches import Batch
from hydra_mono.training.objective import Objective
from hydra_mono.training.optimizer import Muon, is_matrix, is_vector
from hydra_mono.training.schedule import create_schedule

logger = logging.getLogger(__name__)

STATE = "state.pt"  # everything a run needs to go on
BACKBONE = "network.backbone."  # of the objective's parameters
LARGEST_NORM = 1.0  # of a step's gradient, beyond which it is shortened; as ViTs are trained
LATEST = "latest.safetensors"  # the averaged network


class TrainingError(HydraMonoError):
    """The training cannot start or go on."""


class Trainer:
    """Owns the network, its average, the optimiser and the step; knows no data set.

    ``batches(stage, step)`` gives the batch of a step. Losses that are not finite are skipped
    and counted; too many in a row end the run.
    """

    def __init__(
        self,
        objective: Objective,
        config: TrainingConfig,
        batches: Callable[[StageConfig, int], Batch],
        folder: Path,
        device: torch.device,
    ) -> None:
        self.config, self.folder, self.device = config, folder, device
        self.schedule = create_schedule(config)
        self.objective = objective.to(device)
        self.objective.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average: MultiTaskNetwork = copy.deepcopy(self.objective.network).eval()
        self.optimizer = create_optimizer(self.objective, config)
        self._pretrained = begins_pretrained(config)
        self.step = 0
        self.skipped = 0
        self.seconds = 0.0  # of training, all starts together
        self.batches = batches
        self._coming: tuple[int, Batch] | None = None
        if config.compile:
            self.objective.compile(dynamic=False)
        self._module: nn.Module = _distributed(self.objective)
        self._scaler = torch.amp.GradScaler(device.type, enabled=config.precision == "float16")

    def resume(self) -> bool:
        """Goes on where the folder's last checkpoint was written; False where there is none.

        Raises:
            TrainingError: the checkpoint is damaged or of another network.
        """
        path = self.folder / STATE
        if not path.is_file():
            return False
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.objective.load_state_dict(state["objective"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self._scaler.load_state_dict(state["scaler"])
        except Exception as error:
            raise TrainingError(
                f"{path}: not a checkpoint of this training ({error.__class__.__name__}); "
                "use another --output, or remove it"
            ) from error
        self.step, self.skipped = int(state["step"]), int(state["skipped"])
        self.seconds = float(state["seconds"])
        return True

    def save(self) -> None:
        """Writes checkpoint and averaged network, each whole or not at all."""
        state = {
            "objective": self.objective.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "step": self.step,
            "skipped": self.skipped,
            "seconds": self.seconds,
        }
        write_with(self.folder / STATE, lambda file: torch.save(state, file))
        save_network(self.average, self.folder / LATEST, notes={"training.step": str(self.step)})

    @property
    def finished(self) -> bool:
        return self.schedule.progress(self.step, self.seconds) >= 1

    def advance(self) -> dict[str, float]:
        """One step; the losses by name, and the learning ``rate``.

        The next batch is requested before this step's numbers are waited for, so that a GPU does
        not wait either.
        """
        started = time.perf_counter()
        rate = self.schedule.rate(self.step, self.seconds)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("factor", 1.0)  # states saved before this had none
        progress = self.schedule.progress(self.step, self.seconds)
        self.objective.network.set_progress(progress)
        total, parts, norm = self._backward(self._batch(self.step))
        self._coming = (self.step + 1, self._draw(self.step + 1))
        if bool(torch.isfinite(norm)) or self._scaler.is_enabled():
            self._optimizer_step()
        else:
            self._skip()
        self.step += 1
        values = torch.stack([total, *parts.values()]).detach().float().tolist()
        self.seconds += time.perf_counter() - started
        return dict(zip(["loss", *parts, "rate"], [*values, rate], strict=True))

    def _batch(self, step: int) -> Batch:
        if self._coming and self._coming[0] == step:
            return self._coming[1]
        return self._draw(step)

    def _draw(self, step: int) -> Batch:
        return self.batches(self.schedule.stage(step), step).to(self.device)

    def _backward(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """The loss and its parts; the gradients' norm before they are clipped."""
        self._module.train()
        if self._pretrained:
            freeze_statistics(self.objective.network.get_submodule("backbone"))
        with self._autocast():
            total, parts = self._module(batch)
        self.optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(total).backward()
        self._scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.objective.parameters(), LARGEST_NORM)
        return total, parts, norm

    def _optimizer_step(self) -> None:
        self._scaler.step(self.optimizer)
        self._scaler.update()
        average_into(self.average, self.objective.network, self.config.ema, self.step)
        self.skipped = 0

    def _skip(self) -> None:
        self.skipped += 1
        logger.warning("step %d: the gradients are not finite; skipped", self.step)
        if self.skipped >= 20:
            raise TrainingError(f"step {self.step}: no finite loss in 20 steps; lower the rate")

    def _autocast(self) -> Any:
        kind = getattr(torch, self.config.precision)
        return torch.autocast(
            self.device.type, kind if kind != torch.float32 else None, enabled=kind != torch.float32
        )


def create_optimizer(module: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Muon or AdamW, as the config says; norms, biases and scales are not decayed.

    A pretrained backbone is stepped by AdamW, at a rate of its own: Muon's steps are as long in
    every direction and forget what was learned in a few hundred of them.
    """
    named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
    known: list[nn.Parameter] = []
    if begins_pretrained(config):
        known = [p for name, p in named if name.startswith(BACKBONE)]
        named = [(name, p) for name, p in named if not name.startswith(BACKBONE)]
    free = [p for _, p in named if is_vector(p)]
    matrices = [p for name, p in named if config.optimizer == "muon" and is_matrix(name, p)]
    placed = {id(p) for p in (*free, *matrices)}
    rest = [p for _, p in named if id(p) not in placed]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": config.weight_decay, "orthogonal": True},
        {"params": rest, "weight_decay": config.weight_decay},
        {"params": free},
        {"params": known, "factor": config.backbone.rate},
    ]
    return Muon([group for group in groups if group["params"]], config.learning_rate)


def begins_pretrained(config: TrainingConfig) -> bool:
    return config.backbone.name != "conv" and config.backbone.pretrained


def freeze_statistics(module: nn.Module) -> None:
    """Batch norms go by the statistics they came with: ours are of few images of two kinds."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()


@torch.no_grad()
def average_into(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Exponential moving average of all weights and running statistics, quicker at the start."""
    decay = min(decay, (1 + step) / (10 + step))
    means, values = average.state_dict(), network.state_dict()
    smooth = [name for name, mean in means.items() if mean.is_floating_point()]
    old, new = [means[name] for name in smooth], [values[name] for name in smooth]
    torch._foreach_lerp_(old, new, 1 - decay)
    for name in means.keys() - set(smooth):
        means[name].copy_(values[name])


def _distributed(module: nn.Module) -> nn.Module:
    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return module
    return DistributedDataParallel(module)


def world_rank() -> tuple[int, int]:
    """This process's number and how many there are, as ``torchrun`` says."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
