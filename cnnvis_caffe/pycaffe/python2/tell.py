"""Tells things about a Python 2 script, each once, on stderr."""

from __future__ import annotations

import sys

_told: set[str] = set()


def tell(text: str) -> None:
    """Write one line on stderr, unless it was written before.

    Parameters
    ----------
    text : str
    """
    if text not in _told:
        _told.add(text)
        sys.stderr.write(f"python2: {text}\n")
