"""Finds the layers between the images and the scores, through which a backward pass from the scores has to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnvis_caffe.errors import UnknownBlobError


@dataclass(frozen=True)
class ScorePath:
    """The way back from the scores.

    Attributes
    ----------
    layers : tuple of int
        Of the net as it runs (with its Split layers), the last one first.
    silent : tuple of str
        Blobs on the way that also go elsewhere: from there no gradient comes.
    blobs : frozenset of str
        All that the scores depend on, and the scores.
    """

    layers: tuple[int, ...]
    silent: tuple[str, ...]
    blobs: frozenset[str]


#: Of a net without a score.
NO_PATH = ScorePath((), (), frozenset())


def score_path(net: Any, scores: Sequence[str]) -> ScorePath:
    """Find the way back from the scores.

    Parameters
    ----------
    net : Net
        With pycaffe's face; nothing in it works in place.
    scores : sequence of str
        Names of blobs: one, or the two of a pair.

    Raises
    ------
    UnknownBlobError
        If there is no such blob.
    """
    tops, bottoms = list(net.top_names.values()), list(net.bottom_names.values())
    for score in scores:
        if not any(score in names for names in tops):
            raise UnknownBlobError(score, list(net.blobs))
    layers, needed = [], set(scores)
    for index in range(len(tops) - 1, -1, -1):
        if needed.intersection(tops[index]):
            layers.append(index)
            needed.update(bottoms[index])
    read = {name for index in layers for name in bottoms[index]}
    silent = [name for index in layers for name in tops[index] if name not in read and name not in scores]
    return ScorePath(tuple(layers), tuple(silent), frozenset(needed))
