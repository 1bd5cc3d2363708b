"""The flags of commands that open a network with data, made from the table of options in `analysis/request.py`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

import click

from cnnvis_caffe.analysis.options import NamedOption
from cnnvis_caffe.analysis.request import OPTIONS
from cnnvis_caffe.cli.input_shape import InputShape


class _Shard(click.ParamType):
    """A part of the images, such as 2/4."""

    name = "i/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d+)/(\d+)", value)
        if not found or not 1 <= int(found.group(1)) <= int(found.group(2)):
            self.fail(f"{value!r} is not a shard; give one such as 1/4, the first of four", param, ctx)
        return int(found.group(1)), int(found.group(2))


class _CommaSeparated(click.ParamType):
    """Names between commas."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(name.strip() for name in value.split(",") if name.strip())


class _ClassNames(_CommaSeparated):
    """Names between commas, or a file with one a line."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, str) and os.path.isfile(value):
            from cnnvis_caffe.datasets.class_names import read_class_names

            return tuple(read_class_names(value))
        return super().convert(value, param, ctx)


#: Flags that take what no type says: a file, a part of the images, names that may be in a file.
_TYPES: dict[str, click.ParamType] = {
    "log": click.Path(dir_okay=False),
    "masks": click.Path(file_okay=False),
    "shard": _Shard(),
    "classes": _ClassNames(),
}


def analysis_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add a flag for each option of the table that has one."""
    return flags_of(OPTIONS.values())(command)


def flags_of(options: Iterable[NamedOption]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a decorator that adds a flag for each of some options that has one."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for one in reversed([*options]):
            if one.flag:
                command = _flag(one)(command)
        return command

    return add


def _flag(one: NamedOption) -> Callable[..., Any]:
    """The flag of an option."""
    text = f"{one.row.help[0].upper()}{one.row.help[1:]}."
    if isinstance(one.default, bool):
        if one.default:  # --no-gradients
            told = f"Do not {one.row.help}."
            return click.option(one.flag, one.name, is_flag=True, callback=lambda *given: not given[-1], help=told)
        return click.option(one.flag, one.name, is_flag=True, help=text)
    if one.type == "Mapping[str, Sequence[int]]":  # given once for each shape
        return click.option(one.flag, one.name, type=InputShape(), multiple=True, help=text,
                            callback=lambda *given: dict(given[-1]) or None)  # fmt: skip
    allowed = [value for value in one.row.allowed if value]
    kinds = {"int": click.IntRange(one.row.least), "float": click.FLOAT, "Sequence[str]": _CommaSeparated()}
    kind = click.Choice(allowed) if allowed else kinds.get(one.type.replace(" | None", ""), click.STRING)
    is_told = one.default in allowed or one.type == "int"
    return click.option(
        one.flag,
        one.name,
        type=_TYPES.get(one.name, kind),
        default=one.default if is_told else None,
        show_default=is_told,
        metavar=one.row.metavar,
        help=text,
    )
