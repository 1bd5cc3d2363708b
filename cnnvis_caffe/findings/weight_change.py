"""The relative change of weights along the layers: breaks (Figure 6 of the paper), and layers that stand still."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.records.analysis import Node
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.tables import listed, number
from cnnvis_caffe.text.words import percent

_LEAST_LAYERS = 4


def weight_change(look: Look) -> Iterator[Finding]:
    """Yield the sharpest step of the relative change between neighbouring layers, and layers that stand still."""
    what, known = changes(look)
    if len(known) < 2:
        return
    yield from _still(look, what, known)
    yield from _break(look, what, [(node, value) for node, value in known if value > 0])


def changes(look: Look) -> tuple[str, list[tuple[Node, float]]]:
    """Relative change of each layer where there is a snapshot before, else the last update by the weights."""
    for name, what in (("relative_change", "relative change of weights"), ("last_update", "last update of weights")):
        values = [(node, float(getattr(look.debug(node.name), name))) for node in look.weight_nodes]
        known = [(node, value) for node, value in values if np.isfinite(value)]
        if known:
            return what, known
    return "", []


def _still(look: Look, what: str, known: list[tuple[Node, float]]) -> Iterator[Finding]:
    """Layers that change far less than the others."""
    values = np.array([value for _, value in known])
    middle = float(np.median(values))
    limit = look.thresholds.stopped * middle
    still = [(node, value) for node, value in known if value <= limit]
    if middle > 0:
        name = f"{what} by the median layer"
        for node, value in known:
            look.check(
                "weight_change", name, value / middle, look.thresholds.stopped, Place(node.name), unit="%", is_low=True
            )
    if middle == 0 or not still:
        if middle == 0 and values.max() == 0:
            yield look.finding(
                "weight_change",
                "mild",
                "No weight changed at all since the snapshot before",
                "Training stands still: both snapshots hold the same weights.",
                "See whether the learning rate has come to zero, or whether the snapshots are of one iteration.",
                [Place(node.name) for node, _ in known],
                [Evidence(f"largest {what}", 0.0, "above 0")],
                view=look.view(edges="relative_change"),
            )
        return
    names = [node.name for node, _ in still]
    verb = "stands" if len(names) == 1 else "stand"
    yield look.finding(
        "weight_change",
        "mild",
        f"{listed(names)} {verb} still while the other layers change",
        f"The {what} is at most {number(max(v for _, v in still))} there, and {number(middle)} in the median of all "
        "layers: what these layers do was settled before the others have found their place.",
        "If the layer is not frozen on purpose (lr_mult 0): look at the gradients behind it, at dead neurons, and at "
        "its learning rate.",
        [Place(name) for name in names],
        [
            Evidence(f"{what} by the median layer", value / middle, f"above {percent(look.thresholds.stopped)}", "%")
            for _, value in still
        ],  # fmt: skip
        2.0,
        look.view(*names, edges="relative_change"),
    )


def _break(look: Look, what: str, known: list[tuple[Node, float]]) -> Iterator[Finding]:
    """The sharpest step between neighbouring convolutions, if it is sharp against the others."""
    limits = look.thresholds
    if len(known) < _LEAST_LAYERS:
        return
    steps = np.diff(np.log([value for _, value in known]))
    alike = np.array(["InnerProduct" not in (a.type, b.type) for (a, _), (b, _) in zip(known, known[1:])])
    if not alike.any():
        return
    place = int(np.where(alike, np.abs(steps), -1).argmax())
    step = abs(steps[place])
    others = np.abs(np.delete(steps, place))
    nearness = step / np.log(limits.break_mild)
    if len(others) and np.median(others) > 0:
        nearness = min(nearness, step / (limits.break_beyond * np.median(others)))
    look.check(
        "weight_change", "factor from one layer to the next", float(np.exp(step)), limits.break_mild,
        Place(known[place + 1][0].name), nearness=nearness,
    )  # fmt: skip
    if step < np.log(limits.break_mild) or step < limits.break_beyond * np.median(others):
        return
    (first, before), (second, after) = known[place : place + 2]
    factor = float(np.exp(step))
    # The last update is that of one minibatch: too little to be sure.
    severe = factor >= limits.break_severe and what.startswith("relative")
    yield look.finding(
        "weight_change",
        "severe" if severe else "mild",
        f"The {what} {'drops' if after < before else 'jumps'} by a factor of {number(factor)} from {first.name} to "
        f"{second.name}",
        "In a good network the relative change of weights varies smoothly from layer to layer. Where it breaks off, "
        "something keeps the gradient from passing: dead neurons, parts without connections, or a learning rate that "
        "does not fit.",
        f"Expand the group of {second.name} and look at the activations of its neurons; if many are zero for all "
        "classes, try a leaky ReLU.",
        [Place(second.name), Place(first.name)],
        [
            Evidence("factor between the two layers", factor, f"below {number(limits.break_mild)}"),
            Evidence(f"{what} of {first.name}", before),
            Evidence(f"{what} of {second.name}", after),
            Evidence("median factor between the others", float(np.exp(np.median(others)))),
        ],
        factor / (limits.break_severe if severe else limits.break_mild),
        look.view(first.name, second.name, edges="relative_change"),
    )
