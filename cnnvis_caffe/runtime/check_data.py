"""Checks that everything a net reads from disk is there and readable, before anything is built or logged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnvis_caffe.formats import beside
from cnnvis_caffe.formats.python_code import refuse_code
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.runtime.blob import Blob
from cnnvis_caffe.runtime.filter_net import network_of_phase
from cnnvis_caffe.runtime.layers import create_layer, layer_type_list
from cnnvis_caffe.runtime.layers.prefetch import PrefetchingLayer
from cnnvis_caffe.runtime.place import place_of


def check_data(
    network: NetworkFile, phase: int, level: int = 0, stages: Sequence[str] = (), *, allow_python_layers: bool = False
) -> None:
    """Open what the data layers of a net read, and close it again.

    Parameters
    ----------
    network : NetworkFile
    phase : int
        ``schema.TRAIN`` or ``schema.TEST``.
    level : int, default=0
    stages : sequence of str, optional
        Added to those in the file.
    allow_python_layers : bool, default=False
        Whether the code of Python layers may be run; nothing is run here.

    Raises
    ------
    ConsentError
        If the net has a Python layer whose code may not be run.
    DataSourceError
        If a database, list, image or mean is missing or damaged, or the library is missing that reads it.

    Notes
    -----
    The random stream is left alone, so that the net draws afterwards what it would have drawn.
    """
    filtered = network_of_phase(network, phase, level, stages)
    beside.find_in_network(filtered, network.path)
    if not allow_python_layers:
        refuse_code(filtered, network.path, network.layer_lines)
    for param in filtered.layer:
        if param.bottom or param.type not in layer_type_list():
            continue
        if not param.HasField("phase"):
            param.phase = phase
        layer = create_layer(param, place_of(param, network.path, network.layer_lines), initialize=False)
        if layer.reads_files:
            _open(layer, param)


def _open(layer: Any, param: Any) -> None:
    """Set one data layer up, and read its mean, which a layer that is only looked at leaves alone."""
    layer.set_up([], [Blob(name=name) for name in param.top])
    if isinstance(layer, PrefetchingLayer):
        layer.check_mean()
