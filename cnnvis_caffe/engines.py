"""Engines: what runs nets, by name."""

from __future__ import annotations

import importlib
import warnings
from types import ModuleType

from cnnvis_caffe import real_caffe
from cnnvis_caffe.errors import DeviceError, EngineError, NoGpuWarning

ENGINES = ("torch", "caffe")


def engine(name: str = "torch") -> ModuleType:
    """Return the module that runs nets, with pycaffe's names.

    Parameters
    ----------
    name : {"torch", "caffe"}, default="torch"
        Our own runtime, or a real Caffe that is installed here.

    Returns
    -------
    module
        `cnnvis_caffe.pycaffe`, or the real `caffe`.

    Raises
    ------
    EngineError
        If there is no engine of that name, or no real Caffe.
    """
    if name == "torch":
        return importlib.import_module("cnnvis_caffe.pycaffe")
    if name == "caffe":
        return real_caffe.import_caffe()
    raise EngineError(f"there is no engine {name!r}; {' and '.join(map(repr, ENGINES))} are known")


def use_device(name: str, device: str) -> None:
    """Run an engine's nets on a device from now on; with a real Caffe in this thread alone.

    Parameters
    ----------
    name : {"torch", "caffe"}
    device : {"cpu", "cuda"}

    Raises
    ------
    EngineError
        If the engine is not there.
    DeviceError
        If the device cannot be used.
    """
    caffe = engine(name)
    if name == "caffe":
        real_caffe.use_device(device)
    elif device == "cpu":
        caffe.set_mode_cpu()
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error", NoGpuWarning)
            try:
                caffe.set_mode_gpu()
            except NoGpuWarning as warning:
                raise DeviceError(f"no GPU can be used: {warning.reason}") from warning


def serve_layers(name: str = "torch") -> None:
    """Let the modules of Python layers, which begin with ``import caffe``, find the engine that runs them.

    Parameters
    ----------
    name : {"torch", "caffe"}, default="torch"

    Raises
    ------
    EngineError
        If another ``caffe`` has been imported already.
    """
    if name == "torch":
        importlib.import_module("cnnvis_caffe.pycaffe").install_as_caffe()


def free_gpu_memory(name: str = "torch") -> int | None:
    """Return how many bytes are free on the GPU that an engine uses; None where it does not say.

    Parameters
    ----------
    name : {"torch", "caffe"}, default="torch"
    """
    if name != "torch":
        return None
    return int(importlib.import_module("cnnvis_caffe.pycaffe._caffe").free_gpu_memory()) or None
