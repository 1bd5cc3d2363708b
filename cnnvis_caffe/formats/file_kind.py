"""Tells the kind of a Caffe file by its content; names are not trusted."""

from __future__ import annotations

import os
from itertools import islice
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from cnnvis_caffe.errors import DataNotFoundError, FileFormatError, PrototxtError
from cnnvis_caffe.files.plain_hdf5 import Damage, open_plain
from cnnvis_caffe.formats import schema, sniff, wire
from cnnvis_caffe.formats.mapped import MappedFile
from cnnvis_caffe.formats.text_tokenizer import END, IDENTIFIER, Tokenizer, first_token

NETWORK = "network prototxt"
SOLVER = "solver prototxt"
CAFFEMODEL = "caffemodel"
SOLVERSTATE = "solverstate"
MEAN = "mean"
HDF5_WEIGHTS = "hdf5 weights"
HDF5_SOLVERSTATE = "hdf5 solverstate"
ANALYSIS = "analysis"
UNKNOWN = "unknown"

_ENOUGH = 100_000  # characters, to tell what a text is
_MAX_FIELDS = 10_000  # to tell what a binary message is

_TEXTS = ((NETWORK, schema.NetParameter), (SOLVER, schema.SolverParameter))
# With the fields of which one must be there. Bytes that could be several kinds are the first.
_BINARIES = (
    (CAFFEMODEL, schema.NetParameter, ("name", "layers", "layer")),
    (SOLVERSTATE, schema.SolverState, ("iter", "learned_net", "history")),
    (MEAN, schema.BlobProto, ("data", "double_data")),
)


def guess_kind(path: str | os.PathLike[str]) -> str:
    """Say what a file is, without reading it whole when it is large.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    str
        One of the constants of this module. A file that is damaged after its beginning keeps its kind;
        its reader says what is wrong. An empty file is ``UNKNOWN``.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    """
    try:
        file = MappedFile(path, FileFormatError)
    except DataNotFoundError:
        raise
    except FileFormatError:
        return UNKNOWN
    if sniff.is_hdf5(file.data):
        return _hdf5_kind(file)
    if b"\0" not in file.data[:4096]:
        kind = text_kind(file.data[:].decode("utf-8", "surrogateescape"))
        if kind != UNKNOWN:
            return kind
    return _binary_kind(file)


def _hdf5_kind(file: MappedFile) -> str:
    """Tell HDF5 files of Caffe apart by their groups."""
    try:
        with open_plain(file.path) as root:
            # What analysis files call themselves; `store` reads them.
            if root.attrs.get("format") == "cnnvis_caffe analysis":
                return ANALYSIS
            if "history" in root:
                return HDF5_SOLVERSTATE
            return HDF5_WEIGHTS if "data" in root else UNKNOWN
    except (Damage, OSError):
        return UNKNOWN


def text_kind(text: str) -> str:
    """Tell prototxts apart by how many of their outermost fields each message has.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        One of this module's kinds.
    """
    start = first_token(text)
    names = _outer_names(text[start : start + _ENOUGH])
    scores = {kind: _known(names, message_class) for kind, message_class in _TEXTS}
    best = max(scores, key=lambda kind: scores[kind])
    return best if scores[best] else UNKNOWN


def _known(names: list[str], message_class: Any) -> int:
    """Count the names that are fields of a message."""
    return sum(name in message_class.DESCRIPTOR.fields_by_name for name in names)


def _outer_names(text: str) -> list[str]:
    """Return the names outside of all brackets that are followed by a value, up to the first mistake."""
    names, depth = [], 0
    try:
        tokens = Tokenizer(text, "")
        while tokens.kind != END and depth >= 0:
            token, kind = tokens.text, tokens.kind
            tokens.advance()
            if kind == IDENTIFIER and depth == 0 and tokens.text in (":", "{", "<"):
                names.append(token)
            depth += (token in ("{", "<", "[")) - (token in ("}", ">", "]"))
    except PrototxtError:
        pass
    return names


def _binary_kind(file: MappedFile) -> str:
    """Tell binary messages apart by the numbers and wire types of their outermost fields."""
    seen = set()
    try:
        for field in islice(wire.fields(file.data, 0, file.size), _MAX_FIELDS):
            seen.add((field.number, field.wire))
    except wire.WireError:
        pass  # what was seen up to here has to do
    numbers = {number for number, _ in seen}
    for kind, message_class, needed in _BINARIES:
        fields = message_class.DESCRIPTOR.fields_by_name
        if any(fields[name].number in numbers for name in needed) and all(
            _fits(message_class, *field) for field in seen
        ):
            return kind
    return UNKNOWN


def _fits(message_class: Any, number: int, wire_type: int) -> bool:
    """Tell whether a message can have a field of this number and wire type."""
    field = message_class.DESCRIPTOR.fields_by_number.get(number)
    if field is None:
        return False
    if field.cpp_type in (FieldDescriptor.CPPTYPE_STRING, FieldDescriptor.CPPTYPE_MESSAGE):
        return wire_type == wire.LENGTH
    # Lists of numbers come packed or one by one.
    single = {FieldDescriptor.CPPTYPE_FLOAT: wire.FIXED32, FieldDescriptor.CPPTYPE_DOUBLE: wire.FIXED64}.get(
        field.cpp_type, wire.VARINT
    )
    return wire_type == single or (wire_type == wire.LENGTH and schema.is_repeated(field))
