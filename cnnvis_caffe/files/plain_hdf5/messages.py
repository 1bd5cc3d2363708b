"""Reads the header messages of an HDF5 object (HDF5 File Format Specification, version 1.1 to 3)."""

from __future__ import annotations

import math
import struct
from typing import Any, NamedTuple

import numpy as np

from cnnvis_caffe.files.plain_hdf5.content import NOWHERE, Content, Damage, NotPlain

DATASPACE, LINK_INFO, DATATYPE, OLD_FILL, FILL, LINK, EXTERNAL = 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7
LAYOUT, FILTERS, ATTRIBUTE, CONTINUATION, SYMBOLS, ATTRIBUTE_INFO = 0x8, 0xB, 0xC, 0x10, 0x11, 0x15

COMPACT, CONTIGUOUS, CHUNKED, VIRTUAL = range(4)
DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3

_MAX_AXES = 32
_MAX_ELEMENT = 1 << 20
_MAX_MESSAGES = 1 << 16
_FLOATS = {2: (10, 5), 4: (23, 8), 8: (52, 11)}  # bits of mantissa and exponent by size
_SHARED = 2
_OTHER = np.dtype(object)  # a type that nothing here reads: it only says that there is something


class Message(NamedTuple):
    """A message of an object's header."""

    kind: int
    flags: int
    body: bytes


class Layout(NamedTuple):
    """How an array is stored.

    Attributes
    ----------
    kind : int
        COMPACT, CONTIGUOUS, CHUNKED or VIRTUAL.
    address : int
        Of the array, or of the table of its chunks.
    size : int
        Bytes of a contiguous array; 0 where the message does not say.
    chunk : tuple of int
        Shape of a chunk.
    content : bytes
        A compact array.
    """

    kind: int
    address: int = NOWHERE
    size: int = 0
    chunk: tuple[int, ...] = ()
    content: bytes = b""


def read_header(content: Content, address: int) -> list[Message]:
    """Return the messages of the object at an address."""
    prefix = content.at(address, 16)
    if prefix[:4] == b"OHDR":
        raise NotPlain("an object header of version 2")
    version, _, n_messages, _, size = struct.unpack_from("<BBHII", prefix)
    if version != 1:
        raise Damage(f"is damaged: there is no object at byte {content.base + address}")
    messages: list[Message] = []
    blocks, seen = [(address + 16, size)], set()
    while blocks and len(messages) < n_messages:
        start, length = blocks.pop(0)
        if start in seen:
            raise Damage(f"is damaged: the object at byte {content.base + address} goes round in circles")
        seen.add(start)
        block, position = content.at(start, length), 0
        while position + 8 <= length and len(messages) < n_messages:
            kind, size, flags = struct.unpack_from("<HHB", block, position)
            position += 8 + size
            if position > length:
                raise Damage(f"is damaged: a message of the object at byte {content.base + address} is cut off")
            message = Message(kind, flags, block[position - size : position])
            messages.append(message)
            if kind == CONTINUATION:
                blocks.append(struct.unpack_from("<QQ", message.body))
    return messages


def read_shape(body: bytes) -> tuple[int, ...] | None:
    """Return the shape that a message of a dataspace gives; None for one of nothing."""
    version, rank, flags, kind = struct.unpack_from("<BBBB", body)
    if version not in (1, 2) or rank > _MAX_AXES:
        raise Damage(f"is damaged: a shape is of version {version} with {rank} axes")
    if version == 2 and kind == 2:
        return None
    shape: tuple[int, ...] = struct.unpack_from(f"<{rank}Q", body, 8 if version == 1 else 4)
    return shape


def read_type(body: bytes) -> tuple[np.dtype, str]:
    """Return the type of elements as numpy names it, and "string" where each is a string kept elsewhere.

    Types that nothing of ours holds come as a type of objects.
    """
    head, bits, size = body[0], int.from_bytes(body[1:4], "little"), struct.unpack_from("<I", body, 4)[0]
    kind, version = head & 15, head >> 4
    if not 1 <= version <= 4 or not 0 < size <= _MAX_ELEMENT:
        raise Damage(f"is damaged: a type is of version {version} and {size} bytes")
    order = ">" if bits & 1 else "<"
    if kind == 0 and size in (1, 2, 4, 8):
        if struct.unpack_from("<HH", body, 8) != (0, 8 * size):
            return _OTHER, ""
        return np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}"), ""
    if kind == 1 and size in _FLOATS:
        offset, precision, _, exponent, _, mantissa = struct.unpack_from("<HHBBBB", body, 8)
        plain = (offset, precision, mantissa, exponent) == (0, 8 * size, *_FLOATS[size]) and not bits & 0x40
        return (np.dtype(f"{order}f{size}") if plain else _OTHER), ""
    if kind == 3:
        return np.dtype(f"S{size}"), ""
    if kind == 8 and _is_boolean(body, bits, size):
        return np.dtype(bool), ""
    return _OTHER, "string" if kind == 9 and bits & 15 == 1 and size == 16 else ""


def _is_boolean(body: bytes, bits: int, size: int) -> bool:
    """Whether an enumeration is the one that h5py writes for booleans."""
    return size == 1 and bits & 0xFFFF == 2 and body[20:38] == b"FALSE\0\0\0TRUE\0\0\0\0\0\1"


