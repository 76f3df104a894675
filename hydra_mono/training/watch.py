"""What a training tells of itself: two CSV files, and curves and pictures in rerun."""

import csv
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hydra_mono.core.labels import load_label_space
from hydra_mono.training.data.batches import Batch
from hydra_mono.training.objective import maps_at
from hydra_mono.training.trainer import Trainer
from hydra_mono.training.validation import quick_validation

logger = logging.getLogger(__name__)

LOG = "log.csv"
VALIDATION_LOG = "validation.csv"
SHOWN = 4  # images of a batch
FARTHEST_M = 6.0  # white in pictures of depth


class Watcher:
    """Logs every step and every validation into the run's folder."""

    def __init__(self, folder: Path, *, record: bool) -> None:
        self._folder = folder
        self._recording = Recording(folder) if record else None

    def log_step(self, step: int, values: dict[str, float]) -> None:
        append_row(self._folder / LOG, {"step": step, **values})
        if self._recording:
            self._recording.log_values(step, values)

    def log_validation(self, trainer: Trainer, batches: dict[str, list[Batch]]) -> None:
        """Scores of the averaged network on held-back batches, and pictures of the first."""
        scores: dict[str, float] = {}
        for name, held in batches.items():
            held = [batch.to(trainer.device) for batch in held]
            found = quick_validation(trainer.average, held)
            scores |= {f"{name}.{key}": value for key, value in found.items()}
            if self._recording:
                self._recording.log_images(trainer, held[0], name)
        row = {"step": trainer.step, "seconds": round(trainer.seconds, 1), **scores}
        append_row(self._folder / VALIDATION_LOG, row)
        if self._recording:
            self._recording.log_values(trainer.step, scores)
        logger.info("%s", row)

    def close(self) -> None:
        if self._recording:
            self._recording.close()


class Recording:
    """A rerun recording; every start of a run writes one of its own."""

    def __init__(self, folder: Path) -> None:
        import rerun

        self._rerun: Any = rerun
        self._stream = rerun.RecordingStream("hydra_mono_training")
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob("training_*.rrd")))
        self._stream.save(folder / f"training_{number}.rrd")
        self._palette = load_label_space("nyu40").palette

    def log_values(self, step: int, values: dict[str, float]) -> None:
        self._stream.set_time("step", sequence=step)
        for name, value in values.items():
            self._stream.log(f"curves/{name.replace('.', '/')}", self._rerun.Scalars(value))

    def log_images(self, trainer: Trainer, batch: Batch, name: str) -> None:
        """Depth, labels, normals and edges of a few images, truth below prediction."""
        size = (batch.labels.shape[1], batch.labels.shape[2])
        with torch.inference_mode():
            found = maps_at(trainer.average, batch.image[:SHOWN], size)
        labels = torch.cat([found["semantics"][:, 1:].argmax(1) + 1, batch.labels[:SHOWN]], 1)
        pictures = {
            "depth": _grey(found["depth"] / FARTHEST_M, batch.depth_m / FARTHEST_M),
            "labels": self._palette[labels.cpu().numpy()],
            "normals": _colored(found["normals"], batch.normals),
            "edges": _grey(found["edges"].sigmoid(), batch.edges),
        }
        self._stream.set_time("step", sequence=trainer.step)
        for kind, images in pictures.items():
            strip = np.concatenate(list(images), axis=1)
            self._stream.log(f"{name}/{kind}", self._rerun.Image(strip))

    def close(self) -> None:
        self._stream.flush()


def append_row(path: Path, row: dict[str, float]) -> None:
    """Adds a line to a CSV file; the first one also names the columns."""
    fresh = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(row)
        writer.writerow([f"{value:.6g}" for value in row.values()])


def _grey(found: Float[Tensor, "b 1 h w"], truth: Float[Tensor, "b 1 h w"]) -> np.ndarray:
    both = torch.cat([found, truth[: len(found)]], 2)[:, 0]
    return np.asarray((both.clamp(0, 1) * 255).byte().cpu().numpy())


def _colored(found: Float[Tensor, "b 3 h w"], truth: Float[Tensor, "b 3 h w"]) -> np.ndarray:
    both = torch.cat([found, truth[: len(found)]], 2).permute(0, 2, 3, 1)
    return np.asarray(((both + 1) * 127.5).clamp(0, 255).byte().cpu().numpy())
