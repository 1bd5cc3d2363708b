"""The names that a module has lost or changed, as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class OldModule:
    """What a module had.

    Attributes
    ----------
    module : str or None
        Where the names are that stayed; None if there is no such module any more.
    names : dict of str to object
        What was there, by name.
    told : callable or None
        What is said of a name that is used; None says nothing.
    may_be_gone : bool
        Whether the names here are all that is needed if the module is missing.
    not_in_star : frozenset of str
        What ``from module import *`` did not give then.
    """

    module: str | None
    names: dict[str, Any] = field(default_factory=dict)
    told: Callable[[str], str] | None = None
    may_be_gone: bool = False
    not_in_star: frozenset[str] = frozenset()
