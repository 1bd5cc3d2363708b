"""Fill a protobuf message from text, keeping the positions that protobuf's own parser loses.

Accepts and refuses what protobuf's C++ parser does for Caffe, with two exceptions. Fields and choices that Caffe 1.0
does not have can be reported instead of refused; what no known fork has either is kept as written, in the field
`schema.UNKNOWN_TEXT` of its message. And strings that are not UTF-8 are refused, because Python's messages cannot hold
them.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from cnnvis_caffe.formats.schema import ENGINE, UNKNOWN_TEXT, is_fork_field, is_repeated, is_required
from cnnvis_caffe.formats.text_tokenizer import END, FLOAT, IDENTIFIER, INTEGER, STRING, SYMBOL, Tokenizer
from cnnvis_caffe.records.network_file import UnknownField

_LAYER_MESSAGES = ("LayerParameter", "V1LayerParameter")
# Looking for near matches is slow, so it has limits.
_LONGEST_GUESS = 64
_MOST_GUESSES = 100
# Less alike than this are two words, not one and its misspelling.
_ALIKE = 0.75
_SETTINGS = "_param"
#: Who computes a layer in Caffe for Intel's processors, for OpenCL, for ARM and on phones; other words are misspelt.
_FORK_ENGINES = frozenset(
    ("MKL2017", "MKLDNN", "SPATIAL", "INTEL_SPATIAL", "LIBDNN", "GREENTEA", "NNPACK", "ACL", "SCNN", "FPGA")
)
_CLOSING = {"{": "}", "<": ">", "[": "]"}
_BOOLS = {"true": True, "True": True, "t": True, "false": False, "False": False, "f": False}
_INTEGER_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


class _Field(NamedTuple):
    """What the parser asks about a field, looked up once."""

    name: str
    type: int
    cpp_type: int
    repeated: bool
    required: bool
    enum: dict[str, int]
    is_of_fork: bool


@functools.cache
def _fields(descriptor: Any) -> dict[str, _Field]:
    """Return the fields of a message by name."""
    fields = {}
    for field in descriptor.fields:
        if field.name == UNKNOWN_TEXT:
            continue
        values = field.enum_type.values if field.enum_type is not None else ()
        enum = {value.name: value.number for value in values}
        fields[field.name] = _Field(
            field.name,
            field.type,
            field.cpp_type,
            is_repeated(field),
            is_required(field),
            enum,
            is_fork_field(descriptor.name, field.name),
        )
    return fields


class TextParser:
    """Reads one text into one message.

    Parameters
    ----------
    text : str
        Bytes that are not UTF-8 may be there as lone surrogates (PEP 383).
    path : str
        For messages.
    allow_unknown : bool
        Collect fields and choices that do not exist instead of refusing them; a fork's `engine` is never refused.

    Attributes
    ----------
    unknown : list of UnknownField
        Also the fields of forks that are known, which are refused in neither case.
    layer_lines : dict of str to int
        See `cnnvis_caffe.records.network_file.NetworkFile`.
    """

    def __init__(self, text: str, path: str, *, allow_unknown: bool) -> None:
        self._tokens = Tokenizer(text, path)
        self._allow_unknown = allow_unknown
        self.unknown: list[UnknownField] = []
        self.layer_lines: dict[str, int] = {}

    def parse(self, message: Any) -> None:
        """Read the whole text into an empty message."""
        while self._tokens.kind != END:
            self._parse_field(message)
        self._check_required(message, 0)

    def _parse_field(self, message: Any) -> None:
        """Read a name, its value or values, and the separator after them."""
        tokens = self._tokens
        start = tokens.start
        if tokens.kind != IDENTIFIER:
            raise self._not_a_field(message)
        name = tokens.take()
        field = _fields(message.DESCRIPTOR).get(name)
        if field is None:
            self._note_unknown_field(message, name, start)
            self._skip_value()
            self._keep_text(message, start)
        else:
            if field.is_of_fork:
                self.unknown.append(self._unknown(message, name, start, is_of_fork=True))
            self._parse_values(message, field, start)
        if not tokens.accept(";"):
            tokens.accept(",")

    def _parse_values(self, message: Any, field: _Field, start: int) -> None:
        """Read what follows the name of a field."""
        tokens = self._tokens
        if not field.repeated and message.HasField(field.name):
            raise tokens.error(f"{field.name} is given a second time, but can have only one value", start)
        is_message = field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE
        if not tokens.accept(":") and not is_message:
            raise tokens.error(f"expected ':' after {field.name}, found {tokens.shown()}")
        if tokens.at("[") and not field.repeated:
            raise tokens.error(f"{field.name} can have only one value, found a list")
        parse = self._parse_message if is_message else self._parse_scalar
        if not (field.repeated and tokens.accept("[")):
            parse(message, field, start)
            return
        if tokens.accept("]"):
            return
        while True:
            parse(message, field, tokens.start)
            if tokens.accept("]"):
                return
            if not tokens.accept(","):
                raise tokens.error(f"expected ',' or ']' in the list of {field.name}, found {tokens.shown()}")

    def _parse_message(self, message: Any, field: _Field, start: int) -> None:
        """Read a message in braces or angle brackets."""
        tokens = self._tokens
        opening, open_at = tokens.text, tokens.start
        if tokens.kind != SYMBOL or opening not in ("{", "<"):
            raise tokens.error(f"{field.name} is a message: expected '{{', found {tokens.shown()}")
        tokens.advance()
        if field.repeated:
            inner = getattr(message, field.name).add()
        else:
            inner = getattr(message, field.name)
            inner.SetInParent()
        while not (tokens.at("}") or tokens.at(">")):
            if tokens.kind == END:
                line, column = tokens.position(open_at)
                raise tokens.error(f"{field.name}, opened at {line}:{column}, is not closed with '{_CLOSING[opening]}'")
            self._parse_field(inner)
        if not tokens.accept(_CLOSING[opening]):
            raise tokens.error(f"expected '{_CLOSING[opening]}' at the end of {field.name}, found {tokens.shown()}")
        self._check_required(inner, start)
        if inner.DESCRIPTOR.name in _LAYER_MESSAGES:
            self._note_layer(inner, start)

    def _parse_scalar(self, message: Any, field: _Field, start: int) -> None:
        """Read one value that is not a message."""
        cpp_type = field.cpp_type
        value: Any
        if cpp_type in _INTEGER_RANGES:
            value = self._integer(field, *_INTEGER_RANGES[cpp_type])
        elif cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
            value = self._float(field)
        elif cpp_type == FieldDescriptor.CPPTYPE_STRING:
            value = self._string(field)
        elif cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            value = self._bool(field)
        else:
            value = self._enum(message, field, start)
            if value is None:
                return
        if field.repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)

    def _integer(self, field: _Field, low: int, high: int) -> int:
        """Read a whole number: decimal, octal or hexadecimal."""
        tokens = self._tokens
        start = tokens.start
        what = f"{field.name} takes a whole number from {low} to {high}"
        negative = low < 0 and tokens.accept("-")
        if tokens.kind != INTEGER:
            raise tokens.error(f"{what}, found {'-' if negative else ''}{tokens.shown()}", start)
        value = _whole(tokens.text) * (-1 if negative else 1)
        if not low <= value <= high:
            raise tokens.error(f"{what}, found {'-' if negative else ''}{tokens.shown()}", start)
        tokens.advance()
        return value

    def _float(self, field: _Field) -> float:
        """Read a number; whole numbers must be decimal here."""
        tokens = self._tokens
        start = tokens.start
        negative = tokens.accept("-")
        text = tokens.text.lower()
        if tokens.kind == FLOAT:
            value = float(text.rstrip("f"))
        elif (
            tokens.kind == INTEGER
            and (text == "0" or text[0] != "0")
            or tokens.kind == IDENTIFIER
            and text in ("inf", "infinity", "nan")
        ):
            value = float(text)
        else:
            decimal = " in decimal" if tokens.kind == INTEGER else ""
            raise tokens.error(f"{field.name} takes a number{decimal}, found {tokens.shown()}", start)
        tokens.advance()
        return -value if negative else value

    def _string(self, field: _Field) -> Any:
        """Read one or more quoted strings that make up one value."""
        tokens = self._tokens
        start = tokens.start
        if tokens.kind != STRING:
            hint = f'; write "{tokens.text}"' if tokens.kind == IDENTIFIER else ""
            raise tokens.error(f"{field.name} takes text in quotes, found {tokens.shown()}{hint}")
        parts = []
        while tokens.kind == STRING:
            parts.append(tokens.string_value())
            tokens.advance()
        value = b"".join(parts)
        if field.type == FieldDescriptor.TYPE_BYTES:
            return value
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise tokens.error(f"the text of {field.name} is not UTF-8; save the file as UTF-8", start) from error

    def _bool(self, field: _Field) -> bool:
        """Read a truth value."""
        tokens = self._tokens
        if tokens.kind == INTEGER and _whole(tokens.text) in (0, 1):
            return _whole(tokens.take()) == 1
        if tokens.kind == IDENTIFIER and tokens.text in _BOOLS:
            return _BOOLS[tokens.take()]
        raise tokens.error(f"{field.name} takes true or false, found {tokens.shown()}")

    def _enum(self, message: Any, field: _Field, field_start: int) -> int | None:
        """Read a choice, by its bare name or by its number; None for one that only a fork has."""
        tokens = self._tokens
        start = tokens.start
        if tokens.kind == IDENTIFIER:
            found = tokens.shown()
            value = field.enum.get(tokens.text)
        elif tokens.kind == INTEGER or tokens.at("-"):
            negative = tokens.accept("-")
            found = f"{'-' if negative else ''}{tokens.shown()}"
            value = _whole(tokens.text) * (-1 if negative else 1) if tokens.kind == INTEGER else None
            value = value if value in field.enum.values() else None
        else:
            found, value = tokens.shown(), None
        if value is None:
            is_engine = field.name == ENGINE and tokens.text in _FORK_ENGINES
            if not (self._allow_unknown or is_engine) or tokens.kind not in (IDENTIFIER, INTEGER):
                raise tokens.error(_enum_message(field, found, quoted=tokens.kind == STRING), start)
            self.unknown.append(self._unknown(message, field.name, field_start, value=found))
            tokens.advance()
            self._keep_choice(message, field, found)
            return None
        tokens.advance()
        return value

    def _keep_choice(self, message: Any, field: _Field, found: str) -> None:
        """Keep a choice that Caffe does not have: the type of an old layer by itself, others as text."""
        if field.name == "type" and message.DESCRIPTOR.name == "V1LayerParameter":
            message.foreign_type = found
        else:
            getattr(message, UNKNOWN_TEXT).append(f"{field.name}: {found}")

    def _not_a_field(self, message: Any) -> Exception:
        """Return the error for something else in the place of a field name."""
        tokens = self._tokens
        if tokens.at("["):
            return tokens.error("extensions in square brackets are not a part of Caffe's messages")
        if tokens.at("}") or tokens.at(">"):
            return tokens.error(f"this '{tokens.text}' closes nothing")
        return tokens.error(f"expected the name of a field of {message.DESCRIPTOR.name}, found {tokens.shown()}")

    def _note_unknown_field(self, message: Any, name: str, start: int) -> None:
        """Note a field that does not exist, with names that may be meant, or refuse it."""
        near: list[str] = []
        if len(name) <= _LONGEST_GUESS and len(self.unknown) < _MOST_GUESSES:
            near = _near(name.lower(), _fields(message.DESCRIPTOR))
        field = self._unknown(message, name, start, near=tuple(near))
        is_engine = name == ENGINE and message.DESCRIPTOR.name == "LayerParameter"  # Intel's
        if not (self._allow_unknown or is_engine):
            raise self._tokens.error(str(field), start)
        self.unknown.append(field)

    def _unknown(self, message: Any, name: str, start: int, **about: Any) -> UnknownField:
        """Return the record of a field, or of its value, that Caffe 1.0 does not have."""
        return UnknownField(name, *self._tokens.position(start), message.DESCRIPTOR.name, **about)

    def _keep_text(self, message: Any, start: int) -> None:
        """Keep what has just been skipped, as written."""
        getattr(message, UNKNOWN_TEXT).append(self._tokens.since(start))

    def _skip_value(self) -> None:
        """Go over the value of a field that does not exist: a scalar, a list or a message of any depth."""
        tokens = self._tokens
        has_colon = tokens.accept(":")
        if tokens.at("{") or tokens.at("<") or (has_colon and tokens.at("[")):
            self._skip_brackets()
            return
        if not has_colon:
            raise tokens.error(f"expected ':' or '{{', found {tokens.shown()}")
        if tokens.kind == STRING:
            while tokens.kind == STRING:
                tokens.advance()
            return
        tokens.accept("-")
        if tokens.kind not in (IDENTIFIER, INTEGER, FLOAT):
            raise tokens.error(f"expected a value, found {tokens.shown()}")
        tokens.advance()

    def _skip_brackets(self) -> None:
        """Go from an opening bracket over the one that closes it; a loop, so that no depth is too deep."""
        tokens = self._tokens
        start = tokens.start
        expected: list[str] = []
        while True:
            if tokens.kind == END:
                raise tokens.error("this bracket is not closed", start)
            if tokens.kind == SYMBOL and tokens.text in _CLOSING:
                expected.append(_CLOSING[tokens.text])
            elif tokens.kind == SYMBOL and tokens.text in _CLOSING.values() and tokens.text != expected.pop():
                raise tokens.error(f"this '{tokens.text}' closes nothing")
            tokens.advance()
            if not expected:
                return

    def _check_required(self, message: Any, start: int) -> None:
        """Refuse a message that lacks a field it must have."""
        for field in _fields(message.DESCRIPTOR).values():
            if field.required and not message.HasField(field.name):
                raise self._tokens.error(f"{message.DESCRIPTOR.name} needs a value for {field.name}", start)

    def _note_layer(self, layer: Any, start: int) -> None:
        """Keep the line of a layer."""
        is_v0 = layer.DESCRIPTOR.name == "V1LayerParameter" and layer.HasField("layer")
        name = layer.layer.name if is_v0 else layer.name
        self.layer_lines.setdefault(name, self._tokens.position(start)[0])


def _near(name: str, fields: Iterable[str]) -> list[str]:
    """Return the fields that may be meant; the ending that settings share makes no two of them alike."""
    stems = {field[: -len(_SETTINGS)] if field.endswith(_SETTINGS) else field: field for field in fields}
    stem = name[: -len(_SETTINGS)] if name.endswith(_SETTINGS) else name
    return [stems[near] for near in difflib.get_close_matches(stem, list(stems), n=3, cutoff=_ALIKE)]


def _whole(text: str) -> int:
    """Return the value of an integer token."""
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    if text[0] == "0":
        return int(text, 8)
    # Python refuses to convert very long numbers; all of them are out of range alike.
    return int(text) if len(text) <= 30 else 10**30


def _enum_message(field: _Field, found: str, *, quoted: bool) -> str:
    """Say which values an enum field takes."""
    if quoted:
        bare = found[1:-1]
        hint = f"; write {bare} without quotes" if bare in field.enum else ""
        return f"{field.name} takes a name without quotes, found {found}{hint or _choices(field, bare)}"
    return f"{field.name} cannot be {found}{_choices(field, found)}"


def _choices(field: _Field, found: str) -> str:
    """List the values of an enum field, near matches only when there are very many."""
    near = difflib.get_close_matches(found.upper(), list(field.enum), n=3)
    if len(field.enum) > 12 and near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; it can be {', '.join(field.enum)}"
