"""Transforms images of a user by the amounts that fit their size, and measures how far their features move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.explanation.kept import KeptResults
from cnnvis_caffe.explanation.layers import default_layers
from cnnvis_caffe.explanation.subject import Subject
from cnnvis_caffe.features.explain.invariance import TRANSFORMATIONS
from cnnvis_caffe.features.explain.invariance import invariance as measure
from cnnvis_caffe.features.explain.way_back import WayBack
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.explanation import Invariance

__all__ = ["N_IMAGES", "TRANSFORMATIONS", "InvarianceOptions", "default_amounts", "invariance"]

#: Images that are taken where nobody names any.
N_IMAGES = 20
_N_AMOUNTS = 25
#: Amounts of a transformation that are kept together.
_KEPT_AT_ONCE = 5
#: How far the middle moves at most, by the height of the image; the paper moves 224 pixels by 60.
_FURTHEST = 0.27
#: The paper's largest factor is 1.8.
_LARGEST = 1.8


@dataclass(frozen=True)
class InvarianceOptions:
    """What is done to the images, and which layers are looked at.

    Attributes
    ----------
    kinds : tuple of str
        "translation", "scale", "rotation".
    amounts : tuple of float
        Of the one kind; empty for those of the paper, brought to the size of the images.
    layers : tuple of str
        Empty for a first, a middle and the last layer.
    keep : str
        A folder for what is found on the way; the same work goes on there. Empty for none.
    """

    kinds: tuple[str, ...] = tuple(TRANSFORMATIONS)
    amounts: tuple[float, ...] = ()
    layers: tuple[str, ...] = ()
    keep: str = ""


def invariance(
    subject: Subject, options: InvarianceOptions | None = None, progress: Progress = SILENT
) -> tuple[Invariance, ...]:
    """Measure how far features and the probability of the true class move.

    Parameters
    ----------
    subject : Subject
    options : InvarianceOptions, optional
    progress : Progress, optional

    Returns
    -------
    tuple of Invariance
        One for each transformation.

    Raises
    ------
    CnnvisError
        If there is no such transformation or layer, or the network gives no scores.
    """
    options = options or InvarianceOptions()
    if options.amounts and len(options.kinds) != 1:
        raise CnnvisError("amounts are given for several transformations; choose one transformation with them")
    scorer = subject.scorer()
    model = subject.model
    layers = tuple(subject.node(name).name for name in options.layers) or default_layers(
        model.nodes, WayBack(subject.net, model.input_name, model.score_name).blobs
    )
    images = model.source.pixels(subject.indices)
    name = f"{subject.identity}_{model.source.fingerprint(subject.indices)}" if options.keep else ""
    kept = KeptResults(options.keep, "invariance", name, layers)
    result = []
    for kind in options.kinds:
        amounts = tuple(options.amounts or default_amounts(kind, images.shape[2]))
        size = _KEPT_AT_ONCE if options.keep else len(amounts)
        parts = []
        for first in range(0, len(amounts), size):
            some = amounts[first : first + size]

            def move(kind: str = kind, some: tuple[float, ...] = some) -> tuple[np.ndarray, ...]:
                found = measure(
                    scorer, images, model.source.as_inputs, subject.labels, kind=kind, amounts=some, layers=layers,
                    progress=progress,
                )  # fmt: skip
                return found.distance, found.probability, found.labels

            parts.append(kept.get(f"{kind}_{'_'.join(f'{amount:g}' for amount in some)}", move))
        distances, probabilities, labels = zip(*parts)
        result.append(
            Invariance(
                kind,
                np.array(amounts, np.float64),
                layers,
                np.concatenate(distances, 1),
                np.concatenate(probabilities),
                labels[0],
            )  # fmt: skip
        )
    return tuple(result)


def default_amounts(kind: str, height: int) -> tuple[float, ...]:
    """Return the amounts of Zeiler and Fergus's Figure 5, brought to the height of the images.

    Parameters
    ----------
    kind : {"translation", "scale", "rotation"}
    height : int
        In pixels.

    Returns
    -------
    tuple of float
        Whole pixels down; factors; degrees.
    """
    if kind == "translation":
        most = max(round(_FURTHEST * height), 1)
        return tuple(float(pixels) for pixels in np.unique(np.rint(np.linspace(-most, most, _N_AMOUNTS))))
    if kind == "scale":
        return tuple(np.round(np.linspace(1.0, _LARGEST, _N_AMOUNTS // 2 + 1), 4).tolist())
    return tuple(np.arange(0.0, 361.0, 15.0).tolist())
