"""Settings: refused when unknown, frozen, and read back as written."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import ValidationError

import hydra_mono
from hydra_mono.core.config import Config, Section, dump_config, load_config
from hydra_mono.core.config.fixed import FIXED
from hydra_mono.core.config.load import presets
from hydra_mono.core.errors import ConfigError

BOUNDS = ("minimum", "maximum")


def test_a_misspelt_key_is_refused_with_the_nearest_right_name() -> None:
    with pytest.raises(
        ConfigError, match=r"mapping\.voxel_sise.*did you mean 'mapping\.voxel_size'"
    ):
        load_config(overrides=("mapping.voxel_sise=0.1",))


def test_a_setting_that_is_fixed_by_now_says_where_its_number_is(tmp_path: Path) -> None:
    file = tmp_path / "old.yaml"
    file.write_text("viewer: {image_stride: 4}\nplaces: {min_node_distance: 0.3}\n")
    with pytest.raises(ConfigError, match=r"image_stride' is no setting any more.*rerun_viewer"):
        load_config(file)
    for key, where in FIXED.items():
        with pytest.raises(ConfigError, match=rf"'{re.escape(key)}'.*{re.escape(where)}"):
            load_config(overrides=(f"{key}=1",))
        name, _, number = where.removeprefix("in ").partition(" (")
        text = (Path(hydra_mono.__file__).parent / name).read_text()
        assert number.strip(")").partition(",")[0].rpartition(".")[2] in text


def test_a_value_out_of_range_names_the_key() -> None:
    with pytest.raises(ConfigError, match=r"mapping\.voxel_size.*greater than"):
        load_config(overrides=("mapping.voxel_size=-1",))


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("mapping: {voxel_size: 0.1, max_depth: 4.0}\n")
    config = load_config(file, ("mapping.voxel_size=0.2",))
    assert (config.mapping.voxel_size, config.mapping.max_depth) == (0.2, 4.0)


def test_a_dumped_config_reads_back_the_same(tmp_path: Path) -> None:
    config = load_config(overrides=("data.up=[0, 0, 1]", "mapping.voxel_size=0.07"))
    file = tmp_path / "config.yaml"
    file.write_text(dump_config(config))
    assert load_config(file) == config


@pytest.mark.parametrize("text", ["- a\n", "mapping: [", "mapping: {unclosed"])
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        load_config(file)


def test_config_cannot_change_under_way() -> None:
    with pytest.raises(ValidationError):
        Config().mapping.voxel_size = 1.0  # type: ignore[misc]


def numeric_settings(section: type[Section] = Config, prefix: str = "") -> Iterator[str]:
    """Every setting that is one number, by its dotted name."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            yield from numeric_settings(kind, f"{prefix}{name}.")
        elif {kind, *get_args(kind)} & {int, float}:
            yield prefix + name


def unbounded_numbers(schema: Any) -> Iterator[Any]:
    """Numbers of a JSON schema that lack a least or a largest value, however deep."""
    if isinstance(schema, list):
        for item in schema:
            yield from unbounded_numbers(item)
    if isinstance(schema, dict):
        least, largest = ({bound, f"exclusive{bound.capitalize()}"} for bound in BOUNDS)
        if schema.get("type") in ("number", "integer") and not (
            least & schema.keys() and largest & schema.keys()
        ):
            yield schema
        for item in schema.values():
            yield from unbounded_numbers(item)


def test_every_number_has_a_least_and_a_largest_value() -> None:
    assert list(unbounded_numbers({"type": "number", "minimum": 0}))  # such a one would be seen
    assert not list(unbounded_numbers(Config.model_json_schema()))


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan", "1.0e+12", "-1.0e+12"])
def test_numbers_that_mean_nothing_are_refused_in_every_setting(value: str) -> None:
    names = list(numeric_settings())
    assert len(names) > 40
    for name in names:
        with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
            load_config(overrides=(f"{name}={value}",))


@pytest.mark.parametrize(
    "name", ["mapping.voxel_size", "free_space.voxel_size", "simulation.fps", "objects.cell_size"]
)
@pytest.mark.parametrize("value", ["1e-5", "1e9", "0"])
def test_sizes_that_no_memory_holds_are_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
        load_config(overrides=(f"{name}={value}",))


@pytest.mark.parametrize("text", ["run #3", "2026-11-30", "2024-99-99", "1e3", "yes", "null", "~"])
def test_flags_are_taken_as_they_are(text: str) -> None:
    config = load_config(flags={"output.folder": text, "predictor.weights": text})
    assert (config.output.folder, config.predictor.weights) == (text, text)


@pytest.mark.parametrize("text", ["2026-11-30", "2024-99-99", "12:30:45 today"])
def test_dates_are_strings(text: str) -> None:
    assert load_config(overrides=(f"data.root={text}",)).data.root == text


@pytest.mark.parametrize("text", ["a\nb", "a: b # c", "", "null", "2026-11-30", "ü" * 3000])
def test_any_string_survives_the_dump(tmp_path: Path, text: str) -> None:
    config, file = load_config(flags={"output.folder": text}), tmp_path / "config.yaml"
    file.write_text(dump_config(config), encoding="utf-8")
    assert load_config(file) == config


@pytest.mark.parametrize(
    "value",
    [
        "&a [*a, *a]",
        "[" * 20000,
        "9" * 5000,
        "!!python/object/apply:os.getcwd []",
        "\x00",
        "{a: 1}: 2",
        "x" * 2_000_000,
    ],
    ids=["alias", "depth", "digits", "object", "null", "key", "length"],
)
def test_a_value_that_is_an_attack_is_one_clear_line(value: str) -> None:
    with pytest.raises(ConfigError, match=r"mapping\.voxel_size") as caught:
        load_config(overrides=(f"mapping.voxel_size={value}",))
    assert "\n" not in str(caught.value)


def test_presets_go_by_their_bare_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_config(Path("slow_machine")).viewer.mode == "none"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slow_machine").write_text("data: {stride: 7}")
    assert load_config(Path("slow_machine")).data.stride == 7  # a file of that name wins


def test_every_preset_changes_something_and_an_unknown_one_names_them() -> None:
    assert set(presets()) >= {"depth_camera", "one_camera", "large_building", "slow_machine"}
    for name in presets():
        assert load_config(Path(name)).model_fields_set
    with pytest.raises(ConfigError, match="depth_camera, large_building"):
        load_config(Path("huge_building"))
