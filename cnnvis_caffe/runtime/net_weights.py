"""Weights into and out of a net."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnvis_caffe.errors import ParamMismatchError
from cnnvis_caffe.formats.caffemodel import write_caffemodel
from cnnvis_caffe.formats.hdf5 import write_weights_hdf5
from cnnvis_caffe.formats.weights import read_weights
from cnnvis_caffe.records.weights import LayerWeights, ParamArray, WeightsFile

if TYPE_CHECKING:
    from cnnvis_caffe.runtime.blob import Blob
    from cnnvis_caffe.runtime.net import Net

logger = logging.getLogger(__name__)

#: Number of values that are copied at a time: 8 MiB.
PIECE = 1 << 21


def copy_from(net: Net, path: str) -> None:
    """Load a weights file into the layers of the same name.

    Parameters
    ----------
    net : Net
    path : str
        Binary or HDF5.

    Raises
    ------
    DataNotFoundError, CaffemodelError
        If the file is missing or damaged.
    ParamMismatchError
        If a layer of the same name has other parameters; nothing is copied then.

    Notes
    -----
    Follows `Net::CopyTrainedLayersFrom` in `src/caffe/net.cpp`. A layer that the net does not have is skipped, and a
    name that the net has twice goes to the first such layer (binary) or to the last (HDF5), as in Caffe.
    """
    weights = read_weights(path)
    with ThreadPoolExecutor(2) as threads:
        for target, source in _match(net, weights):
            _copy(weights, source.data.reshape(-1), target.data.reshape(-1), threads)


def copy_fitting(net: Net, path: str) -> tuple[str, ...]:
    """Load those layers of a weights file whose name and shapes the net has.

    Parameters
    ----------
    net : Net
    path : str
        Binary or HDF5.

    Returns
    -------
    tuple of str
        Names of these layers, in the order of the net.

    Raises
    ------
    DataNotFoundError, CaffemodelError
        If the file is missing or damaged.
    """
    weights = read_weights(path)
    sources = {layer.name: layer for layer in weights.layers}
    kept = []
    with ThreadPoolExecutor(2) as threads:
        for name, layer in zip(net.layer_names, net.layers):
            blobs = list(sources[name].blobs) if name in sources and layer.blobs else []
            if len(blobs) != len(layer.blobs) or not blobs:
                continue
            pairs = [(target, blob) for target, blob in zip(layer.blobs, blobs) if blob is not None]
            if all(shape_fits(blob, target.shape) for target, blob in pairs):
                for target, blob in pairs:
                    _copy(weights, blob.data.reshape(-1), target.data.reshape(-1), threads)
                kept.append(name)
    return tuple(kept)


def _copy(weights: WeightsFile, source: np.ndarray, target: np.ndarray, threads: ThreadPoolExecutor) -> None:
    """Copy an array piece by piece; the mapped file's pages behind each go back at once, so that they never add up."""

    def copy(first: int) -> None:
        piece = source[first : first + PIECE]
        target[first : first + PIECE] = piece
        weights.release(piece)

    # Two threads, because the system is slower in providing fresh memory than we are in filling it.
    firsts = range(0, source.size, PIECE)
    list((threads.map if len(firsts) > 1 else map)(copy, firsts))


def _match(net: Net, weights: WeightsFile) -> list[tuple[Blob, ParamArray]]:
    """Find the target of every array of a weights file, or say which one has none."""
    is_hdf5 = weights.format == "hdf5"
    names = list(enumerate(net.layer_names))
    index_of = {name: index for index, name in (names if is_hdf5 else reversed(names))}
    pairs: list[tuple[Blob, ParamArray]] = []
    matched = False
    for source in weights.layers:
        index = index_of.get(source.name)
        if index is None:
            logger.info("Ignoring source layer %s", source.name)
            continue
        matched = True
        pairs += _match_layer(net, index, source, weights.path, is_hdf5)
    if not matched and weights.layers:
        logger.warning("%s: no layer has the name of a layer of this net; no weights were loaded", weights.path)
    return pairs


