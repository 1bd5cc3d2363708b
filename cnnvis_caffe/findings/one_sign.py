"""Layers whose connections are nearly all of one sign, hence close to linear (Figure 4 of the paper)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.records.analysis import Node
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.tables import listed
from cnnvis_caffe.text.words import percent


def one_sign(look: Look) -> Iterator[Finding]:
    """Yield layers, and runs of consecutive layers, of one sign."""
    run: list[tuple[Node, float]] = []
    for node in (*look.weight_nodes, None):
        share = None if node is None else positive_share(look, node)
        if node is not None and share is not None and (not run or (share > 0.5) == (run[0][1] > 0.5)):
            run.append((node, share))
            continue
        if run:
            yield _finding(look, run)
        run = [] if node is None or share is None else [(node, share)]


def positive_share(look: Look, node: Node) -> float | None:
    """Share of positive strength if nearly all is of one sign, else None."""
    limits = look.thresholds
    connections = look.snapshot.connections.get(node.name)
    if connections is None:
        return None
    weight = connections.weight[connections.abs_weight > 0].astype(np.float64)  # zero between different groups
    total = np.abs(weight).sum()
    if weight.size < limits.one_sign_connections or not np.isfinite(total) or not total:
        return None
    strength, count = weight[weight > 0].sum() / total, float((weight > 0).mean())
    larger, more = max(strength, 1 - strength), max(count, 1 - count)
    nearness = min(larger / limits.one_sign, more / limits.one_sign_count)
    place = Place(node.name)
    look.check("one_sign", "strength of one sign", larger, limits.one_sign, place, unit="%", nearness=nearness)
    if min(strength, 1 - strength) > 1 - limits.one_sign or max(count, 1 - count) < limits.one_sign_count:
        return None
    return float(strength) if (strength > 0.5) == (count > 0.5) else None


def _finding(look: Look, run: list[tuple[Node, float]]) -> Finding:
    """Make one finding of consecutive layers."""
    positive = run[0][1] > 0.5
    word = "positive" if positive else "negative"
    shares = [share if positive else 1 - share for _, share in run]
    names = [node.name for node, _ in run]
    severe = len(run) > 1 and positive
    figures = percent(shares[0]) if len(run) == 1 else f"{percent(min(shares))} to {percent(max(shares))}"
    meaning = (
        "Sums with positive weights of activations that are never negative stay above zero, so that the rectifiers "
        "behind them let everything pass: together the layers are close to one linear function, and deeper without "
        "being able to do more."
        if positive
        else "Sums with negative weights of activations that are never negative stay below zero unless the bias lifts "
        "them: rectifiers behind them are mostly shut, and neurons may die."
    )
    return look.finding(
        "one_sign",
        "severe" if severe else "mild",
        f"The connections of {listed(names)} are nearly all {word} ({figures} of their strength)",
        f"{meaning} In a trained layer both signs usually carry about half each.",
        ("Try fewer layers in this group, or " if len(run) > 1 else "Try ")
        + ("batch normalization between the layers, " if positive else "a leaky ReLU, a lower learning rate, ")
        + "or weights whose mean is zero to start from.",
        [Place(name) for name in names],
        [
            Evidence(f"share of {word} strength in {name}", share, "39% to 60%", "%")
            for name, share in zip(names, shares)
        ],
        max(shares) / look.thresholds.one_sign,
        look.view(*names, edges="weight", edge_filter=0.95),
    )
