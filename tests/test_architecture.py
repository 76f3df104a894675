"""The import arrows and the package list are design decisions, so they are tested."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "hydra_mono": "hydra_mono",
    "perception": "hydra_mono.perception",
    "mapping": "hydra_mono.mapping",
    "graph": "hydra_mono.graph",
    "configs": "hydra_mono.configs",
}
# layer -> layers it may import (besides itself)
ALLOWED: dict[str, set[str]] = {
    "core": set(),
    "perception": {"core"},
    "mapping": {"core"},
    "graph": {"core"},
    "datasets": {"core"},
    "simulation": {"core"},
    "evaluation": {"core", "graph", "outputs"},
    "viz": {"core", "graph"},
    "pipeline": {"core", "perception", "mapping", "graph", "viz"},
    "outputs": {"core", "graph"},
    "report": {"core", "graph", "outputs"},
    "session": {"core", "graph", "pipeline"},
    "training": {"core", "datasets", "perception", "simulation"},
    "cli": {
        "core",
        "datasets",
        "evaluation",
        "graph",
        "outputs",
        "perception",
        "pipeline",
        "report",
        "session",
        "simulation",
        "training",
        "viz",
    },
    "configs": set(),
}

# room inside a package -> rooms of the same package it may import (besides itself)
INSIDE: dict[str, dict[str, set[str]]] = {
    "graph": {
        "model": set(),
        "hierarchy": {"model"},
        "objects": {"model"},
        "change": {"model"},
        "places": {"model"},
        "walls": {"model"},
        "rooms": {"model", "walls"},
        "refresh": {"walls"},
        "agents": {"model"},
        "align": {"model"},
        "merge": {"model", "align"},
        "io": {"model"},
        "query": {"model"},
        "drawing": {"model"},
        "planning": {"model", "io", "query"},
        "exports": {"model", "io", "drawing", "planning", "query"},
    },
    "mapping": {
        "monocular_rule": set(),
        "extent": {"monocular_rule"},
        "static_pixels": set(),
        "tsdf": {"monocular_rule", "extent"},
        "freespace": {"monocular_rule", "extent"},
        "monocular": {"monocular_rule", "tsdf"},
        "refinement": {"monocular_rule", "monocular", "tsdf"},
        "motion": {"freespace", "static_pixels"},
        "contours": {"monocular_rule", "tsdf"},
    },
    "simulation": {
        "shapes": set(),
        "materials": set(),
        "building": {"shapes"},
        "furniture": {"building", "shapes"},
        "scene": {"building", "furniture", "materials", "shapes"},
        "body": {"shapes"},
        "dynamics": {"body", "building", "scene", "shapes"},
        "life": {"body", "building", "scene", "shapes"},
        "walk": {"building", "scene", "shapes"},
        "clutter": {"building", "furniture", "life", "materials", "scene", "shapes"},
        "render": {"body", "building", "materials", "scene", "shapes"},
        "dynamic_truth": {"body", "render", "scene", "shapes"},
        "truth": {"body", "building", "dynamic_truth", "render", "scene", "shapes"},
        "source": {"body", "dynamics", "life", "render", "scene", "shapes", "truth", "walk"},
    },
    "perception": {
        "tasks": set(),
        "networks": {"tasks"},
        "losses": {"tasks"},
        "metrics": {"tasks"},
        "weights_io": {"networks"},
        "predictors": {"networks", "weights_io"},
    },
}
LARGEST_FOLDER = 15  # files in one folder that a newcomer still looks through


def modules() -> Iterator[tuple[str, Path]]:
    for folder, package in FOLDERS.items():
        for file in sorted((ROOT / folder).rglob("*.py")):  # rglob does not enter symlinks
            parts = file.relative_to(ROOT / folder).with_suffix("").parts
            yield ".".join([package, *(p for p in parts if p != "__init__")]), file


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "hydra_mono" and len(parts) > 1 else None


@pytest.mark.parametrize(("module", "file"), list(modules()), ids=lambda v: str(v))
def test_arrows_point_down(module: str, file: Path) -> None:
    here = layer(module)
    if here in (None, "__main__"):
        return
    for target in {layer(name) for name in imports(file)} - {None, here, "__version__"}:
        assert target in ALLOWED[here], f"{module} must not import hydra_mono.{target}"


WALK = re.compile(r"graph/(\w+)/ +(\w+(?: ─► \w+)+)")
MOST_FILES = {"objects": 7, "places": 6, "rooms": 5}  # to understand the family


def test_the_newcomers_walk_names_files_that_exist_and_is_short() -> None:
    drawn = dict(WALK.findall((ROOT / "docs" / "architecture.md").read_text()))
    assert drawn.keys() >= MOST_FILES.keys()
    for family, steps in drawn.items():
        files = steps.split(" ─► ")
        assert len(files) <= MOST_FILES.get(family, LARGEST_FOLDER)
        for name in files:
            assert (ROOT / "graph" / family / f"{name}.py").is_file(), f"{family}/{name}"


def room(module: str) -> str:
    return (module.split(".")[2:] or [""])[0]


@pytest.mark.parametrize(("module", "file"), list(modules()), ids=lambda v: str(v))
def test_arrows_inside_a_package_point_down(module: str, file: Path) -> None:
    package = layer(module)
    if package not in INSIDE or not room(module):
        return
    inside = {room(name) for name in imports(file) if layer(name) == package}
    for target in inside - {room(module), ""}:
        allowed = INSIDE[package][room(module)]
        assert target in allowed, f"{module} must not import hydra_mono.{package}.{target}"


@pytest.mark.parametrize("folder", [*FOLDERS, "tests", "benchmarks"])
def test_no_folder_is_a_heap(folder: str) -> None:
    counts = Counter(file.parent for file in (ROOT / folder).rglob("*.py"))
    heaps = {str(path): count for path, count in counts.items() if count > LARGEST_FOLDER + 1}
    assert not heaps, "split these folders"


def test_every_package_is_listed() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = set(config["tool"]["setuptools"]["packages"])
    assert {name for name, file in modules() if file.name == "__init__.py"} == listed
