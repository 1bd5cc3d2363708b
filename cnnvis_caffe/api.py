"""What notebooks import: open, look into and run Caffe models."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from cnnvis_caffe.errors import EngineError

ENGINES = ("torch", "caffe")
_REAL_CAFFE = "caffe"

__all__ = ["ENGINES", "engine", "inspect", "load_net"]


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


def inspect(
    path: str | os.PathLike[str],
    weights: Sequence[str | os.PathLike[str]] = (),
    *,
    phase: str | None = None,
    stages: Sequence[str] = (),
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> dict[str, Any]:
    """Look into a file of Caffe; PyTorch is not needed.

    Parameters
    ----------
    path : str or path-like
        Network or solver prototxt, weights, solver state or mean image, of any generation.
    weights : sequence of str or path-like, optional
        Weights to compare with the network.
    phase : {"TEST", "TRAIN"}, optional
        Which layers to show; TEST unless the network has nothing to show then.
    stages : sequence of str, optional
        For the layers' stage rules.
    input_shapes : mapping of str to tuple of int, optional
        Shapes of inputs, or of data that is not here.

    Returns
    -------
    dict
        What ``cnnvis-caffe inspect --json`` prints.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or the network is not as Caffe allows it.
    """
    report = importlib.import_module("cnnvis_caffe.network.report")
    result: dict[str, Any] = report.inspect_file(path, weights, phase=phase, stages=stages, input_shapes=input_shapes)
    return result


def load_net(
    network: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    *,
    phase: str = "TEST",
    stages: Sequence[str] = (),
    engine_name: str = "torch",
) -> Any:
    """Load a network to run it.

    Parameters
    ----------
    network : str or path-like
        Prototxt of any generation.
    weights : str or path-like, optional
        A ``.caffemodel`` or ``.caffemodel.h5``; without, the network's fillers decide.
    phase : {"TEST", "TRAIN"}, default="TEST"
    stages : sequence of str, optional
        For the layers' stage rules.
    engine_name : {"torch", "caffe"}, default="torch"
        As for `engine`.

    Returns
    -------
    Net
        With pycaffe's names: `blobs`, `params`, `forward`, `backward`.

    Raises
    ------
    CnnvisError
        If a file is missing or damaged, or the network is not as Caffe allows it.
    """
    caffe = engine(engine_name)
    keywords: dict[str, Any] = {} if weights is None else {"weights": os.fspath(weights)}
    if stages:
        keywords["stages"] = list(stages)
    return caffe.Net(os.fspath(network), {"TRAIN": caffe.TRAIN, "TEST": caffe.TEST}[phase], **keywords)
