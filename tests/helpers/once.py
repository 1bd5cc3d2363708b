"""What takes long to make is made once for a whole run of the tests, however many workers share it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Make a folder, unless it is there; while another worker makes it, wait.

    Parameters
    ----------
    factory : TempPathFactory
        Pytest's, which removes the folder some runs later.
    name : str
        Of the folder. One name is one thing.
    make : callable
        Is given the empty folder and fills it.

    Returns
    -------
    Path
        The folder, for everybody: write nothing into it.
    """
    base, lock = _of_the_run(factory, name)
    folder, is_made = base / name, base / f"{name}.made"
    with lock:
        if not is_made.exists():
            folder.mkdir()  # it is there where making it failed before: that error is the one to read
            make(folder)
            is_made.touch()
    return folder


def _of_the_run(factory: pytest.TempPathFactory, name: str) -> tuple[Path, Any]:
    """The folder that all workers have in common, and what keeps the others out."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return base, contextlib.nullcontext()
    from filelock import FileLock  # xdist is there, hence all of the extra `dev`

    return base.parent, FileLock(base.parent / f"{name}.lock")
