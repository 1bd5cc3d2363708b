"""The names that real pycaffe's compiled module holds."""

from __future__ import annotations

import logging
import time
from typing import Any

from cnnvis_caffe.formats.schema import TEST, TRAIN, LayerParameter, SolverParameter
from cnnvis_caffe.pycaffe.pycaffe import LayerVec, Net, NetVec
from cnnvis_caffe.pycaffe.solver import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    Solver,
    get_solver,
)
from cnnvis_caffe.runtime.backend import free_memory as free_gpu_memory  # noqa: F401 - engines.py asks for it
from cnnvis_caffe.runtime.backend import set_device, set_mode_cpu, set_mode_gpu
from cnnvis_caffe.runtime.faces import Blob, BlobVec, RawBlobVec
from cnnvis_caffe.runtime.layers import layer_type_list
from cnnvis_caffe.runtime.python_layer import PythonLayer as Layer
from cnnvis_caffe.runtime.ranks import set_solver_count, set_solver_rank, solver_count, solver_rank
from cnnvis_caffe.runtime.rng import set_random_seed
from cnnvis_caffe.runtime.vectors import BoolVec, DtypeVec, IntVec, StringVec

__version__ = "1.0.0"

__all__ = [
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Blob",
    "BlobVec",
    "BoolVec",
    "DtypeVec",
    "IntVec",
    "Layer",
    "LayerParameter",
    "LayerVec",
    "NCCL",
    "NesterovSolver",
    "Net",
    "NetVec",
    "RMSPropSolver",
    "RawBlobVec",
    "SGDSolver",
    "Solver",
    "SolverParameter",
    "StringVec",
    "TEST",
    "TRAIN",
    "Timer",
    "get_solver",
    "has_nccl",
    "init_log",
    "layer_type_list",
    "log",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
]

logger = logging.getLogger("cnnvis_caffe.caffe")

#: glog's severities, as the GLOG_minloglevel variable and init_log count them.
_LEVELS = (logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


def set_multiprocess(is_multiprocess: bool) -> None:
    """Accept what multi-GPU scripts say: each device has a process of its own in any case."""


def has_nccl() -> bool:
    """Say that `NCCL` is not part of this module."""
    return False


_WITHOUT_NCCL = "several devices train by `cnnvis-caffe train --solver FILE --gpu 0,1`; NCCL is not part of this module"


class NCCL:
    """Stands for what a Caffe with NCCL has; here the command `train --gpu 0,1` trains on several devices."""

    def __init__(self, solver: Any, uid: str) -> None:
        raise RuntimeError(_WITHOUT_NCCL)

    @staticmethod
    def new_uid() -> str:
        """Refuse, as `has_nccl()` says."""
        raise RuntimeError(_WITHOUT_NCCL)


class Timer:
    """A stopwatch."""

    def __init__(self) -> None:
        self._start = self._end = 0.0

    def start(self) -> None:
        """Start."""
        self._start = time.perf_counter()
        self._end = 0.0

    def stop(self) -> None:
        """Stop."""
        self._end = time.perf_counter()

    @property
    def ms(self) -> float:
        """Milliseconds between start and stop, or until now."""
        return 1000 * ((self._end or time.perf_counter()) - self._start)


def init_log(level: int = 0, stderr: bool = False) -> None:
    """Show log lines from a severity on: 0 info, 1 warning, 2 error, 3 fatal.

    Parameters
    ----------
    level : int, default=0
    stderr : bool, default=False
        Accepted as pycaffe does; lines always go to standard error.
    """
    package = logging.getLogger("cnnvis_caffe")
    package.setLevel(_LEVELS[min(max(level, 0), 3)])
    if not any(isinstance(handler, logging.StreamHandler) for handler in package.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(levelname).1s %(asctime)s %(module)s] %(message)s"))
        package.addHandler(handler)


def log(message: str) -> None:
    """Write a line to the log at the lowest severity."""
    logger.info("%s", message)
