"""What the rules look at: one snapshot of an analysis, and the questions that several rules ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cnnvis_caffe.findings.thresholds import DEFAULT, Thresholds
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis, LayerDebug, Node, Snapshot
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.records.view import View


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
    """

    analysis: Analysis
    snapshot: Snapshot
    thresholds: Thresholds = DEFAULT
    aggregation: Aggregation | None = None

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """Nodes by name."""
        return {node.name: node for node in self.analysis.nodes}

    @cached_property
    def weight_nodes(self) -> tuple[Node, ...]:
        """The layers with weights, in the order in which they run."""
        return tuple(node for node in self.analysis.nodes if node.kind == "weights")

    @cached_property
    def score(self) -> Node | None:
        """The layer whose neurons are the classes: the last one with weights and as many neurons."""
        fitting = [n for n in self.weight_nodes if n.n_neurons == self.analysis.data.n_classes]
        return fitting[-1] if fitting and fitting[-1] is self.weight_nodes[-1] else None

    @property
    def data_in_words(self) -> str:
        """On what data it was found."""
        data = self.analysis.data
        images = plural(data.n_images, "image")
        return f"the {images} of {data.source}" if data.source else images

    def debug(self, node: str) -> LayerDebug:
        """Debugging information of a layer; all NaN where there is none."""
        return self.snapshot.debug.get(node) or LayerDebug()

    def dead(self, rectifier: Node) -> np.ndarray | None:
        """Which neurons of a rectifier never see anything above 0, (n,) bool; None where nobody looked."""
        before = self.snapshot.features.get(rectifier.sources[0])
        if before is not None and before.n_neurons == rectifier.n_neurons:
            return before.overall_maximum <= 0
        after = self.snapshot.features.get(rectifier.name)
        return None if after is None or rectifier.negative_slope else after.overall_maximum <= 0

    def measured(self) -> Iterator[tuple[Node, Node]]:
        """For each layer with weights, itself and the node where its neurons' activations say most.

        The first activation behind it, else the first pooling (maximum is no linear function either), else itself
        if it has no positions: means over positions of a plain convolution are nearly functions of the image's
        mean, whatever the filters do.
        """
        for layer in self.weight_nodes:
            owned = [n for n in self.analysis.nodes if n.owner == layer.name and n.name in self.snapshot.features]
            for role in ("rectifier", "activation", "pooling"):
                fitting = [n for n in owned if n.role == role]
                if fitting:
                    yield layer, fitting[0]
                    break
            else:
                if owned and not layer.positions and layer.name in self.snapshot.features:
                    yield layer, layer

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


def plural(number: int, word: str) -> str:
    """Return "1 neuron", "2 neurons"."""
    plurals = {"class": "classes"}
    return f"{number:,} {word if number == 1 else plurals.get(word, word + 's')}"


def percent(share: float) -> str:
    """Return a share with two or three digits: 4.7%, 64%, 0.02%."""
    value = 100 * share
    return f"{value:.0f}%" if abs(value) >= 9.95 and abs(value - round(value)) < 0.05 else f"{value:.3g}%"


def digits(value: float) -> str:
    """Return a number with three digits that matter."""
    return f"{value:.3g}"


def listed(words: Iterable[str], most: int = 4) -> str:
    """Return "a, b and c", or "a, b, c and 9 more"."""
    words = list(words)
    if len(words) > most + 1:
        words = [*words[:most], f"{len(words) - most} more"]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
