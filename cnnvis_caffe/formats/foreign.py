"""Finds what a binary message holds that Caffe does not know."""

from __future__ import annotations

from typing import Any

from cnnvis_caffe.formats import wire

_FIXED32_TYPES = {2, 7, 15}  # float, fixed32, sfixed32
_FIXED64_TYPES = {1, 6, 16}  # double, fixed64, sfixed64
_STRING, _GROUP, _MESSAGE, _BYTES, _ENUM = 9, 10, 11, 12, 14


def find_foreign(data: bytearray, start: int, end: int, descriptor: Any, where: str, found: list[str]) -> None:
    """Report unknown fields and values in a message, and mend strings that are not UTF-8.

    Parameters
    ----------
    data : bytearray
        Bytes of strings that are not UTF-8 become question marks, in place. Caffe takes any bytes (a path in
        an old Chinese encoding, say); Python's protobuf does not.
    start, end : int
        Where the message lies in `data`.
    descriptor : protobuf Descriptor
    where : str
        Said before each finding; "layer 'conv1'".
    found : list of str
        Gets one sentence for each finding.

    Raises
    ------
    WireError
        If the bytes are no message.
    """
    known = descriptor.fields_by_number
    for field in wire.fields(data, start, end):
        about = known.get(field.number)
        if about is None:
            found.append(f"{where}: {descriptor.name} has no field {field.number}")
            continue
        expected = _wire_type(about.type)
        if field.wire == wire.LENGTH and expected != wire.LENGTH:
            continue  # packed numbers
        if field.wire != expected:
            found.append(f"{where}: {about.name} has wire type {field.wire}, not {expected}")
        elif about.type == _MESSAGE:
            place = _layer(data, field, about.message_type) if about.name in ("layer", "layers") else where
            find_foreign(data, field.begin, field.end, about.message_type, place or where, found)
        elif about.type == _ENUM:
            if field.value not in about.enum_type.values_by_number:
                found.append(f"{where}: {about.name} has no value {wire.signed(field.value)}")
        elif about.type == _STRING and not _is_utf8(data, field):
            value = bytes(byte if byte < 0x80 else 0x3F for byte in data[field.begin : field.end])
            data[field.begin : field.end] = value
            found.append(f"{where}: {about.name} is not UTF-8; read as {value.decode()!r}")


def _wire_type(field_type: int) -> int:
    """Return the wire type of a single value of a field type."""
    if field_type in _FIXED32_TYPES:
        return wire.FIXED32
    if field_type in _FIXED64_TYPES:
        return wire.FIXED64
    return wire.LENGTH if field_type in (_STRING, _MESSAGE, _BYTES) else wire.VARINT


def _layer(data: bytearray, field: wire.Field, descriptor: Any) -> str:
    """Return how to speak of a layer; empty when it has no name."""
    number = descriptor.fields_by_name["name"].number
    for inner in wire.fields(data, field.begin, field.end):
        if inner.number == number and inner.wire == wire.LENGTH:
            return f"layer {data[inner.begin : inner.end].decode('utf-8', 'replace')!r}"
    return ""


def _is_utf8(data: bytearray, field: wire.Field) -> bool:
    """Tell whether a string can be read."""
    try:
        data[field.begin : field.end].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
