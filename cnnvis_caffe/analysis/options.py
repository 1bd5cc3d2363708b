"""Rows of the table of options that `analyze` has, and what is made of them for people."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

Value = TypeVar("Value")
Function = TypeVar("Function", bound=Callable[..., object])


def as_it_is(value: Any) -> Any:
    """Store a value as it was given."""
    return value


@dataclass(frozen=True)
class Option:
    """What there is to know of an option beside its name, type and default.

    Attributes
    ----------
    help : str
        A phrase, for the help of the command and the documentation of `api.analyze`.
    allowed : tuple of str
        The values that a text can have; empty for any.
    least : int or None
        Of a number.
    stored : callable
        Makes of what a caller gives what is stored.
    flag : str
        Of the command, where it is not the name with hyphens; "-" where it has none.
    metavar : str or None
        What stands for the value in the command's help.
    changes_results : bool
        Whether the parts of one analysis must have it in common.
    """

    help: str
    allowed: tuple[str, ...] = ()
    least: int | None = None
    stored: Callable[[Any], Any] = as_it_is
    flag: str = ""
    metavar: str | None = None
    changes_results: bool = True


def option(default: Value, help: str, **more: Any) -> Value:
    """Return a row of the table: a field of a dataclass, with its default and an `Option`."""
    row: Value = field(default=default, metadata={"option": Option(help, **more)})
    return row


@dataclass(frozen=True)
class NamedOption:
    """A row of the table with what its field says.

    Attributes
    ----------
    name : str
    type : str
        Of what a caller may give, as it is annotated.
    default : object
    row : Option
    """

    name: str
    type: str
    default: object
    row: Option

    @property
    def flag(self) -> str:
        """The flag of the command; empty where it has none."""
        return {"": "--" + self.name.replace("_", "-"), "-": ""}.get(self.row.flag, self.row.flag)

    def problem(self, value: object) -> str:
        """Return why the option cannot have a value; empty where it can."""
        row = self.row
        if row.allowed and value not in row.allowed:
            return f"use one of {', '.join(map(repr, row.allowed))}"
        if row.least is not None and isinstance(value, (int, float)) and value < row.least:
            return f"it is at least {row.least}"
        return ""


def options_of(table: type, types: type) -> dict[str, NamedOption]:
    """Return the options that a dataclass has, with the types that a TypedDict says, by name."""
    found = {}
    for item in fields(table):
        if "option" in item.metadata:
            annotated = types.__annotations__[item.name]
            text = getattr(annotated, "__forward_arg__", str(annotated))
            found[item.name] = NamedOption(item.name, text, item.default, item.metadata["option"])
    return found


def documents(options: Mapping[str, NamedOption]) -> Callable[[Function], Function]:
    """Make a decorator that writes options out where a function takes them as ``**options``.

    Parameters
    ----------
    options : mapping of str to NamedOption

    Returns
    -------
    callable
        Gives the same function, with all keywords in its signature and in its docstring.
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)
        own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
        keywords = [
            inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=one.type)
            for one in options.values()
        ]
        changed: Any = function
        changed.__signature__ = signature.replace(parameters=[*own, *keywords])
        changed.__doc__ = "\n".join(_written_out((function.__doc__ or "").split("\n"), options.values()))
        return function

    return decorate


def _written_out(lines: Sequence[str], options: Iterable[NamedOption]) -> list[str]:
    """A docstring's lines with an entry for each option in place of that for all of them."""
    start = next(number for number, line in enumerate(lines) if line.strip() == "**options")
    indent = lines[start][: -len("**options")]
    end = next(number for number in range(start, len(lines)) if not lines[number].strip())
    entries = []
    for one in options:
        allowed = "{" + ", ".join(f'"{value}"' for value in one.row.allowed) + "}" if one.row.allowed else ""
        default = ", optional" if one.default is None else f", default={one.default!r}".replace("'", '"')
        kind = (allowed or one.type).replace(" | None", "").replace(" | ", " or ")
        entries += [
            f"{indent}{one.name} : {kind}{default}",
            f"{indent}    {one.row.help[0].upper()}{one.row.help[1:]}.",
        ]
    return [*lines[:start], *entries, *lines[end:]]


def path_as_text(path: str | os.PathLike[str] | None) -> str:
    """Return a path as a text; empty where there is none."""
    return "" if path is None else os.fspath(path)


def paths_as_texts(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None) -> tuple[str, ...]:
    """Return one path or several as texts."""
    if paths is None:
        return ()
    if isinstance(paths, (str, os.PathLike)):
        return (os.fspath(paths),)
    return tuple(os.fspath(path) for path in paths)


def mean_as_text(mean: str | os.PathLike[str] | Sequence[float] | None) -> str:
    """Return a mean file or the means of the channels as a text."""
    if mean is None or isinstance(mean, (str, os.PathLike)):
        return path_as_text(mean)
    return ",".join(repr(float(value)) for value in mean)


def shapes_as_texts(shapes: Mapping[str, Sequence[int]] | Iterable[str]) -> tuple[str, ...]:
    """Return shapes by name as texts, such as "data=1,3,224,224".

    Raises
    ------
    ValueError
        If a length is not a whole number from 1 on.
    """
    if not isinstance(shapes, Mapping):
        shapes = shapes_of_texts(shapes)
    for name, shape in shapes.items():
        if not shape or any(int(length) != length or length < 1 for length in shape):
            raise ValueError(f"the shape of {name!r} cannot be {shape!r}; give lengths from 1 on, such as (1, 3, 9, 9)")
    return tuple(f"{name}={','.join(str(int(length)) for length in shape)}" for name, shape in shapes.items())


def shapes_of_texts(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return the shapes that `shapes_as_texts` wrote."""
    parts = [text.rpartition("=") for text in texts]
    return {name: tuple(map(int, lengths.split(","))) for name, _, lengths in parts}


def two_numbers(pair: tuple[int, int]) -> tuple[int, int]:
    """Return a pair as whole numbers."""
    first, second = pair
    return int(first), int(second)
