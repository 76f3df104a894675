"""Makes the run-time type checks cheap; see ``helpers_typecheck``."""

import helpers_typecheck
import pytest

helpers_typecheck.install()


def pytest_runtest_setup(item: pytest.Item) -> None:
    helpers_typecheck.new_test()
