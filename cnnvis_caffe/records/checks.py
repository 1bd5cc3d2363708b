"""Checks that arrays in records have the shapes and types of the record's docstring."""

from __future__ import annotations

from typing import Any

import numpy as np


def check_array(owner: object, name: str, shape: tuple[int | None, ...], dtype: Any) -> None:
    """Raise ValueError unless an attribute is an array of a shape (None: any length) and dtype."""
    array = getattr(owner, name)
    fits = (
        isinstance(array, np.ndarray)
        and array.ndim == len(shape)
        and all(wanted in (None, length) for wanted, length in zip(shape, array.shape))
        and array.dtype == np.dtype(dtype)
    )
    if not fits:
        found = f"{array.shape} {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        wanted_shape = "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"
        raise ValueError(f"{type(owner).__name__}.{name} must be {wanted_shape} {np.dtype(dtype)}, got {found}")
