"""Many sequences on a Ray cluster: a task each, on whichever machine is free.

Every machine needs this package, the sequences and the output folder under the same paths.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hydra_mono.cli.saved.batch import Result, folder_name, map_one
from hydra_mono.core.errors import DataError, MissingDependencyError, one_line

LOCAL = "local"  # a cluster of this machine alone, for the time of the batch


def map_on_ray(
    sequences: Sequence[str],
    root: Path,
    extra: Sequence[str],
    address: str,
    tell: Callable[[Result], None],
) -> list[Result]:
    """The results in the order of the sequences; ``tell`` is called as they come.

    Raises:
        MissingDependencyError: ray is not installed.
        DataError: there is no cluster at the address.
    """
    ray = _ray()
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # of many kinds, by what is wrong with the address
        raise DataError(f"no Ray cluster at {address}: {one_line(error)}") from error
    try:
        return _mapped(ray, sequences, root.resolve(), extra, tell)
    finally:
        ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError(
            f"--ray needs ray ({error}); pip install 'hydra-mono[ray]'"
        ) from error
    return ray


def _mapped(
    ray: Any,
    sequences: Sequence[str],
    root: Path,
    extra: Sequence[str],
    tell: Callable[[Result], None],
) -> list[Result]:
    task = ray.remote(num_cpus=1)(map_one)
    waiting = {task.remote(name, root / folder_name(name), extra): name for name in sequences}
    results: dict[str, Result] = {}
    while waiting:
        (ready,), _ = ray.wait(list(waiting), num_returns=1)
        name = waiting.pop(ready)
        try:
            results[name] = ray.get(ready)
        except Exception as error:  # the machine went, or has no such package
            results[name] = Result(name, "failed", note=one_line(error))
        tell(results[name])
    return [results[name] for name in sequences]
