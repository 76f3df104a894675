"""``hydra-mono train``: the compact network from simulated worlds and photographs."""

import argparse
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hydra_mono.core.config import Config, dump_config, load_config
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.files.atomic import write_text
from hydra_mono.core.stop import stop_request


def train(options: argparse.Namespace) -> int:
    """Trains until the schedule ends or Ctrl-C; the same command again goes on."""
    import torch

    from hydra_mono.perception.networks.m2h_config import COMPACTS
    from hydra_mono.training import run
    from hydra_mono.training.trainer import LATEST, world_rank
    from hydra_mono.training.watch import Watcher

    config = load_config(
        None if options.config is None else Path(options.config), tuple(options.set)
    )
    folder = Path(options.output)
    device = _join_group(chosen_device(options.device))
    network = COMPACTS[config.training.backbone.name]
    images = network.input_spec()
    colors = (images.mean, images.std)
    data = _data(options, config, device)
    start_from = Path(options.start_from) if options.start_from else None
    trainer = run.create_trainer(network, config.training, data, folder, device, colors, start_from)
    write_text(folder / "config.yaml", dump_config(config))
    quiet = options.quiet or world_rank()[0] > 0
    bar = tqdm(initial=trainer.step, total=trainer.schedule.steps, unit="step", disable=quiet)
    watcher = Watcher(folder, record=not options.no_recording and world_rank()[0] == 0)

    def on_step(values: dict[str, float]) -> None:
        bar.update()
        bar.set_postfix({"loss": f"{values['loss']:.3f}"}, refresh=False)

    with bar, stop_request() as interrupted:
        rule_of = run.rules(network, config.training, colors)
        run.train(trainer, rule_of, data, watcher, on_step, interrupted.is_set)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    print(f"step {trainer.step} of {trainer.schedule.steps}: {folder / LATEST}")
    return 0


def _data(options: argparse.Namespace, config: Config, device: Any) -> Any:
    """With ``--live`` all worlds are drawn on the device; otherwise they are cached on disk."""
    from hydra_mono.training.data import sources as data
    from hydra_mono.training.render.texture_bank import cut_patches

    training, photographs, bank, held_back = config.training, None, None, {}
    if options.nyuv2:
        photographs = data.load_photographs(_samples(options, config, "train"))
        held = data.load_photographs(_samples(options, config, "validation"))
        held_back["photographs"] = data.cached_batches(None, held)
    if options.live:
        if options.nyuv2:
            bank = cut_patches(_samples(options, config, "train"), training.seed)
        held_back["simulated"] = data.live_held_back(training, device)
        return data.Data(data.live_batches(training, device, photographs, bank), held_back)
    worlds, held_worlds = _worlds(options, config)
    if held_worlds:
        held_back["simulated"] = data.cached_batches(held_worlds, None)
    return data.Data(data.cached_batches(worlds, photographs), held_back)


def _samples(options: argparse.Namespace, config: Config, part: str) -> Any:
    from hydra_mono.training.data.sources import read_samples
    from hydra_mono.training.readers.open_samples import open_samples

    source = open_samples(f"nyuv2:{options.nyuv2}:{part}")
    return read_samples(source, config.training.live.workers if options.live else 0)


def _worlds(options: argparse.Namespace, config: Config) -> tuple[Any, Any]:
    """Cached worlds to train on and to hold back."""
    from hydra_mono.training.data import sources as data

    training = config.training
    if not training.worlds:
        return None, None
    total = training.worlds + training.held_back
    with tqdm(total=total, desc="worlds", disable=options.quiet) as bar:
        return data.load_worlds(
            Path(options.cache), training, lambda count: bar.update(count - bar.n)
        )


def chosen_device(name: str) -> Any:
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda: torch finds no CUDA device here; use --device cpu")
    return torch.device(name)


def _join_group(device: Any) -> Any:
    """Under ``torchrun``: joins the other processes; each takes a device of its own."""
    import torch

    if "WORLD_SIZE" not in os.environ or int(os.environ["WORLD_SIZE"]) < 2:
        return device
    backend = "nccl" if device.type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, timeout=timedelta(minutes=30))
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device
