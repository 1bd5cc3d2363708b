"""Networks and solvers as text: read with positions and upgraded, written as Caffe writes them."""

from __future__ import annotations

import ast
import os
import re
import shlex
from dataclasses import dataclass
from typing import Any

from google.protobuf import text_format

from cnnvis_caffe.errors import DataNotFoundError, LayerError, NetError, PrototxtError
from cnnvis_caffe.files.atomic import write_bytes
from cnnvis_caffe.files.opening import read_file
from cnnvis_caffe.formats import schema, sniff
from cnnvis_caffe.formats.text_parser import TextParser
from cnnvis_caffe.formats.upgrade import generation_of, set_snapshot_prefix, upgrade_network, upgrade_solver
from cnnvis_caffe.records.network_file import NetworkFile, SolverFile, UnknownField

_KEPT_TEXT = re.compile(rb"^(?P<indent> *)" + schema.UNKNOWN_TEXT.encode() + rb': (?P<literal>".*")$', re.MULTILINE)


@dataclass(frozen=True)
class ParsedText:
    """A message as it stands in a text, not upgraded.

    Attributes
    ----------
    message : protobuf message
    unknown : tuple of UnknownField
        Fields that were skipped, in the order of the text.
    layer_lines : dict of str to int
        One-based line on which each layer starts, by its name.
    """

    message: Any
    unknown: tuple[UnknownField, ...]
    layer_lines: dict[str, int]

#: More than any network has that was ever made for Caffe: one of a thousand layers has some thirty fields in each.
_MAX_FIELDS = 200_000
_FREE_FIELDS, _FIELDS_PER_LAYER = 20_000, 200


def parse_text(text: str, message_class: Any, *, path: str = "<string>", allow_unknown: bool = True) -> ParsedText:
    """Read a message from protobuf's text format.

    Parameters
    ----------
    text : str
        Bytes that are not UTF-8 may be there as lone surrogates; they are accepted in comments.
    message_class : type
        A class of `cnnvis_caffe.formats.schema`.
    path : str, default="<string>"
        For messages.
    allow_unknown : bool, default=True
        Report fields and choices that do not exist instead of refusing them as Caffe does. Fields of forks that are
        known are reported in both cases.

    Returns
    -------
    ParsedText

    Raises
    ------
    PrototxtError
        If protobuf's C++ parser would refuse the text, with the position and what is allowed there.
    """
    parser = TextParser(text, path, allow_unknown=allow_unknown)
    message = message_class()
    parser.parse(message)
    return ParsedText(message, tuple(parser.unknown), parser.layer_lines)


def network_from_text(text: str, path: str = "<string>", *, allow_unknown: bool = True) -> NetworkFile:
    """Read a network of any generation from text, and upgrade it.

    Parameters
    ----------
    text : str
    path : str, default="<string>"
        For messages.
    allow_unknown : bool, default=True
        Report fields and choices that do not exist instead of refusing them as Caffe does. Fields of forks that are
        known are reported in both cases.

    Returns
    -------
    NetworkFile

    Raises
    ------
    PrototxtError
        If the text cannot be parsed or upgraded.
    """
    try:
        parsed = parse_text(text, schema.NetParameter, path=path, allow_unknown=allow_unknown)
    except PrototxtError:
        _refuse_other_kind(text, path, "network")
        raise
    if not parsed.message.layer and not parsed.message.layers:
        _refuse_other_kind(text, path, "network")
    generation = generation_of(parsed.message)
    try:
        upgrades = upgrade_network(parsed.message, allow_unknown=allow_unknown)
    except LayerError as error:
        raise PrototxtError(path, str(error), parsed.layer_lines.get(error.layer)) from error
    except NetError as error:
        raise PrototxtError(path, str(error)) from error
    return NetworkFile(path, parsed.message, generation, tuple(upgrades), parsed.unknown, parsed.layer_lines)


