"""Gives files that are saved their endings, and finds the recent sessions of an analysis."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence

#: Sessions that are remembered, of all analyses.
MOST_SESSIONS = 40
#: Endings that say what somebody wants, though it is not offered; the error names what is.
_OTHER_ENDINGS = (".bmp", ".eps", ".gif", ".jpeg", ".jpg", ".ps", ".tif", ".tiff", ".txt", ".webp")
_OF_FILTER = re.compile(r"\*(\.[\w.]+)")


def named_like(path: str, kind: str) -> str:
    """Return a path with an ending that its kind has, where it has none.

    Parameters
    ----------
    path : str
        As the user typed it: "picture", "lenet 1.5", "picture.png".
    kind : str
        As a file dialog shows it: "PNG (*.png)"; its first ending is added.

    Returns
    -------
    str
        With another ending, such as ".jpg", it stays: what writes the file says whether it can.
    """
    endings = _OF_FILTER.findall(kind)
    if not endings or path.lower().endswith((*endings, *_OTHER_ENDINGS)):
        return path
    start, _, last = endings[0].rpartition(".")
    if start and path.lower().endswith(start):  # "lenet.cnnvis" becomes "lenet.cnnvis.json"
        return f"{path}.{last}"
    return path.rstrip(".") + endings[0]


def with_recent(pairs: Iterable[Sequence[str]], session: str, analysis: str) -> list[tuple[str, str]]:
    """Return pairs of session and analysis with one on top, the newest first."""
    first = (os.path.abspath(session), os.path.abspath(analysis) if analysis else "")
    others = [(one, other) for one, other in pairs if one != first[0]]
    return [first, *others][:MOST_SESSIONS]


def sessions_of(pairs: Iterable[Sequence[str]], analysis: str) -> list[str]:
    """Return the sessions of an analysis file that are still there, the newest first."""
    wanted = os.path.abspath(analysis) if analysis else ""
    return [one for one, other in pairs if wanted and other == wanted and os.path.isfile(one)]
