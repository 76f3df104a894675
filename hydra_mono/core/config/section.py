"""What every part of the config tree is: frozen, strict about its keys, finite in its numbers."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Every number in it has a least and a largest value; ``tests/core/test_config.py`` checks."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