def read_network(path: str | os.PathLike, *, allow_unknown: bool = True) -> NetworkFile:
    """Read a network prototxt of any generation, and upgrade it.

    Parameters
    ----------
    path : str or path-like
    allow_unknown : bool, default=True
        Report fields and choices that do not exist instead of refusing them as Caffe does. Fields of forks that are
        known are reported in both cases.

    Returns
    -------
    NetworkFile

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    PrototxtError
        If it cannot be parsed or upgraded.

    Notes
    -----
    Follows ``ReadNetParamsFromTextFileOrDie`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    return network_from_text(_read_text(path, "a network"), os.fspath(path), allow_unknown=allow_unknown)


def read_solver(path: str | os.PathLike, *, allow_unknown: bool = True) -> SolverFile:
    """Read a solver prototxt, upgrade it and fill in its snapshot prefix.

    Parameters
    ----------
    path : str or path-like
    allow_unknown : bool, default=True
        Report fields and choices that do not exist instead of refusing them as Caffe does. Fields of forks that are
        known are reported in both cases.

    Returns
    -------
    SolverFile

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    PrototxtError
        If it cannot be parsed or upgraded.

    Notes
    -----
    Follows ``ReadSolverParamsFromTextFileOrDie`` in ``src/caffe/util/upgrade_proto.cpp``.
    """
    name = os.fspath(path)
    text = _read_text(path, "a solver")
    try:
        parsed = parse_text(text, schema.SolverParameter, path=name, allow_unknown=allow_unknown)
    except PrototxtError:
        _refuse_other_kind(text, name, "solver")
        raise
    if parsed.unknown:
        _refuse_other_kind(text, name, "solver")
    try:
        upgrades = upgrade_solver(parsed.message)
    except NetError as error:
        raise PrototxtError(name, str(error)) from error
    upgrades += set_snapshot_prefix(parsed.message, name)
    return SolverFile(name, parsed.message, tuple(upgrades), parsed.unknown)


def _refuse_other_kind(text: str, path: str, wanted: str) -> None:
    """Say so if a file is a solver where a network is wanted, or the other way round."""
    from cnnvis_caffe.formats import file_kind  # which reads text by this module

    other, kind = ("solver", file_kind.SOLVER) if wanted == "network" else ("network", file_kind.NETWORK)
    if file_kind.text_kind(text) == kind:
        raise PrototxtError(path, f"is a {other}, where a {wanted} is wanted; give the prototxt of the {wanted}")


def write_text(path: str | os.PathLike, message: Any, *, comment: str = "") -> None:
    """Write a message as text, whole or not at all; what Caffe does not know is written as it was read.

    Parameters
    ----------
    path : str or path-like
    message : protobuf message
    comment : str, optional
        A line to stand above it.
    """
    # Caffe's writer escapes everything that is not ASCII.
    text = text_format.MessageToString(message, as_utf8=False).encode("ascii")
    head = f"# {ascii(comment)[1:-1]}\n".encode("ascii") if comment else b""
    write_bytes(path, head + _KEPT_TEXT.sub(_as_written, text))


def _as_written(match: re.Match[bytes]) -> bytes:
    """What stood in the file that was read, in the place of the field that has kept it."""
    return match.group("indent") + ast.literal_eval(f"b{match.group('literal').decode('ascii')}")


def _read_text(path: str | os.PathLike, what: str) -> str:
    """Return the text of a file, with bytes that are not UTF-8 as lone surrogates."""
    name = os.fspath(path)
    try:
        data = read_file(name)
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{name}: there is no such file") from error
    except OSError as error:
        raise PrototxtError(name, f"cannot be read: {error.strerror}") from error
    if b"\0" in data:
        from cnnvis_caffe.formats import file_kind  # which reads text by this module

        if file_kind.guess_kind(path) == file_kind.CAFFEMODEL:
            raise PrototxtError(
                name,
                f"{what} must be a prototxt; this is a caffemodel, which holds the network that it was saved with: "
                f"write that with: cnnvis-caffe deploy {shlex.quote(name)} --out deploy.prototxt",
            )
        found = sniff.describe(data) or "binary data, perhaps weights"
        raise PrototxtError(name, f"{what} must be a prototxt, which is text; this looks like {found}")
    _check_length(name, data)
    return data.decode("utf-8", "surrogateescape")


def _check_length(path: str, data: bytes) -> None:
    """Refuse a text that nobody means: to read all of it would take minutes."""
    n_fields = sum(map(data.count, (b":", b"{", b"<", b",")))
    n_layers = data.count(b"layer")
    allowed = min(_MAX_FIELDS, _FREE_FIELDS + _FIELDS_PER_LAYER * n_layers)
    if n_fields > allowed:
        raise PrototxtError(
            path,
            f"has {n_fields} fields for the {n_layers} times that it says layer; at most {allowed} are read, and "
            f"networks of a thousand layers have less",
        )
