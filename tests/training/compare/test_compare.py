"""The comparison: plans, what is refused, resuming, and the table."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers_methods import SMALL
from helpers_perception import TINY_CONV
from helpers_samples import corner, write_flat_nyu
from helpers_training import plane_sample, planes
from PIL import Image

from hydra_mono.cli.main import main
from hydra_mono.core.config.training import TrainingConfig
from hydra_mono.core.errors import ConfigError, DataError
from hydra_mono.perception.networks.methods.atrc.genotype import read_genotype
from hydra_mono.perception.tasks import INDOOR
from hydra_mono.training.compare import data as compared
from hydra_mono.training.compare import plan as plans
from hydra_mono.training.compare.data import ComparedData
from hydra_mono.training.compare.plan import (
    COMPARED,
    Job,
    Plan,
    jobs,
    network_config,
    parse_budget,
    parse_methods,
    parse_size,
    training_config,
)
from hydra_mono.training.compare.runner import Settings, run_job
from hydra_mono.training.compare.table import aligned, csv_text, rows_of, text_cells
from hydra_mono.training.data.shots import Photographs
from hydra_mono.training.data.sources import Data, cached_batches
from hydra_mono.training.readers.nyuv2 import CAMERA
from hydra_mono.training.samples import Sample

PLAN = Plan("simulated", "conv", 60.0, (32, 64), 2)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of two steps, on a plane."""
    batches = cached_batches(None, Photographs(planes(), 64, 0))
    data = ComparedData(Data(batches), images=2, scored=Plane())
    monkeypatch.setattr(compared, "open_compared", lambda *arguments: data)
    monkeypatch.setattr(plans, "MANY_STEPS", 2)
    colours = plans.BACKBONES["conv"][1:]
    monkeypatch.setitem(plans.BACKBONES, "conv", (TINY_CONV, *colours))


class Plane:
    """One sample."""

    name = "plane"

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        return plane_sample(camera=SMALL)


def command(output: Path, *options: str, budget: str | None = "1h") -> list[str]:
    small = ["--size", "32x32", "--batch", "2", "--backbone", "conv", "--device", "cpu", "--quiet"]
    clock = [] if budget is None else ["--budget", budget]
    return [*small, *clock, "--output", str(output), *options]


def test_the_validation_part_is_scored_and_never_learned_from(tmp_path: Path) -> None:
    numbers = [f"{k:04d}" for k in (1, 3, 5, 7, 9, 11)]
    root = write_flat_nyu(tmp_path, dict.fromkeys(numbers, corner(CAMERA)))
    data = compared.open_compared(f"nyuv2:{root}", tmp_path, TrainingConfig())
    assert data.images == 5 and [data.scored[0].name] == ["0011"] and len(data.scored) == 1
    with pytest.raises(DataError, match="no samples 'kitti:here:train'"):
        compared.open_compared("kitti:here", tmp_path, TrainingConfig())


def test_budgets_sizes_and_methods_are_read_or_refused() -> None:
    assert (parse_budget("90s"), parse_budget("1.5m"), parse_budget("2h")) == (90, 90, 7200)
    assert parse_size("192x256") == (192, 256)
    assert parse_methods("stl,mtl,atrc") == ("stl", "mtl", "atrc")
    for parse, text in (
        (parse_budget, "2"),
        (parse_budget, "0s"),
        (parse_size, "100x128"),
        (parse_size, "all"),
        (parse_methods, "mtl,nobody"),
        (parse_methods, "mtl,mtl"),
        (parse_methods, ","),
    ):
        with pytest.raises(ConfigError, match="--"):
            parse(text)


def test_the_field_is_there_and_seeds_go_round_the_methods() -> None:
    field = {"stl", "mtl", "cross_stitch", "mtan", "pap", "psd", "pad_net", "mti_net", "invpt"}
    field |= {"atrc", "ctal", "m_ctal", "m2h"}
    assert set(COMPARED) == field
    planned = list(jobs(PLAN, ("stl", "mtl"), 2))
    assert [job.task for job in planned[:5]] == [*INDOOR, None]
    assert [job.seed for job in planned] == [0] * 5 + [1] * 5
    assert len({job.folder for job in planned}) == 10


