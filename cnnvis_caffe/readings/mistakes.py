"""Reads where a network errs: classes that are taken for others, and the neurons that tell two classes apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.readings.layers import activation_behind, weight_layers
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.records.measure import Measure


@dataclass(frozen=True)
class Mistake:
    """A class that is named as another one.

    Attributes
    ----------
    row, column : int
        The class, and what it is named as.
    count : float
        In images, pixels or pairs.
    share : float
        Of all of the class.
    """

    row: int
    column: int
    count: float
    share: float


@dataclass(frozen=True)
class Separator:
    """A neuron that tells two classes apart.

    Attributes
    ----------
    node : str
    neuron : int
    difference : float
        What it adds to the second class's score on images of that class, minus what it adds to the first one's on
        its images: above 0 it speaks for the second class, below 0 for the first.
    share : float
        Of the absolute differences of all neurons of its layer: comparable from layer to layer.
    means : (float, float)
        Mean activation on images of the two classes.
    """

    node: str
    neuron: int
    difference: float
    share: float
    means: tuple[float, float]


def mistakes(snapshot: Snapshot) -> list[Mistake]:
    """List which class is named as which other one, the most frequent first; none where nobody counted."""
    confusion = snapshot.confusion
    if confusion is None:
        return []
    total = confusion.sum(1)
    wrong = confusion * ~np.eye(len(confusion), dtype=bool)
    cells = np.argwhere(wrong > 0)
    order = np.argsort(-wrong[tuple(cells.T)], kind="stable")
    return [
        Mistake(int(row), int(column), float(wrong[row, column]), float(wrong[row, column] / total[row]))
        for row, column in cells[order]
    ]


def mistake(snapshot: Snapshot, row: int, column: int) -> Mistake:
    """Return a cell of the confusion matrix, that of right answers too."""
    assert snapshot.confusion is not None
    count, total = float(snapshot.confusion[row, column]), float(snapshot.confusion[row].sum())
    return Mistake(row, column, count, count / total if total else float("nan"))


def separators(
    analysis: Analysis, snapshot: Snapshot, first: int, second: int, layers: Sequence[str] | None = None
) -> list[Separator]:
    """Find the neurons whose contributions separate two classes.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    first, second : int
        Classes.
    layers : sequence of str, optional
        Nodes to look in; by default `separating_layers`.

    Returns
    -------
    list of Separator
        By share, the largest first; none where contributions were not computed.
    """
    found: list[Separator] = []
    for name in separating_layers(analysis, snapshot) if layers is None else layers:
        features = snapshot.features[name]
        ours, theirs = (features.contribution[:, c].astype(np.float64) for c in (first, second))
        difference = theirs - ours
        total = np.abs(difference).sum()
        if not np.isfinite(total) or not total:
            continue
        means = features.mean[:, [first, second]].astype(np.float64)
        found += [
            Separator(name, int(n), float(difference[n]), float(abs(difference[n]) / total), (*means[n].tolist(),))
            for n in np.flatnonzero(difference)
        ]
    return sorted(found, key=lambda one: -one.share)


def separating_layers(analysis: Analysis, snapshot: Snapshot) -> list[str]:
    """Return the nodes whose neurons may separate classes: of each layer with weights one, without the scores."""
    found = []
    for layer in weight_layers(analysis):
        node = activation_behind(analysis, layer.name, snapshot.features) or layer
        is_score = analysis.data.score_name in (layer.name, node.name) or layer is weight_layers(analysis)[-1]
        if node.name in snapshot.features and not is_score:
            found.append(node.name)
    return found


def measure_by_column(snapshot: Snapshot) -> Measure | None:
    """Return the measure that says how each column is answered: the error where it is known, else the first one."""
    known = [one for one in snapshot.measures if np.isfinite(one.values).any()]
    return next((one for one in known if one.name == "error"), known[0] if known else None)


def worst_columns(measure: Measure) -> list[int]:
    """Return the columns by a measure, the worst first; those of which nothing is known are left out."""
    known = np.flatnonzero(np.isfinite(measure.values))
    values = measure.values[known] if measure.is_better_high else -measure.values[known]
    return known[np.argsort(values, kind="stable")].tolist()  # type: ignore[no-any-return]
