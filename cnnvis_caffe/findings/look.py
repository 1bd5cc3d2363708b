"""One snapshot of an analysis as the rules see it, with the questions that several of them ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cnnvis_caffe.findings.thresholds import DEFAULT, Thresholds
from cnnvis_caffe.readings.layers import activation_behind, weight_layers
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis, LayerDebug, Node, Snapshot
from cnnvis_caffe.records.finding import CheckedValue, Evidence, Finding, Place
from cnnvis_caffe.records.view import View
from cnnvis_caffe.text.tables import plural

#: The network as a whole.
NETWORK = Place()


@dataclass(frozen=True, eq=False)
class Look:
    """One snapshot, to be judged.

    Attributes
    ----------
    analysis : Analysis
    snapshot : Snapshot
    thresholds : Thresholds
    aggregation : Aggregation or None
        Of the same snapshot, where somebody has made one.
    checks : list of CheckedValue
        What the rules have looked at so far; `check` adds to it.
    """

    analysis: Analysis
    snapshot: Snapshot
    thresholds: Thresholds = DEFAULT
    aggregation: Aggregation | None = None
    checks: list[CheckedValue] = field(default_factory=list)

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Nodes by name."""
        return {node.name: node for node in self.analysis.nodes}

    @cached_property
    def weight_nodes(self) -> tuple[Node, ...]:
        """The layers with weights, in the order in which they run."""
        return weight_layers(self.analysis)

    @cached_property
    def score(self) -> Node | None:
        """The layer whose neurons are the answers: in older files, the last one with weights and a neuron a class."""
        data = self.analysis.data
        if not data.columns_are_scores:
            return None
        if data.score_name:
            return self.by_name.get(data.score_name)
        fitting = [n for n in self.weight_nodes if n.n_neurons == self.analysis.data.n_classes]
        return fitting[-1] if fitting and fitting[-1] is self.weight_nodes[-1] else None

    @property
    def data_in_words(self) -> str:
        """On what data it was found."""
        data = self.analysis.data
        images = plural(data.n_images, data.item)
        return f"the {images} of {data.source}" if data.source else images

    def debug(self, node: str) -> LayerDebug:
        """Debugging information of a layer; all NaN where there is none."""
        return self.snapshot.debug.get(node) or LayerDebug()

    def measured(self) -> Iterator[tuple[Node, Node]]:
        """For each layer with weights, itself and the node where its neurons' activations say most.

        The activation behind it, else itself if it has no positions: means over positions of a plain convolution are
        nearly functions of the image's mean, whatever the filters do.
        """
        for layer in self.weight_nodes:
            found = activation_behind(self.analysis, layer.name, self.snapshot.features)
            if found is not None:
                yield layer, found
            elif not layer.positions and layer.name in self.snapshot.features:
                yield layer, layer

    def check(
        self,
        kind: str,
        name: str,
        value: float,
        limit: float,
        place: Place = NETWORK,
        *,
        unit: str = "",
        is_low: bool = False,
        nearness: float | None = None,
    ) -> None:
        """Note a value that a rule has looked at.

        Parameters
        ----------
        kind, name, value, limit, place, unit, is_low
            As in `CheckedValue`.
        nearness : float, optional
            Where it is not the value by the limit, or the limit by the value.
        """
        if not np.isfinite(value):
            return
        if nearness is None:
            part, whole = (limit, value) if is_low else (value, limit)
            nearness = float(part / whole) if whole > 0 else float("inf") if part > 0 else 1.0
        self.checks.append(CheckedValue(kind, name, place, float(value), float(limit), float(nearness), unit, is_low))

    def view(self, *nodes: str, **choice: object) -> View:
        """The view that shows some nodes: groups in which they are hidden are expanded."""
        expanded = set()
        if self.aggregation is not None:
            for group in self.aggregation.groups:
                if len(group.columns) > 1 and any(n in group.nodes and n != group.representative for n in nodes):
                    expanded.add(group.name)
        return View(snapshot=self.snapshot.label, expanded=tuple(sorted(expanded)), **choice)  # type: ignore[arg-type]

    def finding(
        self,
        kind: str,
        severity: str,
        title: str,
        explanation: str,
        suggestion: str,
        places: Iterable[Place],
        evidence: Iterable[Evidence],
        strength: float = 1.0,
        view: View | None = None,
    ) -> Finding:
        """Make a finding of this snapshot."""
        places = tuple(places)
        return Finding(
            kind,
            severity,
            title,
            explanation,
            suggestion,
            places,
            tuple(evidence),
            max(float(strength), 1.0) if np.isfinite(strength) else 1e9,
            self.snapshot.label,
            view or self.view(*(place.node for place in places)),
        )


def indices(mask: np.ndarray) -> tuple[int, ...]:
    """Where a mask is true."""
    return tuple(np.flatnonzero(mask).tolist())
