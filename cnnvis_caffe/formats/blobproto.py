"""BlobProto, Caffe's message for an array: found in a mapped file, or written in pieces."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Union

import numpy as np

from cnnvis_caffe.formats import wire
from cnnvis_caffe.formats.mapped import MappedFile
from cnnvis_caffe.formats.wire import WireError
from cnnvis_caffe.records.weights import ParamArray

MAX_AXES = 32  # kMaxBlobAxes
INT_MAX = 2**31 - 1
_LEGACY = {1: "num", 2: "channels", 3: "height", 4: "width"}
_DATA, _DIFF, _SHAPE, _DOUBLE_DATA, _DOUBLE_DIFF = 5, 6, 7, 8, 9
# NVIDIA's Caffe from 0.16 on: bytes, and of what type they are.
_RAW_DATA_TYPE, _RAW_DIFF_TYPE, _RAW_DATA, _RAW_DIFF = 10, 11, 12, 13
_RAW_WIRES = {
    _RAW_DATA_TYPE: wire.VARINT,
    _RAW_DIFF_TYPE: wire.VARINT,
    _RAW_DATA: wire.LENGTH,
    _RAW_DIFF: wire.LENGTH,
}
_RAW_TYPES = ("<f8", "<f4", "<f2")
_ITEMS = {
    _DATA: ("<f4", wire.FIXED32),
    _DIFF: ("<f4", wire.FIXED32),
    _DOUBLE_DATA: ("<f8", wire.FIXED64),
    _DOUBLE_DIFF: ("<f8", wire.FIXED64),
}

#: What a message is written from: bytes as they are, arrays as little-endian floats.
Piece = Union[bytes, np.ndarray]


class _Numbers:
    """One repeated field: a view while the file holds it in one run, a copy when in several."""

    def __init__(self, dtype: str) -> None:
        self._array = np.empty(0, dtype)
        self._joined: bytearray | None = None

    def add(self, run: np.ndarray) -> None:
        if self._joined is not None:
            self._joined += run.tobytes()
        elif self._array.size:
            self._joined = bytearray(self._array.tobytes())
            self._joined += run.tobytes()
        else:
            self._array = run

    def get(self) -> np.ndarray:
        if self._joined is not None:
            return np.frombuffer(bytes(self._joined), self._array.dtype)
        return self._array


def read_blob(file: MappedFile, start: int, end: int, unknown: list[str] | None = None) -> ParamArray:
    """Find the array that a BlobProto holds.

    Parameters
    ----------
    file : MappedFile
    start, end : int
        Where the message lies in the file.
    unknown : list of str, optional
        Gets a sentence for each field that is not Caffe's.

    Returns
    -------
    ParamArray
        A view into the file where it holds the numbers in one run of floats; otherwise a copy.

    Raises
    ------
    WireError
        If the bytes are no BlobProto, or shape and numbers do not agree.

    Notes
    -----
    ``Blob::FromProto`` in ``src/caffe/blob.cpp``: the old four dimensions win over ``shape`` when any of them
    is there, and doubles win over floats when there are any. NVIDIA's Caffe writes the bytes of doubles, floats or
    half precision numbers instead.
    """
    dims: list[int] = []
    legacy: dict[int, int] = {}
    numbers = {number: _Numbers(dtype) for number, (dtype, _) in _ITEMS.items()}
    raw: dict[int, wire.Field] = {}
    position = start
    while position < end:
        for field in wire.fields(file.data, position, end):
            position = field.end
            number = field.number
            if number in _ITEMS and field.wire == wire.LENGTH:
                numbers[number].add(_packed(file, field))
            elif number in _ITEMS and field.wire == _ITEMS[number][1]:
                run, position = _unpacked(file, field, end)
                numbers[number].add(run)
                break  # behind the run
            elif number in _LEGACY and field.wire == wire.VARINT:
                legacy[number] = int32(field.value)
            elif number == _SHAPE and field.wire == wire.LENGTH:
                dims.extend(_dims(file, field.begin, field.end))
                _check_axes(len(dims))
            elif field.wire == _RAW_WIRES.get(number):
                raw[number] = field
            elif unknown is not None:
                unknown.append(f"field {number} of BlobProto (wire type {field.wire}, byte {field.start})")
    shape = tuple(legacy.get(number, 0) for number in _LEGACY) if legacy else tuple(dims)
    count = checked_count(shape)
    for value, kind, target in ((_RAW_DATA, _RAW_DATA_TYPE, _DATA), (_RAW_DIFF, _RAW_DIFF_TYPE, _DIFF)):
        if value in raw:
            numbers[target].add(_raw(file, raw[value], raw.get(kind)))
    data = _choose(numbers[_DOUBLE_DATA], numbers[_DATA], shape, count, "data")
    diff = _choose(numbers[_DOUBLE_DIFF], numbers[_DIFF], shape, count, "diff")
    if data is None:
        if count:
            raise WireError(f"has shape {show(shape)}, that is {count} numbers, but holds none")
        data = np.empty(shape, np.float32)
    return ParamArray(shape, data, diff, legacy=bool(legacy))


def checked_count(shape: tuple[int, ...]) -> int:
    """Return how many numbers a shape stands for, if Caffe can hold that many.

    Parameters
    ----------
    shape : tuple of int

    Returns
    -------
    int

    Raises
    ------
    WireError
        If a dimension is negative, or there are more than 32 axes or 2^31 - 1 numbers.
    """
    _check_axes(len(shape))
    if any(dim < 0 for dim in shape):
        raise WireError(f"has shape {show(shape)}, but no dimension may be negative")
    count = math.prod(shape)
    if count > INT_MAX or max(shape, default=0) > INT_MAX:
        raise WireError(f"has shape {show(shape)}, but Caffe's arrays hold at most {INT_MAX} numbers")
    return count


def show(shape: Iterable[int]) -> str:
    """Return a shape as people write it: 20x1x5x5."""
    return "x".join(map(str, shape)) or "of a single number"


def blob_pieces(data: np.ndarray, diff: np.ndarray | None = None, *, legacy: bool = False) -> list[Piece]:
    """Return a BlobProto in pieces, as Caffe would write it.

    Parameters
    ----------
    data : ndarray of float32, any shape
    diff : ndarray of the same shape, optional
    legacy : bool, default=False
        Write num, channels, height and width instead of a shape; `data` then has four axes.

    Returns
    -------
    list of bytes and ndarray
        In the order of writing; the arrays are those given, not copies.

    Notes
    -----
    ``Blob<float>::ToProto`` in ``src/caffe/blob.cpp``; protobuf writes fields by number, so data first.
    """
    pieces: list[Piece] = []
    if legacy:
        for number, dim in zip(_LEGACY, data.shape):
            pieces.append(wire.write_tag(number, wire.VARINT) + wire.write_varint(dim))
    for number, array in ((_DATA, data), (_DIFF, diff)):
        if array is not None and array.size:
            pieces += [wire.write_length(number, 4 * array.size), array]
    if data.ndim and not legacy:
        dims = b"".join(map(wire.write_varint, data.shape))
        packed = wire.write_length(1, len(dims)) + dims
        pieces.append(wire.write_length(_SHAPE, len(packed)) + packed)
    return pieces


def pieces_length(pieces: Iterable[Piece]) -> int:
    """Return how many bytes pieces become."""
    return sum(len(piece) if isinstance(piece, bytes) else 4 * piece.size for piece in pieces)


def write_pieces(file: BinaryIO, pieces: Iterable[Piece]) -> None:
    """Write pieces, converting one array at a time where it is not float32 in one run already."""
    for piece in pieces:
        if isinstance(piece, bytes):
            file.write(piece)
        else:
            file.write(np.ascontiguousarray(piece, "<f4").reshape(-1).view(np.uint8).data)


def _packed(file: MappedFile, field: wire.Field) -> np.ndarray:
    """Return the numbers of a packed field."""
    dtype = _ITEMS[field.number][0]
    count, rest = divmod(field.end - field.begin, int(dtype[2]))
    if rest:
        raise WireError(
            f"is damaged: {field.end - field.begin} bytes at byte {field.begin} are not a whole number of floats"
        )
    return file.view(dtype, field.begin, count)


def _raw(file: MappedFile, field: wire.Field, kind: wire.Field | None) -> np.ndarray:
    """Return the numbers that NVIDIA's Caffe has written as bytes; a view where they are floats."""
    number = kind.value if kind is not None else 0  # without a type they are doubles
    if number >= len(_RAW_TYPES):
        raise WireError(f"holds numbers of NVIDIA's type {number}; doubles (0), floats (1) and halves (2) can be read")
    dtype = _RAW_TYPES[number]
    count, rest = divmod(field.end - field.begin, int(dtype[2]))
    if rest:
        raise WireError(
            f"is damaged: {field.end - field.begin} bytes at byte {field.begin} are not a whole number of values of "
            f"{dtype[2]} bytes"
        )
    with np.errstate(over="ignore"):  # becomes infinite, as in Caffe
        return file.view(dtype, field.begin, count).astype("<f4", copy=False)


