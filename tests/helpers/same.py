"""Arrays that are the same in every way."""

from __future__ import annotations

import numpy as np


def assert_same_array(found: np.ndarray, expected: np.ndarray, err_msg: str = "") -> None:
    """Compare shape, dtype and every value; what `strict=True` does from numpy 1.24 on."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), err_msg
    np.testing.assert_array_equal(found, expected, err_msg=err_msg)