def test_every_method_stands_on_the_same_backbone_and_sees_the_same_images() -> None:
    configs: list[Any] = [
        network_config(Plan("simulated", "efficientnet_lite0", 60.0, (96, 128), 2), Job(name, 0))
        for name in COMPARED
        if name != "stl"
    ]
    assert len({(config.backbone, config.input_spec()) for config in configs}) == 1
    assert configs[0].input_spec().focal_px == pytest.approx(105)


def test_a_budget_of_samples_is_as_many_steps_whatever_the_clock_says() -> None:
    plan = Plan("simulated", "conv", None, (32, 64), 4, samples=10)
    config = training_config(plan, 7, TrainingConfig(minutes=3))
    assert (config.stages[0].steps, config.minutes, config.seed) == (3, None, 7)


def test_a_plan_that_no_method_can_follow_is_refused() -> None:
    with pytest.raises(ConfigError, match="--backbone alexnet"):
        Plan("simulated", "alexnet", 60.0, (32, 32), 2)
    for budget_s, samples in ((None, None), (60.0, 100)):
        with pytest.raises(ConfigError, match="--budget or --samples"):
            Plan("simulated", "conv", budget_s, (32, 32), 2, samples=samples)
    with pytest.raises(ConfigError, match="no task 'taste'"):
        Plan("simulated", "conv", 60.0, (32, 32), 2, tasks=("taste",))
    two = Plan("simulated", "conv", 60.0, (32, 32), 2, tasks=("depth", "edges"))
    with pytest.raises(ConfigError, match="m2h is for depth, semantics, normals, edges"):
        network_config(two, Job("m2h", 0))
    with pytest.raises(ConfigError, match="atrc: no genotype of depth, edges"):
        network_config(two, Job("atrc", 0))


@pytest.mark.usefixtures("quick")
def test_a_comparison_ends_with_its_table_trains_nothing_twice_and_names_its_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = ["compare", *command(tmp_path, "--methods", "stl,pad_net", "--seeds", "1")]
    call += ["--tasks", "depth,normals", "--regularizer", "triplane"]
    assert main(call) == 0
    table = capsys.readouterr().out
    scores = tmp_path / "pad_net" / "seed-0" / "scores.json"
    changed = json.loads(scores.read_text()) | {"parameters": 123_000_000}
    scores.write_text(json.dumps(changed))
    assert main(call) == 0
    again = capsys.readouterr().out
    assert "123.00" in again and again.splitlines()[1] == table.splitlines()[1]
    text = (tmp_path / "table.csv").read_text(encoding="utf-8")
    lines = list(csv.DictReader(text.splitlines()))
    assert [line["method"] for line in lines] == ["stl", "pad_net"]
    assert float(lines[0]["Δm %"]) == 0 and float(lines[1]["mErr"]) > 0
    with Image.open(tmp_path / "table.png") as picture:
        assert picture.width > 400
    assert "scored: 1 of plane" in (tmp_path / "table.txt").read_text()
    record = json.loads((tmp_path / "table.json").read_text())
    assert record["plan"]["tasks"] == ["depth", "normals"] and record["seeds"] == [0]
    assert set(record["networks"]) == {
        f"{k}/seed-0" for k in ("stl-depth", "stl-normals", "pad_net")
    }
    scores.unlink()
    assert main([*call, "--table"]) == 0
    assert "pad_net" not in capsys.readouterr().out and not scores.exists()
    assert main([*call, "--batch", "3"]) == 1
    assert "begun with another plan (batch was 2, not 3)" in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_what_cannot_be_is_told_in_one_line_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    genotype = tmp_path / "other.json"
    genotype.write_text('{"data": {"depth": {"depth": 1}}}')
    wrong = {
        "mtl needs parts": command(tmp_path / "a", "--methods", "mtl", "--tasks", "depth,parts"),
        "a genotype of depth, not of": command(
            tmp_path / "b", "--methods", "atrc", "--genotype", str(genotype)
        ),
        "for one epoch of 2 images": command(tmp_path / "c", "--methods", "mtl", budget="0.0001s"),
        "--samples 1: too few for one epoch of 2 images": command(
            tmp_path / "g", "--methods", "mtl", "--samples", "1", budget=None
        ),
        "--widest 0: 1 to 8192": command(tmp_path / "h", "--widest", "0"),
        "name each task once": command(tmp_path / "d", "--tasks", "depth,depth"),
        "at least 2, for batch norms": command(tmp_path / "e", "--batch", "1"),
        "two views of a scene with their poses, which only --data simulated has": command(
            tmp_path / "i", "--data", "nyuv2:x", "--regularizer", "triplane_two_views"
        ),
        "nothing is searched; choose atrc": ["--method", "mtl", *command(tmp_path / "f")],
    }
    for expected, call in wrong.items():
        assert main(["search" if "--method" in call else "compare", *call]) == 1
        said = capsys.readouterr().err
        assert expected in said and said.count("\n") == 1
    assert not list(tmp_path.rglob("state.pt")) and not list(tmp_path.rglob("plan.json"))


