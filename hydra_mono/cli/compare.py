"""``hydra-mono compare`` and ``search``: methods trained alike, and genotypes found by training."""

import argparse
import platform
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from hydra_mono.cli.progress import print_table
from hydra_mono.cli.train import chosen_device
from hydra_mono.core.config import load_config
from hydra_mono.core.errors import ConfigError
from hydra_mono.core.stop import stop_request

if TYPE_CHECKING:
    from hydra_mono.core.config.training import TrainingConfig
    from hydra_mono.training.compare.data import ComparedData
    from hydra_mono.training.compare.plan import Job, Plan
    from hydra_mono.training.compare.runner import Scores, Settings

GENOTYPE = "genotype.json"
MAX_WIDTH = 8192  # of a network that a weights file may describe


def compare(options: argparse.Namespace) -> int:
    """Trains and scores every method under one budget; prints and writes the table."""
    from hydra_mono.training.compare.plan import COMPARED, jobs, parse_methods

    methods = parse_methods(options.methods) if options.methods else COMPARED
    if options.seeds < 1:
        raise ConfigError(f"--seeds {options.seeds}: at least 1")
    plan = _plan(options)
    planned = list(jobs(plan, methods, options.seeds))
    if options.table:
        return _table_only(plan, planned, options)
    first = [job for job in planned if job.seed == 0]
    settings, data = _checked(plan, first, options)
    with stop_request() as stop:
        results = _results(plan, planned, data, settings, quiet=options.quiet, stop=stop.is_set)
    text = _written(plan, results, settings)
    print(text, end="")
    if len(results) < len(planned):
        print(f"{len(results)} of {len(planned)} networks; the same command goes on")
    print(settings.folder / "table.csv")
    return stop.exit_code


def _table_only(plan: "Plan", planned: "list[Job]", options: argparse.Namespace) -> int:
    """Of what is trained by now."""
    from hydra_mono.training.compare.record import results_so_far
    from hydra_mono.training.compare.runner import agree

    settings = _settings(options)
    agree(plan, settings.folder)
    results = results_so_far(planned, settings)
    if not results:
        raise ConfigError(f"{settings.folder}: nothing of this plan is trained yet")
    print(_written(plan, results, settings), end="")
    return 0


def _checked(
    plan: "Plan", jobs: "list[Job]", options: argparse.Namespace
) -> "tuple[Settings, ComparedData]":
    """Everything that could be wrong is told now; what needs no data, before they are read."""
    from hydra_mono.training.compare.plan import network_config
    from hydra_mono.training.compare.runner import agree, begin, check

    settings = _settings(options)
    agree(plan, settings.folder)
    for job in jobs:
        network_config(plan, job)
    data = _data(plan, options, settings.base)
    for job in jobs:
        check(plan, job, data, settings)
    begin(plan, settings.folder)
    return settings, data


def _results(
    plan: "Plan",
    planned: "list[Job]",
    data: "ComparedData",
    settings: "Settings",
    *,
    quiet: bool,
    stop: Callable[[], bool],
) -> "dict[Job, Scores]":
    """Of the jobs that are done."""
    from hydra_mono.training.compare.runner import run_job

    results: dict[Job, Scores] = {}
    for number, job in enumerate(planned, 1):
        title = f"{job.folder} ({number} of {len(planned)})"
        with tqdm(unit="step", desc=title, disable=quiet, leave=False) as bar:
            on_step = partial(_advance, bar)
            found = run_job(plan, job, data, settings, on_step, stop)
        if found is None:
            break
        results[job] = found
        _written(plan, results, settings)
    return results


def _advance(bar: Any, values: dict[str, float]) -> None:
    bar.update()
    bar.set_postfix({"loss": f"{values['loss']:.3f}"}, refresh=False)


