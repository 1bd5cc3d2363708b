"""Layers that are wider or narrower than what they do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.findings.training import level
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.tables import number
from cnnvis_caffe.text.words import percent


def rank(look: Look) -> Iterator[Finding]:
    """Yield layers whose effective rank is very small or very large for their number of neurons."""
    if level(look):
        return
    limits = look.thresholds
    for layer, node in look.measured():
        correlation = look.snapshot.correlation.get(node.name)
        if correlation is None or layer is look.score:
            continue
        features = look.snapshot.features[node.name]
        known = np.isfinite(correlation).all(1) & (features.variance > 0) & (features.overall_maximum > 0)
        n = int(known.sum())
        if n < limits.narrow_least or 2 * n < node.n_neurons:
            continue
        used = effective_rank(correlation[np.ix_(known, known)])
        share = used / n
        name, place = "effective rank by number of neurons", Place(node.name)
        if n >= limits.wide_least:
            look.check("rank", name, share, limits.wide, place, unit="%", is_low=True)
        look.check("rank", name, share, limits.narrow, place, unit="%")
        if share < limits.wide and n >= limits.wide_least:
            yield look.finding(
                "rank",
                "mild",
                f"{node.name} uses about {number(used)} of its {node.n_neurons:,} neurons",
                f"The activations of its {n:,} living neurons on {look.data_in_words} vary as {number(used)} "
                "independent ones would (effective rank of their correlations). The layer is wider than it uses.",
                f"Try half as many neurons in {layer.name}, or dropout.",
                [Place(node.name)],
                [
                    Evidence("effective rank by number of neurons", share, f"above {percent(limits.wide)}", "%"),
                    Evidence("effective rank", used),
                ],  # fmt: skip
                limits.wide / share,
                look.view(node.name, facet="activations"),
            )
        elif share > limits.narrow:
            yield look.finding(
                "rank",
                "mild",
                f"All {n:,} neurons of {node.name} go their own way: the layer may be too narrow",
                f"Their activations are hardly correlated (effective rank {number(used)} of {n:,}): the layer has no "
                "room left, and what does not fit is lost to the layers behind it.",
                f"Try twice as many neurons in {layer.name}.",
                [Place(node.name)],
                [
                    Evidence("effective rank by number of neurons", share, f"below {percent(limits.narrow)}", "%"),
                    Evidence("effective rank", used),
                ],  # fmt: skip
                share / limits.narrow,
                look.view(node.name, facet="activations"),
            )


def effective_rank(correlation: np.ndarray) -> float:
    """Return the participation ratio of the eigenvalues, (sum of them)^2 / sum of their squares.

    Needs no eigenvalues: the sum is the trace, the sum of squares that of all entries.

    Parameters
    ----------
    correlation : ndarray of shape (n, n), float

    Returns
    -------
    float
        Between 1 and n.
    """
    return float(np.trace(correlation, dtype=np.float64) ** 2 / np.square(correlation, dtype=np.float64).sum())
