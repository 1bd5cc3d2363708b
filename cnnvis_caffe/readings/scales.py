"""Finds colour scales that hold for all snapshots of one analysis, or of several that are compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from cnnvis_caffe.readings.facets import MATRIX_FACETS
from cnnvis_caffe.readings.relations import step_quantity
from cnnvis_caffe.records.analysis import Analysis, Snapshot

#: A matrix has the colours for both signs if its lowest value is this share of its largest.
LEAST_NEGATIVE = 0.02
#: Share of all means at each end that have the colour of the end: single ones may be larger by powers of ten.
CUT_OFF = 0.02
#: No scale spans more than this ratio: values look alike where many powers of ten share the colours.
MOST_RATIO = 1e6
#: The colours of connections are found from this many neurons of a layer and this many snapshots, evenly spread.
MOST_ROWS, MOST_SNAPSHOTS = 256, 32
#: Each layer of each snapshot gives this many quantiles, so that a wide layer does not count more.
N_QUANTILES = 11


@dataclass(frozen=True)
class MatrixScale:
    """The meaning of the colours of a layer's matrix.

    Attributes
    ----------
    largest : float
        The absolute value that has the strongest colour.
    has_sign : bool
        Whether there are negative values worth a colour.
    """

    largest: float
    has_sign: bool


@dataclass(frozen=True)
class QuantityRange:
    """The meaning of the two ends of the colours of edges; both are 0 where nothing is known.

    Gradients of a deep network differ by powers of ten: then equal steps of colour are equal ratios.
    """

    least: float
    most: float

    @property
    def is_logarithmic(self) -> bool:
        """Whether equal steps are equal ratios."""
        return 0 < self.least < self.most / 20

    def share(self, value: float) -> float:
        """Return where a value lies between the ends, 0 to 1; values beyond an end have its place."""
        if self.most <= self.least:
            return 0.5
        value = min(max(value, self.least), self.most)
        if self.is_logarithmic:
            return math.log(value / self.least) / math.log(self.most / self.least)
        return (value - self.least) / (self.most - self.least)


@dataclass(frozen=True, eq=False)
class Beside:
    """A picture that stands beside another one, with the same legend.

    Attributes
    ----------
    analysis : Analysis
    snapshot : Snapshot
        One of its snapshots.
    strongest : mapping of (str, str) to float
        By source and target column the strength that is drawn widest there; of another model only, as the snapshots of
        one have one scale anyhow.
    """

    analysis: Analysis
    snapshot: Snapshot
    strongest: Mapping[tuple[str, str], float] = field(default_factory=dict)


class Scales:
    """Scales over the snapshots of some analyses, each computed when it is first asked for.

    Parameters
    ----------
    *analyses : Analysis
        The one that is drawn, then the one beside which it is shown; each counts once.

    Notes
    -----
    A scale depends on nothing that the user chooses, so that no filter, cluster or snapshot changes what a colour
    means. Of more than `MOST_SNAPSHOTS` snapshots these many are looked at, evenly spread, the first and the last among
    them. Values beyond an end of a scale have the colour of the end. One thread at a time.
    """

    def __init__(self, *analyses: Analysis) -> None:
        self.analyses = tuple(dict.fromkeys(analyses))
        self._matrices: dict[tuple[str, str], MatrixScale] = {}
        self._quantities: dict[str, QuantityRange | None] = {}

    def matrix(self, node: str, facet: str) -> MatrixScale:
        """Return the scale of a layer's matrices, from the largest and lowest value of the snapshots.

        Parameters
        ----------
        node : str
        facet : str
            One of `MATRIX_FACETS`.
        """
        key = (node, facet)
        if key not in self._matrices:
            shown = MATRIX_FACETS[facet]
            most = least = 0.0
            for analysis in self.analyses:
                for number in _looked_at(analysis):
                    snapshot = analysis.snapshots[number]
                    if node in snapshot.features:
                        values = np.nan_to_num(shown.values(snapshot.features[node]))
                        most = max(most, float(values.max(initial=0.0)))
                        least = min(least, float(values.min(initial=0.0)))
            has_sign = shown.ends is not None or -least > LEAST_NEGATIVE * most
            self._matrices[key] = MatrixScale(max(most, -least), has_sign)
        return self._matrices[key]

    def quantity(self, kind: str) -> QuantityRange | None:
        """Return what the colours of connections span; None where they show signs.

        Parameters
        ----------
        kind : str
            One of `records.view.EDGE_QUANTITIES`.

        Returns
        -------
        QuantityRange or None
            Of the means over the connections into a neuron, without zeros, from the `CUT_OFF` quantile to the one at
            the other end. Each layer of each snapshot counts the same.
        """
        if kind == "weight":
            return None
        if kind not in self._quantities:
            found = [values for analysis in self.analyses for values in _means(analysis, kind)]
            least, most = np.quantile(np.concatenate(found), [CUT_OFF, 1 - CUT_OFF]).tolist() if found else (0.0, 0.0)
            self._quantities[kind] = QuantityRange(max(least, most / MOST_RATIO), most) if found else None
        return self._quantities[kind]


def knows_quantity(analysis: Analysis, snapshot: Snapshot, kind: str) -> bool:
    """Return whether the connections of a snapshot have a quantity to be coloured by.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
    kind : str
        One of `records.view.EDGE_QUANTITIES`.
    """
    if kind == "weight":
        return False
    number = analysis.snapshot_index(snapshot.label)
    before = analysis.snapshots[number - 1] if number else None
    return any(step_quantity(snapshot, before, node, kind) is not None for node in snapshot.connections)


def _looked_at(analysis: Analysis) -> list[int]:
    """The snapshots that scales are made of, by number."""
    n = len(analysis.snapshots)
    return list(dict.fromkeys(np.linspace(0, n - 1, min(n, MOST_SNAPSHOTS)).round().astype(int).tolist()))


def _means(analysis: Analysis, kind: str) -> Iterator[np.ndarray]:
    """Quantiles of the means over each neuron's connections, of each layer in each snapshot, (N_QUANTILES,)."""
    for number in _looked_at(analysis):
        snapshot, before = analysis.snapshots[number], analysis.snapshots[number - 1] if number else None
        for node, connections in snapshot.connections.items():
            values = step_quantity(snapshot, before, node, kind)
            if values is None:
                continue
            step = -(-len(values) // MOST_ROWS)
            values = np.asarray(values[::step], np.float64)
            sizes = np.asarray(connections.abs_weight[::step], np.float64)
            totals = sizes.sum(axis=1)
            means = np.divide((values * sizes).sum(axis=1), totals, out=np.zeros_like(totals), where=totals > 0)
            known = means[np.isfinite(means) & (means > 0)]
            if len(known):
                yield np.quantile(known, np.linspace(0, 1, N_QUANTILES))
