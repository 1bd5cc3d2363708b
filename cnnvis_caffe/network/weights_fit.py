"""Comparing a weights file with a network before anything is loaded."""

from __future__ import annotations

import difflib

from cnnvis_caffe.records.dag import Dag, DagLayer
from cnnvis_caffe.records.weights import LayerWeights, WeightsFile
from cnnvis_caffe.records.weights_fit import DIFFERS, IGNORED, MATCHES, MISSING, UNCOMPARED, LayerFit, WeightsFit
from cnnvis_caffe.runtime.net_weights import shape_fits


def compare(dag: Dag, weights: WeightsFile) -> WeightsFit:
    """Say for every layer what happens when a weights file is loaded into a network.

    Parameters
    ----------
    dag : Dag
    weights : WeightsFile

    Returns
    -------
    WeightsFit

    Notes
    -----
    The rules are those of `Net::CopyTrainedLayersFrom` in `src/caffe/net.cpp`: layers go by their names, a name that
    the network has twice is its first layer for binary files and its last for HDF5.
    """
    is_hdf5 = weights.format == "hdf5"
    layers = dag.layers if is_hdf5 else tuple(reversed(dag.layers))
    chosen = {layer.name: layer for layer in layers}
    saved = {layer.name: layer for layer in weights.layers}
    result = []
    for layer in dag.layers:
        source = saved.get(layer.name)
        if chosen[layer.name] is not layer:
            if layer.params:
                result.append(LayerFit(layer.name, MISSING, "another layer has this name and gets the parameters"))
        elif source is not None and (source.blobs or layer.params) and (layer.is_shaped or layer.params):
            reason = _difference(layer, source, is_hdf5)
            if reason or layer.params:
                result.append(LayerFit(layer.name, DIFFERS if reason else MATCHES, reason))
        elif source is not None and source.blobs:
            result.append(LayerFit(layer.name, UNCOMPARED, "its shape in the network is not known"))
        elif layer.params:
            owners = [param.owner for param in layer.params]
            if None in owners:
                result.append(LayerFit(layer.name, MISSING, "the file has no layer of this name"))
    lonely = [fit.name for fit in result if fit.status == MISSING]
    for source in weights.layers:
        if source.blobs and source.name not in chosen:
            result.append(LayerFit(source.name, IGNORED, _ignored(source, lonely)))
    return WeightsFit(weights.path, tuple(result))


def _difference(layer: DagLayer, source: LayerWeights, is_hdf5: bool) -> str:
    """Why the parameters of two layers of one name are not the same; empty if they are."""
    blobs = list(source.blobs)
    if is_hdf5:
        blobs += [None] * (len(layer.params) - len(blobs))
    if len(blobs) != len(layer.params):
        return f"the file has {_count(len(source.blobs))}, the network {_count(len(layer.params))}"
    for index, (blob, param) in enumerate(zip(blobs, layer.params)):
        if blob is None:
            if param.owner is None:
                return f"the file lacks parameter {index}"
        elif not shape_fits(blob, param.shape):
            return (
                f"parameter {index} is {show_shape(blob.shape)} in the file, {show_shape(param.shape)} in the network"
            )
    return ""


def _count(n_params: int) -> str:
    """How many parameters, in words."""
    return f"{n_params or 'no'} parameter{'s' * (n_params != 1)}"


def _ignored(source: LayerWeights, lonely: list[str]) -> str:
    """Why a layer of the file is passed over, with the name that may have been meant."""
    near = difflib.get_close_matches(source.name, lonely, n=1)
    return "the network has no layer of this name" + (f"; is {near[0]!r} meant?" if near else "")


def show_shape(shape: tuple[int, ...]) -> str:
    """Return a shape as people write it, such as 20x1x5x5.

    Parameters
    ----------
    shape : tuple of int
    """
    return "x".join(map(str, shape)) if shape else "a single value"
