"""A run that is stopped, saved stage by stage and continued elsewhere ends with the same bytes."""

from pathlib import Path

import numpy as np
import pytest
from helpers_resume import (
    FRAMES,
    OUTPUTS,
    go_on,
    go_on_elsewhere,
    new_run,
    save_state,
)

from hydra_mono.pipeline import Mapper

WHICH = (0, 1, 4)  # of the five slices of a refresh, so many of which are done at the stop


@pytest.fixture(scope="module", params=["sensor", "estimated"])
def stopped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the outputs of a whole run, and what it remembered at every frame."""
    folder = tmp_path_factory.mktemp(request.param)
    source, mapper = new_run(request.param)
    done, seen = [], set()
    for number, index in enumerate(FRAMES):
        progress = mapper._refresh.done if mapper._refresh else 0
        if number > len(FRAMES) // 2 and progress not in seen:
            seen.add(progress)
            done.append(number)
            save_state(mapper.state(), folder / str(number))
        mapper.step(source[index])
    go_on(source, mapper, len(FRAMES), folder / "whole")
    assert len(mapper._volume._archive) > 0 and len(seen) == 5, "stops at every slice"
    return folder


def mode_of(folder: Path) -> str:
    return "sensor" if "sensor" in folder.name else "estimated"


def stops(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())


@pytest.fixture(scope="module")
def continued(stopped: Path) -> Path:
    """Where it was stopped, the outputs of going on in another process."""
    all_stops = stops(stopped)
    go_on_elsewhere(mode_of(stopped), stopped, [all_stops[which] for which in WHICH])
    return stopped


@pytest.mark.parametrize("which", WHICH)
def test_a_run_continued_in_a_new_process_ends_with_the_same_bytes(
    continued: Path, which: int
) -> None:
    there, whole = continued / str(stops(continued)[which]), continued / "whole"
    for name in OUTPUTS[:2]:
        assert (there / name).read_bytes() == (whole / name).read_bytes(), name
    with np.load(there / "mesh.npz") as one, np.load(whole / "mesh.npz") as other:
        assert one.files == other.files and len(one["faces"])
        for name in one.files:
            np.testing.assert_array_equal(one[name], other[name])


def test_saving_under_way_changes_nothing_of_the_map(stopped: Path, tmp_path: Path) -> None:
    source, mapper = new_run(mode_of(stopped))
    settled = 0
    for index in FRAMES:
        frame = source[index]
        if mapper.settles_before(frame.stamp_ns):
            mapper.settle()
            settled += 1
        mapper.step(frame)
    go_on(source, mapper, len(FRAMES), tmp_path)
    assert settled > 5
    for name in OUTPUTS[:2]:
        assert (tmp_path / name).read_bytes() == (stopped / "whole" / name).read_bytes(), name


def test_a_state_does_not_change_with_the_mapper_that_gave_it() -> None:
    source, mapper = new_run("sensor")
    for index in FRAMES[:12]:
        mapper.step(source[index])
    state = mapper.state()
    flat = dict(flattened(state))
    before = {path: value.copy() for path, value in flat.items()}
    for index in FRAMES[12:24]:
        mapper.step(source[index])
    for path, value in flat.items():
        np.testing.assert_array_equal(value, before[path], err_msg=path)


def test_two_mappers_restored_from_one_state_do_not_disturb_one_another() -> None:
    source, first = new_run("sensor")
    for index in FRAMES[:12]:
        first.step(source[index])
    state = first.state()
    mappers: list[Mapper] = []
    for _ in range(2):
        mappers.append(new_run("sensor")[1])
        mappers[-1].restore(state)
        for index in FRAMES[12:20]:
            mappers[-1].step(source[index])
    vertices = [mapper.mesh.whole_mesh().vertices_m for mapper in mappers]
    np.testing.assert_array_equal(vertices[0], vertices[1])


def flattened(value: object, path: str = "") -> list[tuple[str, np.ndarray]]:
    """Every array of a state by its path."""
    if isinstance(value, np.ndarray):
        return [(path, value)]
    children: list[tuple[str, object]] = []
    if isinstance(value, dict):
        children = [(f"{path}/{key}", child) for key, child in value.items()]
    elif isinstance(value, list):
        children = [(f"{path}/{i}", child) for i, child in enumerate(value)]
    return [leaf for name, child in children for leaf in flattened(child, name)]
