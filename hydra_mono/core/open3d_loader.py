"""Imports Open3D, late and with help where a system library is missing."""

import ctypes
import functools
import importlib
from typing import Any

from hydra_mono.core.errors import MissingDependencyError

APT_PACKAGES = ("libegl1", "libgl1", "libx11-6", "libusb-1.0-0")


@functools.cache
def open3d() -> Any:
    """The ``open3d`` module.

    Its wheels link libusb, which small Linux systems lack: the copy in the ``libusb-package``
    wheel stands in for it.

    Raises:
        MissingDependencyError: a system library is absent; the message names the packages.
    """
    try:
        return importlib.import_module("open3d")
    except ImportError as error:
        first_error = error
    if "libusb" in str(first_error):
        _preload_libusb()
    try:
        return importlib.import_module("open3d")
    except ImportError as error:
        packages = " ".join(APT_PACKAGES)
        raise MissingDependencyError(
            f"open3d cannot be imported: {error}. On Debian or Ubuntu install its system "
            f"libraries: apt-get install -y --no-install-recommends {packages}"
        ) from error


def _preload_libusb() -> None:
    try:
        libusb_package = importlib.import_module("libusb_package")
    except ImportError:
        return
    path = libusb_package.get_library_path()
    if path is not None:
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
