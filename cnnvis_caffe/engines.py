"""Engines: what runs nets, by name."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from cnnvis_caffe.errors import EngineError

ENGINES = ("torch", "caffe")
_REAL_CAFFE = "caffe"


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
        return _real_caffe()
    raise EngineError(f"there is no engine {name!r}; {' and '.join(map(repr, ENGINES))} are known")


def free_gpu_memory(name: str = "torch") -> int | None:
    """Return how many bytes are free on the GPU that an engine uses; None where it does not say.

    Parameters
    ----------
    name : {"torch", "caffe"}, default="torch"
    """
    if name != "torch":
        return None
    return int(importlib.import_module("cnnvis_caffe.pycaffe._caffe").free_gpu_memory()) or None


def _real_caffe() -> ModuleType:
    """The real pycaffe, which is not to be mistaken for our own under its name, nor for some folder."""
    hint = "install it (Debian 11 has a package: python3-caffe-cpu), or use the engine 'torch'"
    before = sys.modules.get(_REAL_CAFFE)
    if before is not None and before.__name__.startswith("cnnvis_caffe"):
        raise EngineError(
            "in this process 'caffe' is cnnvis_caffe itself, because install_as_caffe() was called; "
            "start another process for the engine 'caffe'"
        )
    try:
        caffe = importlib.import_module(_REAL_CAFFE)
    except ModuleNotFoundError as error:
        if error.name == "caffe":
            raise EngineError(f"there is no real Caffe here; {hint}") from error
        raise EngineError(f"the real Caffe cannot be imported, as the module {error.name!r} is missing") from error
    except ImportError as error:
        raise EngineError(f"the real Caffe cannot be imported: {error}") from error
    if not (hasattr(caffe, "Net") and hasattr(caffe, "TEST")):
        place = getattr(caffe, "__file__", None) or next(iter(getattr(caffe, "__path__", ())), "somewhere")
        raise EngineError(f"'import caffe' gives {place}, which is not pycaffe; {hint}")
    return caffe
