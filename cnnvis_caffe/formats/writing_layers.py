"""Layers that write files which their prototxt names, and networks without them."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from cnnvis_caffe.records.network_file import NetworkFile

logger = logging.getLogger(__name__)


def written_by(layer: Any) -> str:
    """Return what a layer would write; empty for almost all of them.

    Parameters
    ----------
    layer : LayerParameter

    Returns
    -------
    str
        A file or folder.
    """
    if layer.type == "HDF5Output":
        return str(layer.hdf5_output_param.file_name)
    if layer.type == "DetectionOutput":  # SSD's own does; ours writes nothing
        return str(layer.detection_output_param.save_output_param.output_directory)
    return ""


def without_writing(network: NetworkFile) -> NetworkFile:
    """Return a network that writes no files, for work that is not there to write them.

    Parameters
    ----------
    network : NetworkFile

    Returns
    -------
    NetworkFile
        Without its HDF5Output layers, and without what DetectionOutput layers would save. What is left out is logged.
    """
    if not any(layer.type in ("HDF5Output", "DetectionOutput") for layer in network.message.layer):
        return network
    message = type(network.message)()
    message.CopyFrom(network.message)
    del message.layer[:]
    for layer in network.message.layer:
        if layer.type == "HDF5Output":
            logger.warning(
                "layer %r (%s), which would write %s, is left out", layer.name, layer.type, written_by(layer)
            )
            continue
        added = message.layer.add()
        added.CopyFrom(layer)
        if layer.type == "DetectionOutput":
            added.detection_output_param.ClearField("save_output_param")
    return replace(network, message=message)
