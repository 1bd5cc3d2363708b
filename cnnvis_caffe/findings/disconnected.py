"""Clusters and neurons without connections (D1 and D2 in Figure 6 of the paper)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.findings.look import Look, indices
from cnnvis_caffe.readings.disconnected import disconnected_clusters
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.tables import plural
from cnnvis_caffe.text.words import percent

_MEANING = (
    "What is hardly joined to the rest takes no part in the network: weight decay shrinks the weights of neurons that "
    "no gradient reaches, so that these are often dead neurons."
)
_ADVICE = (
    "Look at their activations and at the inputs of their rectifiers. If they are dead, try a leaky ReLU; if they "
    "are not, a narrower layer will do as well."
)


def disconnected(look: Look) -> Iterator[Finding]:
    """Yield clusters without connections where clusters are known, and neurons without connections."""
    if look.aggregation is not None:
        yield from _clusters(look)
    yield from _neurons(look)


def _clusters(look: Look) -> Iterator[Finding]:
    """Clusters of the aggregation whose strength is far below the mean of their column."""
    assert look.aggregation is not None
    columns = {column.node: column for column in look.aggregation.columns}
    for one in disconnected_clusters(look.aggregation, look.thresholds.disconnected):
        column, word = columns[one.node], one.side
        cluster = column.clusters[one.cluster]
        n = len(cluster.neurons)
        yield look.finding(
            "disconnected",
            "severe" if n >= look.thresholds.disconnected_severe * len(column.labels) else "mild",
            f"A cluster of {plural(n, 'neuron')} in {column.node} has no {word} connections",
            f"The strength of all its {word} connections is {percent(one.share)} of what clusters of this layer have "
            f"on average. {_MEANING}",
            _ADVICE,
            [Place(column.node, tuple(cluster.neurons.tolist()))],
            [
                Evidence(
                    f"{word} strength by the mean of the layer's clusters",
                    one.share,
                    f"above {percent(look.thresholds.disconnected)}",
                    "%",
                ),
                Evidence("neurons", n),
            ],
            1 + n / max(len(column.labels), 1),
            look.view(column.node, facet="activations"),
        )


def _neurons(look: Look) -> Iterator[Finding]:
    """Neurons of a layer whose weights, or the weights that read them, are nearly zero."""
    limits = look.thresholds
    for node in look.weight_nodes:
        connections = look.snapshot.connections.get(node.name)
        if connections is None:
            continue
        weight = connections.abs_weight.astype(np.float64)
        before = look.by_name.get(node.sources[0])
        sides = [(weight.sum(1), node.name, "incoming")]
        # The input's own channels are data, not neurons.
        if before is not None and before.kind != "input" and before.owner and before.kind in ("weights", "identity"):
            sides.append((weight.sum(0), before.owner, "outgoing"))
        for strength, name, word in sides:
            if len(strength) < 2 or not np.isfinite(strength).all() or not strength.mean() > 0:
                continue
            least = float(strength.min() / strength.mean())
            look.check(
                "disconnected", f"least {word} strength by the mean", least, limits.disconnected, Place(name),
                unit="%", is_low=True,
            )  # fmt: skip
            mask = strength < limits.disconnected * strength.mean()
            n, share = int(mask.sum()), float(mask.mean())
            if not n:
                continue
            severe = share >= limits.disconnected_severe
            to = f" to {node.name}" if word == "outgoing" else ""
            yield look.finding(
                "disconnected",
                "severe" if severe else "mild",
                f"{n:,} of {len(mask):,} neurons of {name} {'has' if n == 1 else 'have'} no {word} connections{to}",
                f"The absolute weights of their {word} connections come to less than {percent(limits.disconnected)} "
                f"of the layer's mean. {_MEANING}",
                _ADVICE,
                [Place(name, indices(mask))],
                [
                    Evidence("share of neurons without connections", share, "none", "%"),
                    Evidence("largest strength among them, by the mean", float(strength[mask].max() / strength.mean())),
                ],
                share / limits.disconnected_severe if severe else 1 + share,
                look.view(name, edges="weight"),
            )
