"""The contents of a network or solver prototxt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class UnknownField:
    """A field, or the value of one, that Caffe 1.0 does not know; real Caffe refuses the whole file.

    Attributes
    ----------
    name : str
        As written in the file.
    line, column : int
        One-based position of the name.
    message_type : str
        Message that was searched for the name, such as ``"ConvolutionParameter"``.
    near : tuple of str
        Fields of that message with a similar name, best first; may be empty.
    value : str
        The value that Caffe does not know, of a field that it knows; else empty.
    is_of_fork : bool
        Whether a fork of Caffe is known that has the field. It is kept, and layers of that fork read it.
    """

    name: str
    line: int
    column: int
    message_type: str = ""
    near: tuple[str, ...] = ()
    value: str = ""
    is_of_fork: bool = False

    def __str__(self) -> str:
        if self.value:
            return f"{self.name} of {self.message_type} has no value {self.value} in Caffe 1.0"
        hint = f"; did you mean {' or '.join(map(repr, self.near))}?" if self.near else ""
        where = " in Caffe 1.0" if self.is_of_fork else ""
        return f"{self.message_type or 'the message'} has no field {self.name!r}{where}{hint}"


@dataclass(frozen=True)
class NetworkFile:
    """A network, upgraded to what Caffe 1.0 runs.

    Attributes
    ----------
    path : str
        File, or a name in angle brackets for text that came from elsewhere.
    message : NetParameter
        The upgraded network. Treat it as read-only, or copy it.
    generation : {"V0", "V1", "V2"}
        How the file wrote its layers: ``layers { layer { } }``, ``layers { }`` or ``layer { }``.
    upgrades : tuple of str
        One sentence per thing that the upgrade changed, in order; empty for a current file.
    unknown : tuple of UnknownField
        Fields and values that Caffe 1.0 does not have, in the order of the file.
    layer_lines : dict of str to int
        One-based line on which each layer starts, by its name. Of layers that share a name, for instance one
        for TRAIN and one for TEST, the first counts.
    """

    path: str
    message: Any
    generation: str
    upgrades: tuple[str, ...]
    unknown: tuple[UnknownField, ...]
    layer_lines: dict[str, int]


@dataclass(frozen=True)
class SolverFile:
    """A solver definition, upgraded, with its snapshot prefix filled in as Caffe does.

    Attributes
    ----------
    path : str
        File, or a name in angle brackets for text that came from elsewhere.
    message : SolverParameter
        The upgraded solver. Nets written inside it are left as they are, as Caffe leaves them.
    upgrades : tuple of str
        One sentence per thing that changed.
    unknown : tuple of UnknownField
        Fields and values that Caffe 1.0 does not have, in the order of the file.
    """

    path: str
    message: Any
    upgrades: tuple[str, ...]
    unknown: tuple[UnknownField, ...]
