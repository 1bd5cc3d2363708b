"""Looks beside a deploy network for what it does not say: how its images were prepared in training."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.formats import beside, file_kind
from cnnvis_caffe.formats.prototxt import read_network, read_solver
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.network.deploy_layers import is_source
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.network.input_shapes import shares_layers
from cnnvis_caffe.network.means import preparation_options
from cnnvis_caffe.network.snapshot import network_of
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.preparation import FoundPreparation

#: Bytes of a prototxt that nobody has named and that is looked into nevertheless.
_LARGEST = 4 << 20
#: Prototxts of a folder that are looked into.
_MOST = 50
_MEAN_SUFFIXES = (".binaryproto", ".npy")


def find_preparation(network: NetworkFile, weights: Sequence[str] = ()) -> FoundPreparation:
    """Find out how images were prepared for a network that does not say it.

    Parameters
    ----------
    network : NetworkFile
        With Input layers in place of data layers.
    weights : sequence of str, optional
        Its weights, of which the first are looked into.

    Returns
    -------
    FoundPreparation
        By the network inside the weights; else by the one prototxt in the folders of both, or named by a solver there,
        that has the same layers and reads data. Where several disagree, none is taken.
    """
    found = _inside_weights(weights)
    candidates = [found] if found else _in_folders(network, weights)
    means = _mean_files(network.path, weights)
    ways = {preparation_options(layer) for layer, _ in candidates}
    if len(ways) != 1:
        return FoundPreparation(means=means)
    layer, origin = candidates[0]
    name = layer.transform_param.mean_file
    return FoundPreparation(layer, origin, preparation_options(layer), not name or os.path.isfile(name), means)


def training_networks(network: NetworkFile, weights: Sequence[str] = ()) -> list[NetworkFile]:
    """Return the networks with the same layers that lie inside the weights and beside both.

    Parameters
    ----------
    network : NetworkFile
    weights : sequence of str, optional

    Returns
    -------
    list of NetworkFile
        Without the network itself; what they name is found beside them.
    """
    inside = _network_inside(weights)
    return [*([inside] if inside is not None else []), *_like(network, weights)]


def _network_inside(weights: Sequence[str]) -> NetworkFile | None:
    """The network that the weights were saved with."""
    network = network_of(read_weights(weights[0])) if weights else None
    if network is not None:
        beside.find_in_network(network.message, weights[0])
    return network


def _inside_weights(weights: Sequence[str]) -> tuple[Any, str] | None:
    """The data layer in the weights that does something to values."""
    network = _network_inside(weights)
    for layer in network.message.layer if network is not None else ():
        if is_source(layer) and preparation_options(layer):
            return layer, weights[0]
    return None


def _in_folders(network: NetworkFile, weights: Sequence[str]) -> list[tuple[Any, str]]:
    """One data layer of each network with the same layers: that of its TEST phase, where there is one."""
    result = []
    for other in _like(network, weights):
        sources = filter(is_source, other.message.layer)
        data = [layer for layer in sources if facts_of(layer.type).reads_data]
        test = [layer for layer in data if any(rule.phase == 1 for rule in layer.include)]
        result += [(layer, f"{other.path}, layer {layer.name!r}") for layer in (test or data)[:1]]
    return result


def _like(network: NetworkFile, weights: Sequence[str]) -> list[NetworkFile]:
    """Networks beside the model and the weights, and those that solvers there name, with the same layers."""
    found: dict[str, NetworkFile] = {}
    for path in _prototxts(network.path, weights):
        for file in _networks_of(path):
            real = os.path.realpath(file)
            if real in found or real == os.path.realpath(network.path):
                continue
            try:
                other = read_network(file)
            except (CnnvisError, OSError):  # nobody has named it: what cannot be read is passed over
                continue
            if shares_layers(other.message.layer, network.message.layer):
                beside.find_in_network(other.message, file)
                found[real] = other
    return list(found.values())


def _networks_of(path: str) -> list[str]:
    """A prototxt itself, or the networks that a solver names."""
    try:
        if file_kind.guess_kind(path) != file_kind.SOLVER:
            return [path]
        solver = read_solver(path).message
    except (CnnvisError, OSError):
        return []
    beside.find_in_solver(solver, path)
    names = [solver.net, solver.train_net, *solver.test_net]
    return [name for name in names if name and os.path.isfile(name) and os.path.getsize(name) <= _LARGEST]


def _folders(model: str, weights: Sequence[str]) -> Iterable[str]:
    """Where the model and the weights lie."""
    return dict.fromkeys(os.path.dirname(file) or "." for file in (model, *weights[:1]))


def _prototxts(model: str, weights: Sequence[str]) -> list[str]:
    """Prototxts that are small enough to be looked into."""
    found = []
    for folder in _folders(model, weights):
        for path in sorted(Path(folder).glob("*.prototxt"))[:_MOST]:
            if path.is_file() and path.stat().st_size <= _LARGEST:
                found.append(os.fspath(path))
    return found


def _mean_files(model: str, weights: Sequence[str]) -> tuple[str, ...]:
    """Files that are called a mean."""
    found = []
    for folder in _folders(model, weights):
        for path in sorted(Path(folder).iterdir()) if os.path.isdir(folder) else ():
            if path.suffix in _MEAN_SUFFIXES and "mean" in path.name.lower() and path.is_file():
                found.append(os.fspath(path))
    return tuple(found)