def read_layout(body: bytes, rank: int) -> Layout:
    """Return how an array is stored."""
    version = body[0]
    if version in (1, 2):
        return _read_old_layout(body)
    if version == 4:
        if body[1] == VIRTUAL:
            return Layout(VIRTUAL)
        if body[1] == CHUNKED:
            raise NotPlain("chunks of version 4")
    elif version != 3:
        raise Damage(f"is damaged: a layout is of version {version}")
    kind = body[1]
    if kind == COMPACT:
        size = struct.unpack_from("<H", body, 2)[0]
        return Layout(COMPACT, content=_exactly(body, 4, size))
    if kind == CONTIGUOUS:
        return Layout(CONTIGUOUS, *struct.unpack_from("<QQ", body, 2))
    if kind == CHUNKED:
        n, address = struct.unpack_from("<BQ", body, 2)
        if n != rank + 1:
            raise Damage(f"is damaged: chunks have {n - 1} axes, but their array has {rank}")
        return Layout(CHUNKED, address, chunk=struct.unpack_from(f"<{n}I", body, 11)[:-1])
    raise Damage(f"is damaged: an array is stored in a way {kind} that does not exist")


def _read_old_layout(body: bytes) -> Layout:
    """Return what HDF5 before 1.6.3 says of how an array is stored."""
    n, kind = body[1], body[2]
    if kind == COMPACT:
        size = struct.unpack_from("<I", body, 8 + 4 * n)[0]
        return Layout(COMPACT, content=_exactly(body, 12 + 4 * n, size))
    address = struct.unpack_from("<Q", body, 8)[0]
    lengths = struct.unpack_from(f"<{n}I", body, 16)
    if kind == CONTIGUOUS:
        return Layout(CONTIGUOUS, address)
    if kind == CHUNKED and n:
        return Layout(CHUNKED, address, chunk=lengths[:-1])
    raise Damage(f"is damaged: an array is stored in a way {kind} that does not exist")


def read_filters(body: bytes) -> list[int]:
    """Return the numbers of the filters that chunks went through, in that order."""
    version, n, position = body[0], body[1], 8 if body[0] == 1 else 2
    numbers = []
    for _ in range(n):
        number, name_length = struct.unpack_from("<HH", body, position)
        if version != 1 and number < 256:
            n_values, name_length, position = struct.unpack_from("<H", body, position + 4)[0], 0, position + 6
        else:
            n_values, position = struct.unpack_from("<H", body, position + 6)[0], position + 8
        padding = 4 * (n_values % 2) if version == 1 else 0
        position += name_length + 4 * n_values + padding
        numbers.append(number)
    if position > len(body):
        raise Damage("is damaged: the filters of an array are cut off")
    return numbers


def read_fill(messages: list[Message]) -> bytes:
    """Return the bytes of an element that was never written; none for zero."""
    fill = b""
    for kind, _, body in messages:
        if kind == OLD_FILL:
            fill = _exactly(body, 4, struct.unpack_from("<I", body)[0])
        elif kind == FILL:
            version, second, _, is_defined = struct.unpack_from("<BBBB", body)
            place = 4
            if version == 3:
                is_defined, place = second & 0x20, 2
            if is_defined:
                size = struct.unpack_from("<i", body, place)[0]
                fill = _exactly(body, place + 4, max(size, 0))
    return fill


def read_attribute(content: Content, body: bytes) -> tuple[str, Any]:
    """Return name and value of an attribute."""
    version, flags, n_name, n_type, n_shape = struct.unpack_from("<BBHHH", body)
    if version not in (1, 2, 3):
        raise Damage(f"is damaged: an attribute is of version {version}")
    if version != 1 and flags:
        raise NotPlain("an attribute of a type with a name")
    step = 8 if version == 1 else 1
    begin = 9 if version == 3 else 8
    parts = []
    for length in (n_name, n_type, n_shape):
        parts.append(_exactly(body, begin, length))
        begin += -(-length // step) * step
    name = parts[0].split(b"\0")[0].decode("utf-8", "surrogateescape")
    (dtype, special), shape = read_type(parts[1]), read_shape(parts[2])
    if shape is None:
        return name, None
    if special == "string" and shape == ():
        return name, _read_string(content, _exactly(body, begin, 16))
    if dtype is _OTHER:
        return name, None
    data = _exactly(body, begin, math.prod(shape) * dtype.itemsize)
    return name, np.frombuffer(data, dtype).reshape(shape)[()]


def attribute_name(body: bytes) -> str:
    """Return the name of an attribute alone."""
    length = struct.unpack_from("<H", body, 2)[0]
    return _exactly(body, 9 if body[0] == 3 else 8, length).split(b"\0")[0].decode("utf-8", "surrogateescape")


def _read_string(content: Content, reference: bytes) -> str:
    """Return a string of any length, which lies in a heap with others."""
    length, address, wanted = struct.unpack("<IQI", reference)
    if not length:
        return ""
    signature, size = struct.unpack("<4s4xQ", content.at(address, 16))
    if signature != b"GCOL":
        raise Damage(f"is damaged: there are no strings at byte {content.base + address}")
    position = 16
    for _ in range(_MAX_MESSAGES):
        if position + 16 > size:
            break
        number, n_bytes = struct.unpack("<H6xQ", content.at(address + position, 16))
        if number == wanted:
            if n_bytes < length:
                break
            return content.at(address + position + 16, length).decode("utf-8", "surrogateescape")
        if number == 0:
            break
        position += 16 + -(-n_bytes // 8) * 8
    raise Damage(f"is damaged: a string is not among those at byte {content.base + address}")


def _exactly(body: bytes, start: int, length: int) -> bytes:
    """Return bytes of a message that must have them."""
    part = body[start : start + length]
    if len(part) != length:
        raise Damage("is damaged: a message of a header is cut off")
    return part


def is_shared(message: Message) -> bool:
    """Whether a message says what it says somewhere else."""
    return bool(message.flags & _SHARED)
