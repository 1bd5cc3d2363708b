"""The record of an image that was prepared as an analysis would do it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """An image on its way into a network.

    Attributes
    ----------
    image : ndarray of shape (h, w, 3), uint8
        As it is drawn.
    prepared : ndarray of shape (h, w, 3), uint8
        What the network gets, from its least value in black to its largest in white.
    lines : tuple of (str, str)
        What there is to know: a name, and what it is.
    notes : tuple of str
        What was found beside the network, and what is doubtful.
    """

    image: np.ndarray
    prepared: np.ndarray
    lines: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
