"""Paths that a prototxt names: seen from the current folder as in Caffe, else from the folder of the file itself.

So a folder with a solver, its network and its data can be moved, and works from anywhere.
"""

from __future__ import annotations

import os
from typing import Any

#: Fields of a layer that name what is read, by the message that they are in.
_READ_BY_LAYERS = {
    "data_param": ("source",),
    "hdf5_data_param": ("source",),
    "image_data_param": ("source", "root_folder"),
    "infogain_loss_param": ("source",),
    "transform_param": ("mean_file",),
    "window_data_param": ("source", "root_folder", "mean_file"),
}


def find(path: str, file: str | os.PathLike[str]) -> str:
    """Return where the path lies that a file names.

    Parameters
    ----------
    path : str
    file : str or path-like
        The file in which it stands.

    Returns
    -------
    str
        The path itself where it is there, seen from the current folder; else the one beside `file` where that is there;
        else the path itself.
    """
    beside = os.path.join(os.path.dirname(os.fspath(file)), path)
    return beside if path and not os.path.exists(path) and os.path.exists(beside) else path


def find_in_network(network: Any, file: str | os.PathLike[str]) -> None:
    """Let a network's layers name what they read as `find` finds it.

    Parameters
    ----------
    network : NetParameter
        Changed in place.
    file : str or path-like
        Where it comes from.
    """
    for layer in network.layer:
        for part, fields in _READ_BY_LAYERS.items():
            if layer.HasField(part):
                _find_fields(getattr(layer, part), fields, file)


def find_in_solver(solver: Any, file: str | os.PathLike[str]) -> None:
    """Let a solver name its networks and weights as `find` finds them.

    Parameters
    ----------
    solver : SolverParameter
        Changed in place. Snapshots go to where the solver is looked at from: with a network that was found beside the
        solver, `snapshot_prefix` counts from there, too.
    file : str or path-like
        Where it comes from.
    """
    named = solver.net, solver.train_net
    _find_fields(solver, ("net", "train_net"), file)
    solver.test_net[:] = [find(path, file) for path in solver.test_net]
    solver.weights[:] = [",".join(find(path, file) for path in entry.split(",")) for entry in solver.weights]
    folder = os.path.dirname(os.fspath(file))
    # A prefix that was not given is the solver's own path already.
    if (solver.net, solver.train_net) != named and os.path.dirname(solver.snapshot_prefix) != folder:
        solver.snapshot_prefix = os.path.join(folder, solver.snapshot_prefix)


def _find_fields(message: Any, fields: tuple[str, ...], file: str | os.PathLike[str]) -> None:
    """Replace paths that were found elsewhere; what is not given stays so."""
    for field in fields:
        path = getattr(message, field)
        found = find(path, file)
        if found != path:
            setattr(message, field, found)
