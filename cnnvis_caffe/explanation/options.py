"""The options that say how a network and images are opened, and the request that they make."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypedDict, cast

from cnnvis_caffe.analysis.request import OPTIONS, AnalysisOptions, Request, make_request


class SubjectOptions(TypedDict, total=False):
    """Types of the options that say how a network and images are opened; `analysis.request` says what they mean."""

    classes: Sequence[str]
    scale: float | None
    mean: str | os.PathLike[str] | Sequence[float]
    channel_order: str
    resize: bool
    score: str
    stages: Sequence[str]
    engine: str
    device: str
    batch: int | None
    seed: int
    allow_python_layers: bool


SUBJECT_OPTIONS = {name: OPTIONS[name] for name in SubjectOptions.__annotations__}


def subject_request(
    model: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None,
    images: str | os.PathLike[str],
    options: SubjectOptions,
) -> Request:
    """Return a request for a network and images.

    Parameters
    ----------
    model : str or path-like
    weights : str or path-like, or None
        None for what the network's fillers give.
    images : str or path-like
    options : SubjectOptions

    Returns
    -------
    Request

    Raises
    ------
    TypeError, ValueError
        If there is no such option, or it cannot have its value.
    """
    unknown = [name for name in options if name not in SUBJECT_OPTIONS]
    if unknown:
        raise TypeError(f"there is no option {unknown[0]!r}; there are {', '.join(SUBJECT_OPTIONS)}")
    return make_request(model, weights, images, "", cast(AnalysisOptions, options))