def _unpacked(file: MappedFile, field: wire.Field, end: int) -> tuple[np.ndarray, int]:
    """Return a run of numbers that each have a tag of their own, and where it ends."""
    dtype = _ITEMS[field.number][0]
    if field.begin - field.start != 1:
        return file.view(dtype, field.begin, 1), field.end
    record = np.dtype([("tag", "u1"), ("value", dtype)])
    available = (end - field.start) // record.itemsize
    tag = file.data[field.start]
    count = 1
    window = 16
    while count < available:
        # Growing windows: short runs stay cheap, and a long one is looked at once.
        window = min(4 * window, available - count)
        tags = file.view(record, field.start + count * record.itemsize, window)["tag"]
        others = np.flatnonzero(tags != tag)
        count += int(others[0]) if others.size else window
        if others.size:
            break
    values = file.view(record, field.start, count)["value"]
    return np.ascontiguousarray(values), field.start + count * record.itemsize


def int32(value: int) -> int:
    """Return the int32 that protobuf makes of a varint."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _dims(file: MappedFile, start: int, end: int) -> Iterator[int]:
    """Yield the dimensions in a BlobShape, packed or not."""
    for field in wire.fields(file.data, start, end):
        if field.number != 1:
            continue
        if field.wire == wire.VARINT:
            yield wire.signed(field.value)
        elif field.wire == wire.LENGTH:
            position = field.begin
            for axis in range(field.end - field.begin):
                if position == field.end:
                    break
                _check_axes(axis + 1)
                value, position = wire.read_varint(file.data, position, field.end)
                yield wire.signed(value)


def _check_axes(n_axes: int) -> None:
    """Raise when a shape has more axes than Caffe allows."""
    if n_axes > MAX_AXES:
        raise WireError(f"has a shape of more than {MAX_AXES} axes")


def _choose(doubles: _Numbers, floats: _Numbers, shape: tuple[int, ...], count: int, what: str) -> np.ndarray | None:
    """Return doubles as float32 if there are any, else floats, shaped; None if neither is there."""
    array = doubles.get()
    if not array.size:
        array = floats.get()
    if not array.size:
        return None
    if array.size != count:
        raise WireError(f"has shape {show(shape)}, that is {count} numbers, but its {what} holds {array.size}")
    if array.dtype != np.float32:
        with np.errstate(over="ignore"):  # becomes infinite, as in Caffe
            array = array.astype(np.float32)
    array.flags.writeable = False
    return array.reshape(shape)
