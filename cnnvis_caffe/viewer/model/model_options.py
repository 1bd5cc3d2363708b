"""Turns the table of options of an analysis into fields that one fills in, and what is typed there into values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnvis_caffe.analysis.options import NamedOption
from cnnvis_caffe.analysis.request import OPTIONS
from cnnvis_caffe.datasets.class_names import read_class_names

#: Options in the groups in which the dialog shows them; what is not named here comes last.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Images": ("mean", "scale", "channel_order", "resize", "skip_damaged"),
    "Answers": ("classes", "task", "score"),
    "Network": ("layers", "until", "stages", "contributions", "top"),
    "Run": ("log", "device", "engine", "batch"),
}
#: Options that the dialog asks for elsewhere, or that do not fit it: a part of an analysis opens in no window.
_ELSEWHERE = ("limit", "gradients", "shard", "seed", "allow_python_layers")
#: Options whose value may be a file.
_FILES = {
    "mean": "Means (*.binaryproto *.npy);;All files (*)",
    "log": "All files (*)",
    "classes": "Names (*.txt);;All files (*)",
}


@dataclass(frozen=True)
class OptionField:
    """A field for one option.

    Attributes
    ----------
    name, label, help : str
        Of the option; in words; what it does.
    kind : {"choice", "check", "text"}
    choices : tuple of (str, str)
        Values with their words, for a choice; an empty value leaves the option out.
    hint : str
        What stands in an empty field.
    files : str
        Kinds of files to choose from; empty where it is not a file.
    """

    name: str
    label: str
    help: str
    kind: str
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    files: str = ""


def option_groups() -> dict[str, tuple[OptionField, ...]]:
    """Return the fields of all options that the dialog shows, by group: each option of the table has one."""
    named = {name for names in GROUPS.values() for name in names}
    others = tuple(name for name in OPTIONS if name not in named and name not in _ELSEWHERE)
    groups = {group: tuple(_field(OPTIONS[name]) for name in names) for group, names in GROUPS.items()}
    return {**groups, "More": tuple(_field(OPTIONS[name]) for name in others)} if others else groups


def _field(one: NamedOption) -> OptionField:
    """The field of an option."""
    label = one.name.replace("_", " ").capitalize()
    text = f"{one.row.help[0].upper()}{one.row.help[1:]}."
    if isinstance(one.default, bool):
        return OptionField(one.name, label, text, "check")
    if one.row.allowed:
        choices = tuple((value, value or "as the network says") for value in one.row.allowed)
        return OptionField(one.name, label, text, "choice", choices)
    hint = one.row.help.partition(";")[0]
    hint = str(one.default) if isinstance(one.default, int) else f"{hint[0].upper()}{hint[1:]}"
    return OptionField(one.name, label, text, "text", (), hint, _FILES.get(one.name, ""))


def option_value(name: str, typed: str) -> Any:
    """Return the value of an option for what is typed into its field.

    Parameters
    ----------
    name : str
    typed : str
        Not empty.

    Raises
    ------
    ValueError
        If the option cannot have it; the message is a sentence.
    CnnvisError
        If it names a file that cannot be read.
    """
    one = OPTIONS[name]
    kind = one.type.replace(" | None", "")
    value: Any = typed
    if name == "classes" and os.path.isfile(typed):
        value = tuple(read_class_names(typed))
    elif kind.startswith("Sequence[str]"):
        value = tuple(part.strip() for part in typed.split(",") if part.strip())
    elif kind in ("int", "float"):
        try:
            value = int(typed) if kind == "int" else float(typed)
        except ValueError:
            what = "a whole number" if kind == "int" else "a number"
            raise ValueError(f"{_field(one).label}: {typed!r} is not {what}.") from None
    problem = one.problem(value)
    if problem:
        raise ValueError(f"{_field(one).label} cannot be {typed!r}; {problem}.")
    return value


def option_values(typed: Mapping[str, str | bool]) -> dict[str, Any]:
    """Return the options that differ from what is usual.

    Parameters
    ----------
    typed : mapping of str to str or bool
        What stands in the fields, by option.

    Raises
    ------
    ValueError, CnnvisError
        As `option_value`.
    """
    values = {}
    for name, value in typed.items():
        found = option_value(name, value.strip()) if isinstance(value, str) and value.strip() else value
        if found not in ("", OPTIONS[name].default):
            values[name] = found
    return values
