"""Limits the memory that a file may ask for.

A few kB of deflated zeros, of PNG or of a shape without numbers would take gigabytes. What was measured or photographed
packs to a tenth, and rarely to a fiftieth.
"""

from __future__ import annotations

_FREE = 64 << 20
_RATIO = 50


def allowed_bytes(file_size: int, free: int = _FREE) -> int:
    """Return how many bytes what is in a file may take.

    Parameters
    ----------
    file_size : int
        In bytes.
    free : int, default=64 MiB
        What it may take in any case.

    Returns
    -------
    int
    """
    return free + _RATIO * file_size
