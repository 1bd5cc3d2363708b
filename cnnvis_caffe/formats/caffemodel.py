"""Binary .caffemodel files: a NetParameter whose layers carry their learned arrays.

Parsing 244 MB of floats through protobuf takes a second and three times the memory. So the file is mapped,
the arrays are found by walking the wire format, and only what is left, the network, goes through protobuf and
the upgrade of old generations. A numbered stand-in takes the place of each array on that way: wherever the
upgrade puts it, that is where the array belongs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union

import numpy as np
from google.protobuf.message import DecodeError

from cnnvis_caffe.errors import CaffemodelError
from cnnvis_caffe.files.atomic import atomic_write
from cnnvis_caffe.formats import schema, sniff, wire
from cnnvis_caffe.formats.blobproto import (
    INT_MAX,
    Piece,
    blob_pieces,
    pieces_length,
    read_blob,
    write_pieces,
)
from cnnvis_caffe.formats.foreign import find_foreign
from cnnvis_caffe.formats.fork_binary import name_old_types, read_fork_settings
from cnnvis_caffe.formats.mapped import MappedFile
from cnnvis_caffe.formats.upgrade import upgrade_network
from cnnvis_caffe.formats.wire import WireError
from cnnvis_caffe.records.weights import LayerWeights, ParamArray, WeightsFile

#: An array to write: alone, with its diff, or as it was read.
BlobLike = Union[np.ndarray, "tuple[np.ndarray, np.ndarray | None]", ParamArray]

# Field numbers on the way from a NetParameter to its BlobProtos.
_BLOBS = 7
_LAYER = 100
_BLOB: dict[int, Any] = {}
_V0_LAYER = {50: _BLOB}
_V1_LAYER = {6: _BLOB, 1: _V0_LAYER}
_NETWORK = {2: _V1_LAYER, _LAYER: {_BLOBS: _BLOB}}


def read_caffemodel(path: str | os.PathLike[str]) -> WeightsFile:
    """Open a binary caffemodel of any generation.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    WeightsFile
        With arrays as read-only views into the mapped file, and layers as the upgrade leaves them.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    CaffemodelError
        If it is not a caffemodel or is damaged. Caffe takes an empty file, a web page or a prototxt for a
        caffemodel without layers and loads nothing in silence; here the error says what the file looks like.

    Notes
    -----
    ``ReadNetParamsFromBinaryFileOrDie`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    file = MappedFile(path, CaffemodelError)
    unknown: list[str] = []
    places: list[tuple[int, int]] = []
    try:
        skeleton = bytearray(_without_blobs(file.data, 0, file.size, _NETWORK, places))
        find_foreign(skeleton, 0, len(skeleton), schema.NetParameter.DESCRIPTOR, "network", unknown)
        network = schema.NetParameter.FromString(bytes(skeleton))
        name_old_types(network, bytes(skeleton))
    except (WireError, DecodeError) as damage:
        raise CaffemodelError(file.path, _explain(file, str(damage))) from damage
    if not network.layer and not network.layers:
        raise CaffemodelError(file.path, _explain(file, "holds no layers"))
    if not network.IsInitialized():
        missing = ", ".join(network.FindInitializationErrors())
        raise CaffemodelError(file.path, f"lacks required fields: {missing}")
    generation = _generation(network)
    upgrades = tuple(upgrade_network(network, allow_unknown=True))
    read_fork_settings(network)
    layers = tuple(_layer_weights(file, layer, places, unknown) for layer in network.layer)
    return WeightsFile(
        path=file.path,
        format="binary",
        generation=generation,
        net_name=network.name,
        layers=layers,
        network=network,
        upgrades=upgrades,
        unknown=tuple(unknown),
        mapping=file,
    )


def write_caffemodel(
    path: str | os.PathLike[str],
    network: Any,
    blobs: Mapping[str, Sequence[BlobLike]] | Sequence[Sequence[BlobLike]],
) -> None:
    """Write a binary caffemodel, byte for byte as Caffe would.

    The file is written piece by piece, so that no second copy of the arrays is ever in memory, and takes its
    place only when it is complete.

    Parameters
    ----------
    path : str or path-like
    network : NetParameter
        Of the current generation, without blobs.
    blobs : mapping of str to sequence, or sequence of sequences
        The arrays of each layer, by name or in the network's order. An array is a float32 ndarray, a pair
        ``(data, diff or None)``, or a ParamArray, whose legacy shape is kept as such. Layers that a mapping
        does not name have none.

    Raises
    ------
    CaffemodelError
        If the arrays do not belong to the network, or are together more than the 2 GiB that protobuf allows.

    Notes
    -----
    ``Net::ToProto`` in ``src/caffe/net.cpp`` and ``WriteProtoToBinaryFile`` in ``src/caffe/util/io.cpp``.
    """
    path = os.fspath(path)
    pieces = _network_pieces(path, network, _by_layer(path, network, blobs))
    length = pieces_length(pieces)
    if length > INT_MAX:
        reason = f"would take {length} bytes, but protobuf messages hold at most {INT_MAX}; write HDF5 instead"
        raise CaffemodelError(path, reason)
    with atomic_write(path) as temporary_path, open(temporary_path, "wb") as file:
        write_pieces(file, pieces)


def _without_blobs(data: Any, start: int, end: int, inner: Mapping[int, Any], places: list[tuple[int, int]]) -> bytes:
    """Return a message with a numbered stand-in for each blob, and note where the blobs are."""
    pieces = []
    kept = start
    for field in wire.fields(data, start, end):
        below = inner.get(field.number) if field.wire == wire.LENGTH else None
        if below is None:
            continue
        if below is _BLOB:
            body = b"\x08" + wire.write_varint(len(places))  # BlobProto.num
            places.append((field.begin, field.end))
        else:
            body = _without_blobs(data, field.begin, field.end, below, places)
        pieces += [data[kept : field.start], wire.write_length(field.number, len(body)), body]
        kept = field.end
    pieces.append(data[kept:end])
    return b"".join(pieces)


def _layer_weights(file: MappedFile, layer: Any, places: Sequence[tuple[int, int]], unknown: list[str]) -> LayerWeights:
    """Return the arrays of a layer, and take the stand-ins out of it."""
    blobs = []
    for index, stand_in in enumerate(layer.blobs):
        where = f"layer {layer.name!r}: blob {index}"
        foreign: list[str] = []
        try:
            begin, end = places[stand_in.num]
            blobs.append(read_blob(file, begin, end, foreign))
        except WireError as damage:
            raise CaffemodelError(file.path, f"{where} {damage}") from damage
        unknown.extend(f"{where}: {finding}" for finding in foreign)
    layer.ClearField("blobs")
    return LayerWeights(layer.name, layer.type, tuple(blobs))


def _generation(network: Any) -> str:
    """Return the oldest generation of layer messages in a network."""
    if any(layer.HasField("layer") for layer in network.layers):
        return "V0"
    return "V1" if network.layers else "V2"


def _explain(file: MappedFile, trouble: str) -> str:
    """Return a reason that says what the file looks like, where that can be told."""
    looks_like = sniff.describe(file.data)
    if looks_like:
        return f"is not a caffemodel; it looks like {looks_like}"
    if file.data[0] == 0x08:  # field 1 is a string in NetParameter, a number in SolverState and BlobProto
        return f"is not a caffemodel; it looks like a solver state or a mean image ({trouble})"
    return trouble


def _by_layer(
    path: str, network: Any, blobs: Mapping[str, Sequence[BlobLike]] | Sequence[Sequence[BlobLike]]
) -> list[Sequence[BlobLike]]:
    """Return the arrays in the order of the network's layers."""
    names = [layer.name for layer in network.layer]
    if isinstance(blobs, Mapping):
        strangers = sorted(set(blobs) - set(names))
        if strangers:
            raise CaffemodelError(path, f"cannot be written: the network has no layer {strangers[0]!r}")
        return [blobs.get(name, ()) for name in names]
    if len(blobs) != len(names):
        raise CaffemodelError(
            path, f"cannot be written: arrays of {len(blobs)} layers for a network of {len(names)} layers"
        )
    return list(blobs)


def _network_pieces(path: str, network: Any, blobs: Iterable[Sequence[BlobLike]]) -> list[Piece]:
    """Return a NetParameter in pieces."""
    if network.layers:
        raise CaffemodelError(path, "cannot be written: the network is of an old generation; upgrade it")
    frame = schema.NetParameter()
    frame.CopyFrom(network)
    frame.ClearField("layer")
    before, after = _split(frame.SerializeToString(), _LAYER)
    pieces: list[Piece] = [before]
    for layer, layer_blobs in zip(network.layer, blobs):
        body = _layer_pieces(path, layer, layer_blobs)
        pieces += [wire.write_length(_LAYER, pieces_length(body)), *body]
    return [*pieces, after]


def _layer_pieces(path: str, layer: Any, blobs: Sequence[BlobLike]) -> list[Piece]:
    """Return a LayerParameter in pieces, with blobs at their place by field number."""
    if layer.blobs:
        raise CaffemodelError(path, f"cannot be written: layer {layer.name!r} carries blobs of its own")
    before, after = _split(layer.SerializeToString(), _BLOBS)
    pieces: list[Piece] = [before]
    for blob in blobs:
        body = _blob_pieces(blob)
        pieces += [wire.write_length(_BLOBS, pieces_length(body)), *body]
    return [*pieces, after]


def _blob_pieces(blob: BlobLike) -> list[Piece]:
    """Return a BlobProto in pieces, its shape in the old form if that is how it was read."""
    if isinstance(blob, ParamArray):
        return blob_pieces(blob.data, blob.diff, legacy=blob.legacy)
    return blob_pieces(*blob) if isinstance(blob, tuple) else blob_pieces(blob)


def _split(message: bytes, number: int) -> tuple[bytes, bytes]:
    """Split a message where a field of this number belongs; protobuf writes fields in ascending order."""
    for field in wire.fields(message, 0, len(message)):
        if field.number > number:
            return message[: field.start], message[field.start :]
    return message, b""
