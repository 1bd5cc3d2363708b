"""Lists libraries and GPUs for `cnnvis-caffe --version --verbose`, with the reason why a GPU cannot be used."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import platform
from collections.abc import Iterator

from cnnvis_caffe.errors import MissingDependencyError

#: Those whose version changes results or what can be read.
LIBRARIES = ("numpy", "protobuf", "h5py", "scikit-learn", "scipy", "OpenCV", "lmdb", "PyQt5")

#: Any of these packages brings OpenCV.
_OPENCV = tuple(f"opencv{contrib}-python{headless}" for contrib in ("", "-contrib") for headless in ("-headless", ""))


def lines() -> Iterator[str]:
    """Yield a line for each thing that is there or missing."""
    from cnnvis_caffe.runtime import backend, devices

    yield f"Python {platform.python_version()}, {platform.platform()}"
    yield ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    try:
        yield from devices.describe(backend.gpus(ask_driver=True))
    except MissingDependencyError as error:
        yield str(error)


def _version(package: str) -> str:
    for name in _OPENCV if package == "OpenCV" else (package,):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name)
    if package == "OpenCV" and importlib.util.find_spec("cv2"):  # Debian's does not say which package it is
        return "of the system"
    return "is not installed"
