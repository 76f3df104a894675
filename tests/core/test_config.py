"""Settings: refused when unknown, frozen, and read back as written."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from hydra_mono.core.config import Config, dump_config, load_config
from hydra_mono.core.errors import ConfigError


def test_a_misspelt_key_is_refused_with_the_nearest_right_name() -> None:
    with pytest.raises(
        ConfigError, match=r"mapping\.voxel_sise.*did you mean 'mapping\.voxel_size'"
    ):
        load_config(overrides=("mapping.voxel_sise=0.1",))


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
