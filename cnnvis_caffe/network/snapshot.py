"""The network that a caffemodel was saved with, as somebody would have written it."""

from __future__ import annotations

import re

from cnnvis_caffe.formats import schema
from cnnvis_caffe.records.network_file import NetworkFile
from cnnvis_caffe.records.weights import WeightsFile


def network_of(weights: WeightsFile) -> NetworkFile | None:
    """Return the network inside a weights file, without what Caffe added when it built it.

    Parameters
    ----------
    weights : WeightsFile

    Returns
    -------
    NetworkFile or None
        None for HDF5 files, which hold no network, and for files whose layers have no bottoms and tops. Split
        layers that Caffe put in are taken out again, and so are rules of phases: they have been applied.
    """
    if weights.network is None:
        return None
    message = type(weights.network)()
    message.CopyFrom(weights.network)
    del message.layer[:]
    renamed: dict[str, str] = {}
    for layer in weights.network.layer:
        if layer.type == "Split" and len(layer.bottom) == 1 and _is_automatic(layer):
            renamed.update(dict.fromkeys(layer.top, renamed.get(layer.bottom[0], layer.bottom[0])))
            continue
        added = message.layer.add()
        added.CopyFrom(layer)
        added.bottom[:] = [renamed.get(name, name) for name in layer.bottom]
        del added.include[:], added.exclude[:]
    if not any(layer.bottom or layer.top for layer in message.layer):
        return None
    return NetworkFile(weights.path, message, weights.generation, weights.upgrades, (), {})


def phase_of(weights: WeightsFile) -> str:
    """Return the phase of the network that was saved.

    Parameters
    ----------
    weights : WeightsFile

    Returns
    -------
    {"TRAIN", "TEST"}
        TRAIN where the file does not say: snapshots are of networks in training.
    """
    layers = weights.network.layer if weights.network is not None else ()
    phases = {layer.phase for layer in layers if layer.HasField("phase")}
    return "TEST" if phases == {schema.TEST} else "TRAIN"


def _is_automatic(layer: object) -> bool:
    """Whether a Split has the name that Caffe gives."""
    blob, name = layer.bottom[0], layer.name  # type: ignore[attr-defined]
    return bool(re.fullmatch(re.escape(blob) + r"_.*_\d+_split", name, re.DOTALL))
