"""The nets of a solver: which files or messages they come from, in which state, with which weights."""

from __future__ import annotations

import dataclasses
import logging
import os
from typing import Any

from cnnvis_caffe.errors import DataNotFoundError, NetError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.formats.upgrade import upgrade_network
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.runtime import net_weights
from cnnvis_caffe.runtime.check_data import check_data
from cnnvis_caffe.runtime.net import Net

logger = logging.getLogger(__name__)

TRAIN_NET_FIELDS = ("net", "net_param", "train_net", "train_net_param")


def make_train_net(param: Any, where: str, *, allow_python_layers: bool = False) -> Net:
    """Build the net that learns, and load the solver's `weights` into it.

    Parameters
    ----------
    param : SolverParameter
    where : str
        What messages begin with: the solver's file.
    allow_python_layers : bool, default=False
        Whether the code of Python layers may be run.

    Raises
    ------
    NetError
        If the solver names no train net or more than one.

    Notes
    -----
    `Solver::InitTrainNet` in `src/caffe/solver.cpp`.
    """
    field = _train_field(param, where)
    source = getattr(param, field)
    if field in ("net", "train_net"):
        logger.info("Creating training net from %s file: %s", field, source)
    else:
        logger.info("Creating training net specified in %s.", field)
    network = _network(source, field, where)
    network, state = _in_state(network, schema.TRAIN, param.train_state)
    net = Net(network, state.phase, state.level, allow_python_layers=allow_python_layers)
    _load_weights(net, param)
    return net


def make_test_nets(param: Any, where: str, *, allow_python_layers: bool = False) -> list[Net]:
    """Build the nets that are tested while training, and load the solver's `weights` into them.

    Parameters
    ----------
    param : SolverParameter
    where : str
        What messages begin with: the solver's file.
    allow_python_layers : bool, default=False
        Whether the code of Python layers may be run.

    Raises
    ------
    NetError
        If `test_iter`, `test_state` or `test_interval` do not go with the number of test nets.

    Notes
    -----
    `Solver::InitTestNets` in `src/caffe/solver.cpp`: first every `test_net_param`, then every `test_net`, then the
    net that trains for each `test_iter` that is left.
    """
    nets = []
    for index, (field, source, own_state) in enumerate(_test_sources(param, where)):
        described = f"{field} file: {source}" if isinstance(source, str) else field
        logger.info("Creating test net (#%d) specified by %s", index, described)
        network, state = _in_state(_network(source, field, where), schema.TEST, own_state)
        net = Net(network, state.phase, state.level, allow_python_layers=allow_python_layers)
        net.param.debug_info = param.debug_info
        _load_weights(net, param)
        nets.append(net)
    return nets


def check_solver_data(param: Any, where: str, *, allow_python_layers: bool = False) -> None:
    """Open what the data layers of all nets of a solver read, and look for its weights.

    Parameters
    ----------
    param : SolverParameter
    where : str
        What messages begin with: the solver's file.
    allow_python_layers : bool, default=False
        Whether the code of Python layers may be run; nothing is run here.

    Raises
    ------
    ConsentError
        If a net has a Python layer whose code may not be run.
    NetError
        If something is missing or damaged, or the solver's nets are not as Caffe allows them.
    DataNotFoundError
        If weights are not there.
    """
    field = _train_field(param, where)
    nets = [(field, getattr(param, field), schema.TRAIN, param.train_state)]
    nets += [(*found[:2], schema.TEST, found[2]) for found in _test_sources(param, where)]
    for field, source, phase, own_state in nets:
        network, state = _in_state(_network(source, field, where), phase, own_state)
        check_data(network, state.phase, state.level, allow_python_layers=allow_python_layers)
    for path in (path.strip() for entry in param.weights for path in entry.split(",")):
        if not os.path.exists(path):
            raise DataNotFoundError(f"{path}: there is no such file")


def _train_field(param: Any, where: str) -> str:
    """The field of a solver that gives the net that learns."""
    given = [field for field in TRAIN_NET_FIELDS if param.HasField(field)]
    if len(given) != 1:
        found = "no train net" if not given else f"more than one train net ({', '.join(given)})"
        raise NetError(f"{where}: the solver has {found}; give exactly one of {', '.join(TRAIN_NET_FIELDS)}")
    return given[0]


def _test_sources(param: Any, where: str) -> list[tuple[str, Any, Any]]:
    """Field, file or message, and own state of every test net."""
    sources = [("test_net_param", message) for message in param.test_net_param]
    sources += [("test_net", path) for path in param.test_net]
    n_test_iter = len(param.test_iter)
    generic = next((field for field in ("net_param", "net") if param.HasField(field)), None)
    if n_test_iter < len(sources) or (generic is None and n_test_iter != len(sources)):
        raise NetError(
            f"{where}: the solver has {n_test_iter} test_iter for {len(sources)} test nets; give one for each"
            + (", and one more for each test of the train net's own file" if generic else "")
        )
    if generic is not None:
        sources += [(generic, getattr(param, generic))] * (n_test_iter - len(sources))
    if param.test_state and len(param.test_state) != len(sources):
        raise NetError(
            f"{where}: the solver has {len(param.test_state)} test_state for {len(sources)} test nets; "
            "give one for each, or none"
        )
    if sources and param.test_interval <= 0:
        raise NetError(f"{where}: the solver has test nets, so test_interval must be above 0")
    states = list(param.test_state) or [None] * len(sources)
    return [(field, source, state) for (field, source), state in zip(sources, states)]


def _network(source: Any, field: str, where: str) -> NetworkFile:
    """Read a file, or take a message that stands in the solver itself."""
    if isinstance(source, str):
        if not os.path.exists(source):
            raise DataNotFoundError(
                f"{where}: {field} {source!r} is not there; the path is seen from the folder that one runs in, "
                f"which is {os.getcwd()!r}, or from the folder of the solver"
            )
        return read_network(source, allow_unknown=False)
    message = type(source)()
    message.CopyFrom(source)
    # Caffe does not upgrade these: of an older net nothing would be left.
    upgrades = upgrade_network(message)
    return NetworkFile(f"{where} ({field})", message, "V2", tuple(upgrades), (), {})


def _in_state(network: NetworkFile, phase: int, own_state: Any) -> tuple[NetworkFile, Any]:
    """A net in the solver's default state, overruled by that of its file and that in the solver; and this state."""
    state = schema.NetState(phase=phase)
    state.MergeFrom(network.message.state)
    if own_state is not None:
        state.MergeFrom(own_state)
    message = type(network.message)()
    message.CopyFrom(network.message)
    message.state.CopyFrom(state)
    return dataclasses.replace(network, message=message), state


def _load_weights(net: Net, param: Any) -> None:
    """Load all files that the field `weights` lists, separated by commas or given several times."""
    for entry in param.weights:
        for path in entry.split(","):
            logger.info("Finetuning from %s", path.strip())
            net_weights.copy_from(net, path.strip())
