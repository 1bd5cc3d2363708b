"""Positions of data layers in their data, and of random streams in theirs.

A layer that reads data, or remembers anything else from one forward pass to the next, takes part by two methods:
`get_position()` returns a dict of str to int, float, str or ndarray, and `set_position(dict)` takes it. A layer
written in Python may have them as well.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnvis_caffe.formats.resume import ResumeState
from cnnvis_caffe.runtime import backend, ranks
from cnnvis_caffe.runtime.backend import torch
from cnnvis_caffe.runtime.rng import default_random


def collect(nets: Mapping[str, Any], iteration: int) -> ResumeState:
    """Note where everything stands.

    Parameters
    ----------
    nets : mapping of str to Net
    iteration : int
        Iterations done.

    Returns
    -------
    ResumeState
    """
    positions: dict[str, dict[str, Any]] = {}
    for net_name, net in nets.items():
        for layer in net.layers:
            owner = _owner(layer)
            if hasattr(owner, "get_position"):
                positions.setdefault(net_name, {})[layer.name] = owner.get_position()
    random = {"caffe": default_random().get_state()}
    if backend.on_gpu():
        random["cuda"] = {"state": torch.cuda.get_rng_state(backend.device()).numpy()}
    return ResumeState(iteration, positions, random)


def restore(nets: Mapping[str, Any], state: ResumeState) -> None:
    """Bring everything to where it stood; warn of layers for which nothing is known.

    Parameters
    ----------
    nets : mapping of str to Net
    state : ResumeState
        Of any number of devices. Where it is another number than now, the data that all devices share go on where they
        stood, but what the added ones have for themselves begins anew.
    """
    rank, n_then = ranks.solver_rank(), len(state.others) + 1
    if n_then != ranks.solver_count() and ranks.is_root():
        warnings.warn(
            f"{state.path}: was written by {n_then} devices together, now there are {ranks.solver_count()}; the data "
            "go on where they stood, random numbers of the other devices begin anew",
            stacklevel=5,
        )
    if rank and n_then != ranks.solver_count():
        _restore_shared(nets, state)
        return
    if rank:
        state = state.others[rank - 1]
    unknown = []
    for net_name, net in nets.items():
        known = state.positions.get(net_name, {})
        for layer in net.layers:
            owner = _owner(layer)
            if not hasattr(owner, "set_position"):
                continue
            if layer.name in known:
                owner.set_position(known[layer.name])
            else:
                unknown.append(f"{layer.name!r} ({net_name})")
    if unknown:
        warnings.warn(
            f"{state.path}: says nothing of {', '.join(unknown)}; data begin at their start there", stacklevel=5
        )
    default_random().set_state(dict(state.random["caffe"]))
    if backend.on_gpu() and "cuda" in state.random:
        torch.cuda.set_rng_state(torch.from_numpy(np.array(state.random["cuda"]["state"])), backend.device())


def _restore_shared(nets: Mapping[str, Any], state: ResumeState) -> None:
    """Bring the data that all devices share to where they stood, and leave all random numbers as they are."""
    for net_name, net in nets.items():
        for layer in net.layers:
            known = state.positions.get(net_name, {}).get(layer.name)
            if known is not None and getattr(layer, "deals_by_rank", False):
                own = layer.get_position()
                layer.set_position({**known, **{name: own[name] for name in own if name == "transform_random"}})


def _owner(layer: Any) -> Any:
    """The layer, or the object that its author wrote in Python."""
    return getattr(layer, "instance", layer)
