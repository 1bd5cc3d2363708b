"""Reports on a file of Caffe, as plain dictionaries that become JSON or text.

The shape of these dictionaries is what `cnnvis-caffe inspect --json` promises; `SCHEMA` grows with every change that
takes something away or gives it another meaning.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from cnnvis_caffe.errors import FileFormatError
from cnnvis_caffe.formats import file_kind
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.network.report_network import Report, add_network, text_format
from cnnvis_caffe.network.report_training import mean_report, solver_report, solver_state_report
from cnnvis_caffe.network.report_weights import add_network_of, weights_format, weights_report

SCHEMA = 1
_KINDS = {
    file_kind.NETWORK: "network",
    file_kind.SOLVER: "solver",
    file_kind.CAFFEMODEL: "weights",
    file_kind.HDF5_WEIGHTS: "weights",
    file_kind.SOLVERSTATE: "solverstate",
    file_kind.HDF5_SOLVERSTATE: "solverstate",
    file_kind.MEAN: "mean",
}


def inspect_file(
    path: str | os.PathLike[str],
    weights: Sequence[str | os.PathLike[str]] = (),
    *,
    phase: str | None = None,
    level: int = 0,
    stages: Sequence[str] = (),
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Report:
    """Look into a file of Caffe.

    Parameters
    ----------
    path : str or path-like
        Network or solver prototxt, weights, solver state or mean image.
    weights : sequence of str or path-like, optional
        Weights to compare with the network.
    phase : {"TEST", "TRAIN"}, optional
        TEST by default, or whatever the network can be built for.
    level : int, default=0
    stages : sequence of str, optional
    input_shapes : mapping of str to tuple of int, optional
        Shapes of inputs, instead of those in the file or where the file has none.

    Returns
    -------
    dict
        Of strings, numbers, lists and dictionaries only. ``"kind"`` says which of the other keys there are.

    Raises
    ------
    DataNotFoundError
        If a file is not there.
    CnnvisError
        If a file cannot be read, or the network is not as Caffe allows it.
    """
    path = os.fspath(path)
    kind = _KINDS.get(file_kind.guess_kind(path))
    if kind is None:
        kind = _kind_by_name(path)
    if weights and kind not in ("network", "weights"):
        raise FileFormatError(path, f"is not a network, with which weights could be compared, but a {kind}")
    report: Report = {"schema": SCHEMA, "file": path, "bytes": os.path.getsize(path), "kind": kind}
    files = [read_weights(name) for name in weights]
    choice = phase, level, tuple(stages)
    shapes = dict(input_shapes or {})
    if kind == "network":
        network = read_network(path)
        report["format"] = text_format(network)
        add_network(report, network, files, choice, shapes)
        report["weights"] = [weights_report(file) for file in files]
    elif kind == "solver":
        report.update(solver_report(path))
    elif kind == "weights":
        file = read_weights(path)
        report["format"] = weights_format(file)
        report["problems"] = []
        add_network_of(report, file, files, choice, shapes)
        report["weights"] = [weights_report(other) for other in [file, *files]]
    elif kind == "solverstate":
        report.update(solver_state_report(path))
    else:
        report["mean"] = mean_report(path)
    return report


def _kind_by_name(path: str) -> str:
    """What a file is meant to be whose content says nothing; its reader then says what is wrong."""
    name = path.lower()
    for ending, kind in ((".prototxt", "network"), (".caffemodel", "weights"), (".solverstate", "solverstate"),
                         (".binaryproto", "mean")):  # fmt: skip
        if name.endswith((ending, f"{ending}.h5")):
            return kind
    raise FileFormatError(
        path,
        "is none of the files that Caffe knows: a network or solver prototxt, a caffemodel, a solver state or a mean "
        "image, in text, binary or HDF5",
    )
