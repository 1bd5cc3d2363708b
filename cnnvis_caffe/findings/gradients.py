"""Gradients that vanish or explode on their way from the loss to the first layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.records.analysis import LayerDebug, Node
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.tables import number


def gradients(look: Look) -> Iterator[Finding]:
    """Yield what is wrong with the sizes of the gradients along the layers."""
    known = [(node, look.debug(node.name)) for node in look.weight_nodes]
    known = [(node, info) for node, info in known if info.mean_abs_gradient > 0]
    yield from _larger_than_weights(look, known)
    yield from _changing_along_layers(look, known)


def _larger_than_weights(look: Look, known: Sequence[tuple[Node, LayerDebug]]) -> Iterator[Finding]:
    """Layers whose gradients are out of proportion to their weights."""
    limit = look.thresholds.gradient_large
    for node, info in known:
        if info.mean_abs_weight > 0:
            ratio = info.mean_abs_gradient / info.mean_abs_weight
            look.check("gradients", "mean |gradient| by mean |weight|", ratio, limit, Place(node.name))
    huge = [
        (node, info.mean_abs_gradient / info.mean_abs_weight)
        for node, info in known
        if info.mean_abs_gradient > limit * info.mean_abs_weight > 0
    ]
    if not huge:
        return
    node, factor = max(huge, key=lambda pair: pair[1])
    yield look.finding(
        "gradients",
        "severe",
        f"The gradient of {node.name} is {number(factor)} times its weights",
        "A step of ordinary length along such a gradient destroys what the layer has learned; the loss then jumps or "
        "becomes infinite.",
        "Try a lower learning rate, clip_gradients in the solver, or normalization between the layers.",
        [Place(n.name) for n, _ in sorted(huge, key=lambda pair: -pair[1])],
        [Evidence("mean |gradient| by mean |weight|", factor, f"below {number(limit)}")],
        factor / limit,
        look.view(node.name, edges="gradient"),
    )


def _changing_along_layers(look: Look, known: Sequence[tuple[Node, LayerDebug]]) -> Iterator[Finding]:
    """Gradients that vanish or grow on their way to the first layer."""
    limits = look.thresholds
    if len(known) < 3:
        return
    size = np.log([info.mean_abs_gradient for _, info in known])
    third = max(1, len(known) // 3)
    fall = float(np.exp(np.median(size[-third:]) - np.median(size[:third])))
    factor = max(fall, 1 / fall)
    place, name = Place(known[0][0].name), "factor between the first and the last layers"
    # Factors: in logarithms, 1 is nothing.
    nearness = float(np.log(factor) / np.log(limits.gradient_mild))
    look.check("gradients", name, factor, limits.gradient_mild, place, nearness=nearness)
    if factor < limits.gradient_mild:
        return
    severe = factor >= limits.gradient_severe
    first, last = known[0][0].name, known[-1][0].name
    vanishes = fall > 1
    yield look.finding(
        "gradients",
        "severe" if severe else "mild",
        f"The gradient {'vanishes' if vanishes else 'grows'} on its way from {last} to {first}, by a factor of "
        f"{number(factor)}",
        "Each layer passes on a part of the gradient that reaches it. "
        + (
            "When hardly anything arrives at the first layers, they stay near the weights that they started from."
            if vanishes
            else "When it grows from layer to layer, the first layers are thrown about while the last hardly learn."
        ),
        ("Try ReLU or leaky ReLU in place of sigmoid or tanh, " if vanishes else "Try clip_gradients, ")
        + "normalization between the layers, shortcuts, or weights to start from that fit the layers' widths (msra, "
        "xavier).",
        [Place(first if vanishes else last), Place(last if vanishes else first)],
        [
            Evidence("factor between the first and the last layers", factor, f"below {number(limits.gradient_mild)}"),
            Evidence(f"mean |gradient| of {first}", known[0][1].mean_abs_gradient),
            Evidence(f"mean |gradient| of {last}", known[-1][1].mean_abs_gradient),
        ],
        factor / (limits.gradient_severe if severe else limits.gradient_mild),
        look.view(first, last, edges="gradient"),
    )
