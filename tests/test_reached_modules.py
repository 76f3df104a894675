"""Every module is imported by a test, or a named test reaches it through what it imports."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
FOLDERS = ("perception", "mapping", "graph", "configs")  # that stand beside ``hydra_mono``
REACHED_BY = {
    "app/test_cli.py": (
        "cli.commands",
        "cli.console",
        "cli.progress",
        "cli.saved.options",
        "cli.sources",
    ),
    "app/test_continue.py": ("cli.continuation",),
    "app/test_history.py": ("cli.saved.history",),
    "app/test_local_origin.py": ("evaluation.run_files",),
    "app/test_outputs.py": (
        "outputs.parts",
        "outputs.read",
    ),
    "app/test_pipeline.py": ("graph.refresh",),
    "app/test_query_cli.py": (
        "cli.saved.query",
        "graph.io.dsg.reader",
    ),
    "app/test_report.py": (
        "report.plots",
        "report.write",
    ),
    "app/test_viz.py": ("viz",),
    "core/test_config.py": ("core.config",),
    "core/test_gate.py": ("core.gate",),
    "datasets/test_first_frames.py": ("datasets.first_frames.agreement",),
    "datasets/test_posed.py": (
        "datasets.layouts",
        "datasets.listed",
        "datasets.readers",
    ),
    "datasets/test_tum.py": ("core.files.images",),
    "datasets/test_up.py": (
        "datasets.facts",
        "datasets.files",
        "datasets.images",
    ),
    "evaluation/dynamics/test_dynamics.py": ("evaluation.dynamics",),
    "evaluation/test_mesh.py": (
        "evaluation.inputs",
        "evaluation.ratios",
        "evaluation.scores",
    ),
    "graph/align/test_align.py": ("graph.align",),
    "graph/change/test_layer.py": ("graph.change",),
    "graph/io/test_dsg.py": (
        "graph.io.dsg.khronos",
        "graph.io.dsg.metadata",
        "graph.io.text",
    ),
    "graph/model/test_past.py": (
        "graph.model.background",
        "graph.model.layer_index",
    ),
    "graph/model/test_timed.py": (
        "graph.model.flow",
        "graph.model.timed",
        "graph.model.told",
    ),
    "graph/merge/test_merge.py": ("graph.merge",),
    "graph/query/test_edits.py": ("graph.query.snapshot.names",),
    "graph/query/test_questions.py": ("graph.query",),
    "graph/rooms/test_describe.py": (
        "graph.rooms.floor_plan",
        "graph.rooms.passages",
    ),
    "graph/rooms/test_layer.py": (
        "graph.rooms.mirror",
        "graph.rooms.writer",
    ),
    "graph/rooms/test_slanted_walls.py": ("graph.walls",),
    "graph/test_planning.py": (
        "graph.drawing.svg",
        "graph.planning",
    ),
    "mapping/motion/test_map.py": ("mapping.motion",),
    "mapping/motion/test_whole_bodies.py": ("mapping.motion.bodies",),
    "mapping/test_contours.py": ("core.map.contours",),
    "mapping/tsdf/test_raycast.py": ("mapping.tsdf.raycast",),
    "perception/networks/methods/test_ctal.py": ("perception.networks.methods",),
    "perception/networks/test_backbones.py": ("perception.networks.backbones",),
    "perception/networks/test_m2h.py": (
        "perception.networks.m2h_blocks",
        "perception.networks.m2h_method",
        "perception.networks.shapes",
    ),
    "perception/predictors/test_onnx.py": ("perception.predictors.onnx",),
    "perception/predictors/test_plug_in.py": ("perception.predictors.plug_in",),
    "perception/weights_io/test_checkpoint.py": ("perception.weights_io.names",),
    "simulation/test_life.py": (
        "simulation.body",
        "simulation.life",
        "simulation.render.actors",
        "simulation.render.sightings",
    ),
    "simulation/test_simulation.py": (
        "simulation.building.room_map",
        "simulation.dynamics",
        "simulation.render.cache",
        "simulation.render.optics",
        "simulation.walk.walker",
    ),
    "simulation/test_storeys.py": (
        "simulation.walk.routes",
        "simulation.walk.trajectory",
    ),
    "simulation/test_worlds.py": (
        "simulation.building.corners",
        "simulation.building.flights",
        "simulation.building.layout",
        "simulation.furniture",
    ),
    "training/compare/test_compare.py": (
        "cli.compare",
        "cli.compare_options",
        "training.compare.record",
    ),
    "training/test_evaluate_perception.py": ("cli.perception",),
    "training/readers/test_hypersim.py": (
        "training.readers.hypersim",
        "training.readers.hypersim_nicr",
    ),
    "training/readers/test_other_data_sets.py": (
        "training.readers.cityscapes",
        "training.readers.pascal",
    ),
    "training/test_raycast.py": ("training.render",),
    "training/test_run.py": (
        "training.data.roll",
        "training.readers.files",
        "training.validation",
    ),
    "training/test_train_command.py": ("cli.train",),
}
ROWS = {**REACHED_BY, "by python -m": ("__main__",)}  # app/test_query_cli.py runs it so


@cache
def modules() -> dict[str, Path]:
    """Files by module name; packages stand for their ``__init__``."""
    found = {}
    for folder in ("hydra_mono", *FOLDERS):
        prefix = "hydra_mono" if folder == "hydra_mono" else f"hydra_mono.{folder}"
        for file in (ROOT / folder).rglob("*.py"):
            parts = file.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([prefix, *(p for p in parts if p != "__init__")])] = file
    return found


@cache
def imported(file: Path) -> frozenset[str]:
    """Modules of the project and helpers of the tests that a file imports or names."""
    names = {name.partition(":")[0] for name in names_in(file)}
    names |= {name.rpartition(".")[0] for name in names}
    return frozenset(name for name in names if name in modules() or name in helpers())


def names_in(file: Path) -> Iterator[str]:
    """What is imported, and texts, since commands, readers and methods are named in tables."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def helpers() -> dict[str, Path]:
    return {file.stem: file for file in (TESTS / "helpers").rglob("*.py")}


