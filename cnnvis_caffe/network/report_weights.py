"""Reports on a weights file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.network.report_network import Choice, Report, add_network
from cnnvis_caffe.network.snapshot import network_of, phase_of
from cnnvis_caffe.network.statistics import statistics
from cnnvis_caffe.records.weights import ParamArray, WeightsFile


def weights_format(file: WeightsFile) -> Report:
    """How a weights file is written."""
    arrays = [blob for layer in file.layers for blob in layer.blobs if blob is not None]
    return {
        "text": False,
        "container": file.format,
        "generation": file.generation or None,
        "upgrades": list(file.upgrades),
        "unknown_fields": list(file.unknown),
        "legacy_shapes": any(blob.legacy for blob in arrays),
        "has_diffs": any(blob.diff is not None for blob in arrays),
    }


def weights_report(file: WeightsFile) -> Report:
    """The arrays of a weights file."""
    layers = [
        {
            "name": layer.name,
            "type": layer.type or None,
            "parameters": [None if blob is None else array_report(blob) for blob in layer.blobs],
        }
        for layer in file.layers
        if layer.blobs
    ]
    arrays = [blob for layer in file.layers for blob in layer.blobs if blob is not None]
    return {
        "file": file.path,
        "format": weights_format(file),
        "net_name": file.net_name or None,
        "n_layers": len(file.layers),
        "n_parameters": sum(blob.data.size for blob in arrays),
        "layers": layers,
    }


def array_report(blob: ParamArray) -> Report:
    """Shape and statistics of an array."""
    return {"shape": list(blob.shape), "legacy": blob.legacy, "statistics": asdict(statistics(blob.data))}


def add_network_of(
    report: Report,
    file: WeightsFile,
    others: Sequence[WeightsFile],
    choice: Choice,
    shapes: dict[str, tuple[int, ...]],
) -> None:
    """Add the network that a weights file was saved with, if it holds one that can be built."""
    network = network_of(file)
    if network is None:
        return
    choice = choice[0] or phase_of(file), *choice[1:]
    try:
        add_network(report, network, [file, *others], choice, shapes)
    except LayerError as error:
        report["problems"].append(f"the network in the file cannot be built: {error}")
