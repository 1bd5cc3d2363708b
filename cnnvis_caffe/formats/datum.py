"""Datum, Caffe's message for one labelled image: read without protobuf objects, many at once where they are alike."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from cnnvis_caffe.formats import schema, wire
from cnnvis_caffe.formats.images import decode_image
from cnnvis_caffe.formats.wire import WireError

_CHANNELS, _HEIGHT, _WIDTH, _DATA, _LABEL, _FLOAT_DATA, _ENCODED = range(1, 8)
_MOST_FIELDS = 64  # in what is walked here; only unpacked floats, a field for each value, make more of them
_NUMBERS = {_CHANNELS: "channels", _HEIGHT: "height", _WIDTH: "width", _LABEL: "label", _ENCODED: "encoded"}


class Datum(NamedTuple):
    """One image and its label.

    Attributes
    ----------
    channels, height, width : int
        0 where the image is encoded.
    data : memoryview or bytes
        Pixels channel by channel, or an image file when `encoded`; empty when there is `float_data`.
    label : int
    float_data : ndarray of shape (n,), float32, or None
    encoded : bool
    """

    channels: int
    height: int
    width: int
    data: memoryview | bytes
    label: int = 0
    float_data: np.ndarray | None = None
    encoded: bool = False

    def pixels(self, color: bool | None = None) -> np.ndarray:
        """Return the image, decoded where that is needed.

        Parameters
        ----------
        color : bool or None, default=None
            Decode to three channels or to one; None keeps what the image file has.

        Returns
        -------
        ndarray of shape (channels, height, width), uint8 or float32
            A view where the datum holds plain pixels.

        Raises
        ------
        ValueError
            If the number of values is not that of the shape, or the image cannot be decoded.

        Notes
        -----
        ``DecodeDatumToCVMat`` in ``src/caffe/util/io.cpp``.
        """
        if self.encoded:
            return decode_image(self.data, color).transpose(2, 0, 1)
        values = np.frombuffer(self.data, np.uint8) if len(self.data) else self.float_data
        shape = (self.channels, self.height, self.width)
        if min(shape) < 1 or values is None or values.size != math.prod(shape):
            n_values = 0 if values is None else values.size
            raise ValueError(f"holds {n_values} values for channels x height x width = {'x'.join(map(str, shape))}")
        return values.reshape(shape)


def parse_datum(value: bytes | memoryview) -> Datum:
    """Read a serialised Datum.

    Parameters
    ----------
    value : bytes or memoryview

    Returns
    -------
    Datum
        Its data is a view into `value`.

    Raises
    ------
    WireError
        If the bytes are no Datum.
    """
    view = memoryview(value)
    numbers = dict.fromkeys(_NUMBERS, 0)
    data: memoryview | bytes = b""
    floats: list[np.ndarray] = []
    for index, field in enumerate(wire.fields(view, 0, len(view))):
        if index == _MOST_FIELDS:
            return _parse_many_fields(value)
        if field.number in numbers and field.wire == wire.VARINT:
            numbers[field.number] = _int32(field.value)
        elif field.number == _DATA and field.wire == wire.LENGTH:
            data = view[field.begin : field.end]
        elif field.number == _FLOAT_DATA and field.wire in (wire.LENGTH, wire.FIXED32):
            if (field.end - field.begin) % 4:
                raise WireError(f"is damaged: float_data at byte {field.start} does not hold a whole number of values")
            floats.append(np.frombuffer(view[field.begin : field.end], "<f4"))
        elif field.number in numbers or field.number in (_DATA, _FLOAT_DATA):
            raise WireError(f"is not a Datum: field {field.number} at byte {field.start} has wire type {field.wire}")
    return Datum(
        numbers[_CHANNELS],
        numbers[_HEIGHT],
        numbers[_WIDTH],
        data,
        numbers[_LABEL],
        np.concatenate(floats) if floats else None,
        bool(numbers[_ENCODED]),
    )


def _parse_many_fields(value: bytes | memoryview) -> Datum:
    """Read a Datum by protobuf, which is slower for a few fields and far faster for a million."""
    try:
        message = schema.Datum.FromString(bytes(value))
    except DecodeError as error:
        raise WireError("is cut off or damaged: protobuf cannot read it") from error
    floats = np.fromiter(message.float_data, np.float32, len(message.float_data))
    return Datum(
        message.channels,
        message.height,
        message.width,
        message.data,
        message.label,
        floats if floats.size else None,
        message.encoded,
    )


def serialize_datum(datum: Datum, *, say_raw: bool = False) -> bytes:
    """Return the bytes that Caffe's own converters write.

    Parameters
    ----------
    datum : Datum
    say_raw : bool, default=False
        Also write ``encoded`` where it is false, as ``convert_imageset`` does and the others do not.

    Returns
    -------
    bytes
        Without dimensions where the image is encoded.
    """
    pieces = []
    if not datum.encoded:
        for number, value in ((_CHANNELS, datum.channels), (_HEIGHT, datum.height), (_WIDTH, datum.width)):
            pieces += [wire.write_tag(number, wire.VARINT), wire.write_varint(value)]
    if len(datum.data):
        pieces += [wire.write_length(_DATA, len(datum.data)), bytes(datum.data)]
    pieces += [wire.write_tag(_LABEL, wire.VARINT), wire.write_varint(datum.label)]
    if datum.float_data is not None:
        # Not packed: the field is older than packing.
        tag = wire.write_tag(_FLOAT_DATA, wire.FIXED32)
        pieces += [tag + value.tobytes() for value in np.asarray(datum.float_data, "<f4").ravel()]
    if datum.encoded:
        pieces += [wire.write_tag(_ENCODED, wire.VARINT), b"\1"]
    elif say_raw:
        pieces += [wire.write_tag(_ENCODED, wire.VARINT), b"\0"]
    return b"".join(pieces)


class RawLayout:
    """Where the pixels lie in datums that are written like a given one, so that many are read in one go.

    Parameters
    ----------
    value : bytes or memoryview
        A serialised datum.

    Attributes
    ----------
    shape : tuple of int or None
        (channels, height, width); None when the datum is not one of plain bytes with its dimensions before them.
    """

    def __init__(self, value: bytes | memoryview) -> None:
        view = memoryview(value)
        self.shape: tuple[int, int, int] | None = None
        self._labels: dict[bytes, int] = {}
        dims = []
        for field in itertools.islice(wire.fields(view, 0, len(view)), _MOST_FIELDS):
            if field.number == _DATA and field.wire == wire.LENGTH:
                self._begin, self._end = field.begin, field.end
                self._head = bytes(view[: field.begin])
                break
            dims.append((field.number, _int32(field.value)))
        else:
            return
        if [number for number, _ in dims] == [_CHANNELS, _HEIGHT, _WIDTH] and min(length for _, length in dims) > 0:
            shape = (dims[0][1], dims[1][1], dims[2][1])
            if shape[0] * shape[1] * shape[2] == self._end - self._begin and self._label(view) is not None:
                self.shape = shape

    def read(self, values: list) -> tuple[np.ndarray, np.ndarray] | None:
        """Read many datums, if all of them are laid out like this.

        Parameters
        ----------
        values : list of bytes or memoryview

        Returns
        -------
        (ndarray of shape (n, channels, height, width), uint8; ndarray of shape (n,), float32) or None
            Pixels and labels; None when some datum is different.
        """
        if self.shape is None:
            return None
        lengths = {len(value) for value in values}
        if len(lengths) == 1 and self._end < min(lengths):
            return self._read_table(values, min(lengths))
        begin, end, head = self._begin, self._end, self._head
        labels = [self._label(value) if value[:begin] == head else None for value in values]
        if None in labels:
            return None
        pixels = np.frombuffer(b"".join([value[begin:end] for value in values]), np.uint8)
        return pixels.reshape(len(values), *self.shape), np.array(labels, np.float32)

    def _read_table(self, values: list, length: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Read datums of one length: a table, of which only the tails are looked at one by one.

        A thread that loads data keeps the one that trains from running meanwhile, so this has to be short.
        """
        assert self.shape is not None
        table = np.frombuffer(b"".join(values), np.uint8).reshape(len(values), length)
        if not (table[:, : self._begin] == np.frombuffer(self._head, np.uint8)).all():
            return None
        tails, width = table[:, self._end :].tobytes(), length - self._end
        labels = [self._labels.get(tails[i : i + width]) for i in range(0, len(tails), width)]
        if None in labels:  # met for the first time, or something else
            labels = [self._label(value) for value in values]
            if None in labels:
                return None
        pixels = table[:, self._begin : self._end].reshape(len(values), *self.shape)
        return pixels, np.array(labels, np.float32)

    def _label(self, value: memoryview | bytes) -> int | None:
        """The label behind the pixels; None if there is something else. Few are different: they are remembered."""
        if len(value) < self._end:
            return None
        tail = bytes(value[self._end :])
        label = self._labels.get(tail)
        if label is None:
            try:
                parsed = parse_datum(tail)
            except WireError:
                return None  # whoever reads the record alone says what is wrong with it
            if not parsed.encoded and not len(parsed.data) and parsed[:3] == (0, 0, 0) and parsed.float_data is None:
                label = self._labels[tail] = parsed.label
        return label


def _int32(value: int) -> int:
    """Return the int32 that an unsigned varint stands for."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