@pytest.mark.usefixtures("quick")
def test_a_search_writes_a_genotype_that_a_comparison_takes(tmp_path: Path) -> None:
    assert main(["search", "--method", "atrc", *command(tmp_path)]) == 0
    path = tmp_path / "genotype.json"
    plan = Plan("x", "conv", 60.0, (32, 32), 2, genotype=path)
    config: Any = network_config(plan, Job("atrc", 0))
    assert config.contexts == read_genotype(path, INDOOR)


@pytest.mark.usefixtures("quick")
def test_a_comparison_that_is_stopped_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "MANY_STEPS", 4)
    data = compared.open_compared("", tmp_path, TrainingConfig())
    plan, job = Plan("x", "conv", 3600.0, (32, 32), 2), Job("mtl", 0)
    settings = Settings(tmp_path, TrainingConfig(warmup=1), torch.device("cpu"), thresholds=2)
    steps: list[float] = []

    def note(values: dict[str, float]) -> None:
        steps.append(values["loss"])

    assert run_job(plan, job, data, settings, note, lambda: len(steps) == 1) is None
    found = run_job(plan, job, data, settings, note)
    assert found is not None and len(steps) == 4 == found["steps"]
    assert set(found["metrics"]) == set(INDOOR)


def scores(miou: float, rmse: float, parameters: int = 2_000_000) -> dict[str, Any]:
    return {
        "metrics": {"semantics": miou, "depth": rmse},
        "parameters": parameters,
        "macs": 10**9,
        "seconds": 30.0,
        "seconds_per_image": 0.1,
    }


def test_the_table_has_means_deviations_and_the_gain_over_single_tasks() -> None:
    tasks = ("semantics", "depth")
    results = {}
    for seed, factor in enumerate((1.0, 1.1)):
        for task in tasks:
            part = scores(0.2, 0.8)
            part["metrics"] = {task: part["metrics"][task]}
            results[Job("stl", seed, task)] = part
        results[Job("mtl", seed)] = scores(0.2 * factor, 0.8 / factor)
    single, multi = rows_of(results, tasks)
    assert single.values["parameters M"] == [4, 4] and single.values["images/s"] == [5, 5]
    assert single.values["Δm %"] == [0, 0]
    assert multi.values["mIoU"] == pytest.approx([20, 22])
    assert multi.values["Δm %"] == pytest.approx([0, 100 * (0.1 + 1 - 1 / 1.1) / 2])
    lines = text_cells([single, multi], tasks)
    assert lines[0][:3] == ("method", "mIoU", "RMSE") and lines[2][1] == "21.00 ± 1.41"
    assert lines[1][1] == "20.00"  # no deviation where there is none
    assert aligned(lines).splitlines()[0].startswith("method")
    assert csv_text([multi], tasks).splitlines()[1].startswith("mtl,2,21,")


def test_a_method_that_lacks_a_seeds_network_has_no_figures_yet() -> None:
    results = {Job("stl", 0, "depth"): scores(0.2, 0.8) | {"metrics": {"depth": 0.8}}}
    (row,) = rows_of(results, ("semantics", "depth"))
    assert not row.values and text_cells([row], ("semantics", "depth"))[1][1] == "-"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
