"""The protobuf wire format, as far as it takes to find large arrays in a file without parsing them.

Positions are bytes from the start of the file throughout, so that errors can say where.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import NamedTuple, Union

#: Where messages are read from; indexing gives integers.
Bytes = Union[bytes, bytearray, memoryview, mmap.mmap]

VARINT, FIXED64, LENGTH, GROUP_START, GROUP_END, FIXED32 = range(6)
_MAX_FIELD_NUMBER = (1 << 29) - 1
_MAX_GROUP_DEPTH = 100


class WireError(ValueError):
    """Bytes that are no protobuf message; readers turn it into an error of their own with the path."""


class Field(NamedTuple):
    """One field of a message: its tag, and where it and its value lie.

    Attributes
    ----------
    number, wire : int
        Field number and wire type.
    start, begin, end : int
        Where the tag starts, where the value starts, and where both end.
    value : int
        The number itself for a varint, else 0.
    """

    number: int
    wire: int
    start: int
    begin: int
    end: int
    value: int


def read_varint(data: Bytes, position: int, end: int) -> tuple[int, int]:
    """Return the unsigned number at a position, and the position after it."""
    result = shift = 0
    for index in range(position, min(position + 10, end)):
        byte = data[index]
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & 0xFFFFFFFFFFFFFFFF, index + 1
        shift += 7
    if end - position < 10:
        raise WireError(f"is cut off or damaged: a number at byte {position} does not end before byte {end}")
    raise WireError(f"is damaged: the number at byte {position} is longer than 10 bytes")


def signed(value: int) -> int:
    """Return the int64 that an unsigned varint stands for."""
    return value - (1 << 64) if value >> 63 else value


def write_varint(value: int) -> bytes:
    """Return the bytes of a number; a negative one takes ten, as in protobuf's int32 and int64."""
    value &= 0xFFFFFFFFFFFFFFFF
    result = bytearray()
    while value >= 0x80:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def write_tag(number: int, wire: int) -> bytes:
    """Return the bytes that announce a field."""
    return write_varint(number << 3 | wire)


def write_length(number: int, length: int) -> bytes:
    """Return the bytes before a length-delimited value."""
    return write_tag(number, LENGTH) + write_varint(length)


def fields(data: Bytes, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message in ``data[start:end]``.

    Parameters
    ----------
    data : mmap, bytes or bytearray
    start, end : int
        Where the message lies.

    Yields
    ------
    Field
        A group counts as one field, without a look inside.

    Raises
    ------
    WireError
        If the bytes are no message; the text says where.
    """
    position = start
    while position < end:
        tag_start = position
        number, wire, position = _read_tag(data, position, end)
        value, begin = 0, position
        if wire == VARINT:
            value, position = read_varint(data, position, end)
        elif wire == LENGTH:
            length, begin = read_varint(data, position, end)
            position = begin + length
        elif wire == FIXED32:
            position += 4
        elif wire == FIXED64:
            position += 8
        elif wire == GROUP_START:
            position = _skip_group(data, position, end, number, tag_start)
        else:
            raise WireError(f"is damaged: the group that ends at byte {tag_start} has no start")
        if position > end:
            raise WireError(
                f"is cut off or damaged: field {number} at byte {tag_start} should reach to byte {position}, "
                f"but what holds it ends at byte {end}"
            )
        yield Field(number, wire, tag_start, begin, position, value)


def _read_tag(data: Bytes, position: int, end: int) -> tuple[int, int, int]:
    """Return field number, wire type and the position after the tag."""
    tag, after = read_varint(data, position, end)
    number, wire = tag >> 3, tag & 7
    if not 0 < number <= _MAX_FIELD_NUMBER or wire > FIXED32:
        raise WireError(f"is damaged: there is no protobuf field at byte {position} (tag {tag})")
    return number, wire, after


def _skip_group(data: Bytes, position: int, end: int, number: int, start: int) -> int:
    """Return the position after the group whose start tag has just been read."""
    open_groups = [number]
    while open_groups:
        number, wire, position = _read_tag(data, position, end)
        if wire == GROUP_START:
            open_groups.append(number)
        elif wire == GROUP_END and number != open_groups.pop():
            raise WireError(f"is damaged: the group at byte {start} has another's end at byte {position}")
        elif wire == VARINT:
            position = read_varint(data, position, end)[1]
        elif wire == LENGTH:
            length, position = read_varint(data, position, end)
            position += length
        elif wire in (FIXED32, FIXED64):
            position += 4 if wire == FIXED32 else 8
        if len(open_groups) > _MAX_GROUP_DEPTH:
            raise WireError(f"is damaged: groups at byte {start} are nested deeper than {_MAX_GROUP_DEPTH}")
    return position