def reached_from(file: Path) -> set[str]:
    """Modules that are imported by what the file imports, and so on."""
    reached: set[str] = set()
    waiting = list(imported(file))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += imported(modules().get(name) or helpers()[name])
            waiting += [name.rpartition(".")[0]] if name.rpartition(".")[0] in modules() else []
    return reached


@cache
def imported_by_tests() -> set[str]:
    return {name for file in TESTS.rglob("*.py") for name in imported(file)}


@cache
def left_by_tests() -> frozenset[str]:
    """Modules that no test imports; packages hold nothing of their own."""
    packages = {name for name, file in modules().items() if file.name == "__init__.py"}
    return frozenset(modules().keys() - packages - imported_by_tests())


@cache
def named() -> dict[str, frozenset[str]]:
    """By test, the modules that it is named for; a package stands for what it holds of them."""
    rows = {test: tuple(f"hydra_mono.{name}" for name in names) for test, names in ROWS.items()}
    return {
        test: frozenset(
            module
            for module in left_by_tests()
            if any(module == name or module.startswith(f"{name}.") for name in names)
        )
        for test, names in rows.items()
    }


def test_every_module_is_imported_by_a_test_or_reached_by_a_named_one() -> None:
    assert left_by_tests() - set().union(*named().values()) == set()


def test_no_row_names_what_is_gone() -> None:
    rows = {f"hydra_mono.{name}" for names in ROWS.values() for name in names}
    assert rows - modules().keys() == set()


@pytest.mark.parametrize("test", REACHED_BY)
def test_the_named_test_reaches_its_modules(test: str) -> None:
    assert not named()[test] - reached_from(TESTS / test)
