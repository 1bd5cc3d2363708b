"""Many cases in one test: where a case takes milliseconds, pytest's own work for a test takes as long."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import Any

import pytest

#: Of so many cases that fail the traceback is shown; the others are named.
N_SHOWN = 5


def check_each(check: Callable[[Any], object], cases: Iterable[Any], name: Callable[[Any], str] = str) -> None:
    """Call a check with every case, whether or not others fail.

    Parameters
    ----------
    check : callable
        Is given one case.
    cases : iterable
        At least one.
    name : callable, optional
        Gives the name of a case.

    Raises
    ------
    AssertionError
        Names all cases that fail, and shows why.
    """
    errors, n_cases = {}, 0
    for case in cases:
        n_cases += 1
        try:
            check(case)
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - any error fails a case, as it fails a test
            errors[name(case)] = error
    assert n_cases, "no case was checked"
    if errors:
        first = next(iter(errors.values()))
        raise AssertionError(_told(errors, n_cases)) from first


def _told(errors: dict[str, BaseException], n_cases: int) -> str:
    """The names of all cases that fail, then the errors of the first ones."""
    parts = [f"{len(errors)} of {n_cases} cases fail: {', '.join(errors)}"]
    for name, error in list(errors.items())[:N_SHOWN]:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        parts.append(f"---- {name} ----\n{''.join(lines)}")
    return "\n\n".join(parts)
