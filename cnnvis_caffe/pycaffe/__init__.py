"""pycaffe's public face on our runtime: what old scripts reach by ``import caffe``.

Run one unchanged with ``python -m cnnvis_caffe.pycaffe script.py``, or call `install_as_caffe` first.
"""

from __future__ import annotations

from cnnvis_caffe.formats.fork_choice import prefer_fork
from cnnvis_caffe.pycaffe import io
from cnnvis_caffe.pycaffe._caffe import (
    NCCL,
    TEST,
    TRAIN,
    Layer,
    Timer,
    __version__,
    has_nccl,
    init_log,
    layer_type_list,
    log,
    set_device,
    set_mode_cpu,
    set_mode_gpu,
    set_multiprocess,
    set_random_seed,
    set_solver_count,
    set_solver_rank,
    solver_count,
    solver_rank,
)
from cnnvis_caffe.pycaffe.classifier import Classifier
from cnnvis_caffe.pycaffe.detector import Detector
from cnnvis_caffe.pycaffe.install import install_as_caffe
from cnnvis_caffe.pycaffe.net_spec import NetSpec, layers, params, to_proto
from cnnvis_caffe.pycaffe.pycaffe import Net
from cnnvis_caffe.pycaffe.solver import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    get_solver,
)

__all__ = [
    "NCCL",
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Classifier",
    "Detector",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "Timer",
    "__version__",
    "get_solver",
    "has_nccl",
    "init_log",
    "install_as_caffe",
    "io",
    "layer_type_list",
    "layers",
    "log",
    "params",
    "prefer_fork",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_multiprocess",
    "set_random_seed",
    "set_solver_count",
    "set_solver_rank",
    "solver_count",
    "solver_rank",
    "to_proto",
]
