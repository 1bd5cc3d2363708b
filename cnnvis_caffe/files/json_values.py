"""Values that JSON does not have, replaced by what it has."""

from __future__ import annotations

import math
from typing import Any


def finite(value: Any) -> Any:
    """Return the same with None for every number that JSON does not have.

    Parameters
    ----------
    value : dict, list, or a single value

    Returns
    -------
    dict, list, or a single value
    """
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