def _written(plan: "Plan", results: "dict[Job, Scores]", settings: "Settings") -> str:
    """The table so far, and with which protocol it was made."""
    from hydra_mono.training.compare.record import write_record
    from hydra_mono.training.compare.table import rows_of, write_tables
    from hydra_mono.training.data_sets import data_set

    height, width = plan.size
    images = {f"{scores['images']} of {scores['source']}" for scores in results.values()}
    notes = [
        f"{plan.data}, {plan.backbone}, images of {height}×{width}, {plan.batch} a step,",
        f"{_budget(plan)} (stl: {len(plan.tasks)} networks)",
        f"with {plan.regularizer};" if plan.regularizer else "without a regularizer;",
        f"scored: {', '.join(sorted(images)) or 'none'};",
        f"mIoU over {data_set(plan.data).labels} classes,",
        f"odsF at {settings.thresholds} thresholds;",
        f"{settings.device.type}, {platform.machine()}.",
    ]
    write_record(plan, results, settings)
    return write_tables(settings.folder, rows_of(results, plan.tasks), plan.tasks, " ".join(notes))


def _budget(plan: "Plan") -> str:
    if plan.budget_s is None:
        return f"each network trained on {plan.samples} images"
    return f"{plan.budget_s:.0f} s of training a network"


def search(options: argparse.Namespace) -> int:
    """Trains the network that a genotype is found with; writes the genotype."""
    from hydra_mono.perception.networks.interface import Searching
    from hydra_mono.perception.networks.registry import SEARCHES
    from hydra_mono.training.compare.plan import Job
    from hydra_mono.training.compare.runner import trained

    if options.method not in SEARCHES:
        known = ", ".join(SEARCHES)
        raise ConfigError(f"--method {options.method}: nothing is searched; choose {known}")
    plan, job = _plan(options), Job(SEARCHES[options.method], 0)
    settings, data = _checked(plan, [job], options)
    with stop_request() as stop, tqdm(unit="step", disable=options.quiet) as bar:
        trainer = trained(plan, job, data, settings, partial(_advance, bar), stop.is_set)
    network, path = trainer.objective.network, settings.folder / GENOTYPE
    assert isinstance(network, Searching)
    network.write_genotype(path, trainer.step)
    print_table([(name, " ".join(codes)) for name, codes in network.found().items()])
    print(f"\nstep {trainer.step}{'' if trainer.finished else ', not at its end'}: {path}")
    return stop.exit_code


def _plan(options: argparse.Namespace) -> "Plan":
    from hydra_mono.training.compare.plan import Plan, parse_budget, parse_size
    from hydra_mono.training.data_sets import data_set

    if options.batch < 2:
        raise ConfigError(f"--batch {options.batch}: at least 2, for batch norms")
    if options.widest is not None and not 1 <= options.widest <= MAX_WIDTH:
        raise ConfigError(f"--widest {options.widest}: 1 to {MAX_WIDTH} channels")
    named = getattr(options, "tasks", None)
    genotype = getattr(options, "genotype", None)
    return Plan(
        data=options.data,
        backbone=options.backbone,
        budget_s=None if options.samples is not None else parse_budget(options.budget),
        samples=options.samples,
        widest=options.widest,
        size=parse_size(options.size),
        batch=options.batch,
        tasks=tuple(named.split(",")) if named else data_set(options.data).tasks,
        regularizer=getattr(options, "regularizer", None),
        genotype=Path(genotype) if genotype else None,
    )


def _settings(options: argparse.Namespace) -> "Settings":
    from hydra_mono.training.compare.runner import Settings

    path = None if options.config is None else Path(options.config)
    thresholds = getattr(options, "boundaries", 0)
    if hasattr(options, "boundaries") and thresholds < 2:
        raise ConfigError(f"--boundaries {thresholds}: at least 2 thresholds")
    images = getattr(options, "max_images", None)
    if images is not None and images < 1:
        raise ConfigError(f"--max-images {images}: at least 1")
    return Settings(
        folder=Path(options.output),
        base=load_config(path, tuple(options.set)).training,
        device=chosen_device(options.device),
        thresholds=thresholds,
        max_images=images,
    )


def _data(plan: "Plan", options: argparse.Namespace, training: "TrainingConfig") -> "ComparedData":
    from hydra_mono.training.compare.data import open_compared

    total = training.worlds + training.held_back
    disable = options.quiet or options.data != "simulated"
    with tqdm(total=total, desc="worlds", disable=disable, leave=False) as bar:

        def on_world(count: int) -> None:
            bar.update(count - bar.n)

        return open_compared(
            options.data, Path(options.cache), training, on_world, plan.second_view
        )