def _match_layer(net: Net, index: int, source: LayerWeights, path: str, is_hdf5: bool) -> list[tuple[Blob, ParamArray]]:
    """Pair a layer's parameters with those of the file."""
    layer = net.layers[index]
    first = net.params.places.index((index, 0)) if layer.blobs else 0
    shared = [net.params.owners[first + i] >= 0 for i in range(len(layer.blobs))]
    blobs = list(source.blobs)
    if is_hdf5:
        blobs += [None] * (len(layer.blobs) - len(blobs))
    # An HDF5 file holds a shared parameter only under the layer that owns it.
    missing = any(blob is None and not is_shared for blob, is_shared in zip(blobs, shared))
    if len(blobs) != len(layer.blobs) or missing:
        raise ParamMismatchError(
            f"{path}: layer {source.name!r} has {sum(blob is not None for blob in blobs)} parameter blobs, but "
            f"{layer.where} has {len(layer.blobs)}; rename the layer in the prototxt to start it afresh"
        )
    pairs = [(target, blob) for target, blob in zip(layer.blobs, blobs) if blob is not None]
    for number, (target, blob) in enumerate(pairs):
        if not shape_fits(blob, target.shape):
            raise ParamMismatchError(
                f"{path}: parameter {number} of layer {source.name!r} has shape {tuple(blob.shape)}, but {layer.where} "
                f"needs {target.shape}; rename the layer in the prototxt to start it afresh"
            )
    return pairs


def shape_fits(source: ParamArray, shape: tuple[int, ...]) -> bool:
    """Say whether an array of a file fits a parameter of the given shape.

    Notes
    -----
    Shapes of the old form (num, channels, height, width) are compared from the end, with ones in front, as in
    `Blob::ShapeEquals` of `src/caffe/blob.cpp`.
    """
    if source.legacy:
        return len(shape) <= 4 and (1,) * (4 - len(shape)) + tuple(shape) == tuple(source.shape)
    return tuple(source.shape) == tuple(shape)


def share_with(net: Net, source: Net) -> None:
    """Let a net use the parameters of another one, layer by layer of the same name.

    Raises
    ------
    ParamMismatchError
        If two layers of the same name have parameters of different number or shape.
    """
    for name, layer in zip(source.layer_names, source.layers):
        if name not in net.layer_names:
            logger.info("Ignoring source layer %s", name)
            continue
        target = net.layers[net.layer_names.index(name)]
        shapes, own = [blob.shape for blob in layer.blobs], [blob.shape for blob in target.blobs]
        if shapes != own:
            raise ParamMismatchError(f"{target.where}: cannot use parameters of shapes {shapes}; its own are {own}")
        for blob, source_blob in zip(target.blobs, layer.blobs):
            blob.share_data(source_blob)


def save(net: Net, path: str, *, diffs: bool = False) -> None:
    """Write all parameters of a net, and the net itself, to a binary caffemodel."""
    network, blobs = _to_proto(net, diffs)
    write_caffemodel(path, network, blobs)


def save_hdf5(net: Net, path: str, *, diffs: bool = False) -> None:
    """Write all parameters of a net to an HDF5 file."""
    _, blobs = _to_proto(net, diffs)
    owners = iter(net.params.owners)
    # Of a shared parameter only the owner's data are saved, but everybody's diff.
    owned = [[(data if next(owners) < 0 else None, diff) for data, diff in row] for row in blobs]
    write_weights_hdf5(path, zip(net.layer_names, owned), with_diff=diffs)


def _to_proto(net: Net, diffs: bool) -> tuple[Any, list[list[tuple[np.ndarray, np.ndarray | None]]]]:
    """The net as set up, and (data, diff or None) of every blob of every layer."""
    network = type(net.param)()
    network.name = net.name
    blobs = []
    for layer in net.layers:
        added = network.layer.add()
        added.CopyFrom(layer.param)
        del added.blobs[:]
        blobs.append([(blob.data, blob.diff if diffs else None) for blob in layer.blobs])
    return network, blobs
