"""The debugging information of an analysis as charts: by layer, by iteration, and the curves of the training.

A chart is a record; `scene.chart` draws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cnnvis_caffe.errors import UnknownNameError
from cnnvis_caffe.records.analysis import Analysis, Curve, Node
from cnnvis_caffe.records.chart import Axis, Chart, Series
from cnnvis_caffe.text.words import counted

#: A span of more decades is shown on a logarithmic axis.
_LOG_DECADES = 2.0
#: Changes over intervals of several lengths are divided by their length in this unit, in iterations.
_PER_ITERATIONS = 1000


@dataclass(frozen=True)
class DebugQuantity:
    """A number of each layer.

    Attributes
    ----------
    name : str
        Field of `LayerDebug`.
    title : str
    unit : str
        "%" for shares.
    by_rectifier : bool
        Known of rectifiers, not of layers with weights.
    empty : str
        What to do where there is none.
    """

    name: str
    title: str
    unit: str = ""
    by_rectifier: bool = False
    empty: str = ""


#: The quantities of layers, by name.
QUANTITIES = {
    quantity.name: quantity
    for quantity in (
        DebugQuantity(
            "mean_abs_gradient",
            "Average gradient",
            empty="No gradients in this file: analyze without --no-gradients.",
        ),
        DebugQuantity(
            "relative_change",
            "Relative change of weights",
            empty="Needs two snapshots of one training: give both to analyze.",
        ),
        DebugQuantity("mean_abs_weight", "Mean |weight|"),
        DebugQuantity(
            "last_update",
            "Last update of weights",
            empty="Needs the solver state beside the snapshot.",
        ),
        DebugQuantity("dead_share", "Dead neurons", "%", True, empty="No layer of this network has a rectifier."),
    )
}

#: The curves of the training as a whole.
TRAINING = {"loss": "Loss", "error": "Error", "learning_rate": "Learning rate"}


def chart_of(
    analysis: Analysis,
    quantity: str,
    *,
    by: str = "layer",
    snapshot: str | int = "",
    nodes: Iterable[str] = (),
    title: str = "",
) -> Chart:
    """Return the chart of a quantity, of layers or of the training.

    Parameters
    ----------
    analysis : Analysis
    quantity : str
        One of `QUANTITIES` or `TRAINING`.
    by : {"layer", "iteration"}, default="layer"
        What goes to the right, for quantities of layers.
    snapshot, nodes, title
        As for `chart_by_layer` and `chart_by_iteration`.

    Raises
    ------
    UnknownNameError
        If there is no such quantity or axis.
    """
    if by not in ("layer", "iteration"):
        raise UnknownNameError("axis", by, ("layer", "iteration"))
    if quantity in TRAINING:
        return training_chart(analysis, quantity, snapshot=snapshot)
    if quantity not in QUANTITIES:
        raise UnknownNameError("quantity", quantity, (*QUANTITIES, *TRAINING))
    if by == "layer":
        return chart_by_layer(analysis, quantity, snapshot=snapshot)
    return chart_by_iteration(analysis, quantity, nodes, title=title, snapshot=snapshot)


def chart_by_layer(analysis: Analysis, quantity: str = "relative_change", *, snapshot: str | int = "") -> Chart:
    """Return a quantity from the first layer to the last, one line for each snapshot.

    Parameters
    ----------
    analysis : Analysis
    quantity : str
        One of `QUANTITIES`.
    snapshot : str or int, optional
        Of the line that is looked at, as for `Analysis.snapshot`; the last one if empty.
    """
    what = _quantity(analysis, quantity)
    layers = _layers(analysis, what)
    chosen = analysis.snapshot(snapshot).label
    series = []
    for rank, one in enumerate(analysis.snapshots):
        values = _values(analysis, quantity, rank, layers)
        if np.isfinite(values).any():
            series.append(
                Series(
                    _span(analysis, rank) if quantity == "relative_change" else one.label,
                    np.arange(len(layers), dtype=np.float64),
                    values,
                    tuple(layer.name for layer in layers),
                    (one.label,) * len(layers),
                    rank,
                    one.label == chosen,
                )
            )
    notes = _notes(analysis, quantity)
    if series and not any(one.is_emphasised for one in series):
        notes = (f"nothing known at {chosen}", *notes)
    return _finish(
        f"{what.title} by layer",
        Axis("layer", labels=tuple(layer.name for layer in layers)),
        what.title,
        what.unit,
        series,
        notes=notes,
        empty=what.empty or "Nothing is known of this.",
        is_ordered=True,
    )


def chart_by_iteration(
    analysis: Analysis,
    quantity: str = "relative_change",
    nodes: Iterable[str] = (),
    *,
    title: str = "",
    snapshot: str | int = "",
) -> Chart:
    """Return a quantity of some layers over the snapshots, one line for each layer.

    Parameters
    ----------
    analysis : Analysis
    quantity : str
        One of `QUANTITIES`.
    nodes : iterable of str, optional
        Nodes of the layers, such as those of a group; others are passed over. All layers if empty.
    title : str, optional
        Name of the group.
    snapshot : str or int, optional
        The one that is marked, as for `Analysis.snapshot`; the last one if empty.
    """
    what = _quantity(analysis, quantity)
    wanted = set(nodes)
    layers = [layer for layer in _layers(analysis, what) if not wanted or layer.name in wanted]
    x, labels = _iterations(analysis)
    series: list[Series] = []
    by_snapshot = [_values(analysis, quantity, rank, layers) for rank in range(len(analysis.snapshots))]
    for number, layer in enumerate(layers):
        values = np.array([one[number] for one in by_snapshot], np.float64)
        if np.isfinite(values).any():
            snapshots = tuple(one.label for one in analysis.snapshots)
            series.append(Series(layer.name, x, values, (layer.name,) * len(x), snapshots, len(series)))
    return _finish(
        f"{what.title} of {title or (layers[0].name if len(layers) == 1 else 'each layer')} by iteration",
        Axis("snapshot" if labels else "iteration", labels=labels),
        what.title,
        what.unit,
        series,
        notes=_notes(analysis, quantity),
        empty=what.empty or "Nothing is known of this.",
        **_here(analysis, snapshot, x),
    )


def training_chart(analysis: Analysis, what: str = "loss", *, snapshot: str | int = "") -> Chart:
    """Return the curves of the training log with what was measured on the analysed data.

    Parameters
    ----------
    analysis : Analysis
    what : str
        One of `TRAINING`.
    snapshot : str or int, optional
        The one that is marked, as for `Analysis.snapshot`; the last one if empty.
    """
    curves = [_as(curve, what) for curve in analysis.curves if _shows(curve, what)]
    series = [
        Series(curve.name, curve.iterations.astype(np.float64), curve.values, rank=rank)
        for rank, curve in enumerate(curves)
        if len(curve.values)
    ]
    logs = sorted({curve.source for curve in curves if curve.source})
    where = "" if what == "learning_rate" else ", on the training's own data"
    notes = [f"curves: {', '.join(logs)}{where}"] if logs else []
    x, labels = _iterations(analysis)
    if labels and (series or what == "learning_rate"):
        x, labels = np.full(len(x), np.nan), ()  # without iterations, snapshots have no place beside curves
    values = np.array([getattr(one, what, np.nan) for one in analysis.snapshots], np.float64)
    if np.isfinite(values).any() and np.isfinite(x).any():
        snapshots = tuple(one.label for one in analysis.snapshots)
        series.append(Series(f"snapshots on {analysis.data.source}", x, values, (), snapshots, len(series)))
        notes.insert(0, f"snapshots: {counted(analysis.data.n_images, 'image')} of {analysis.data.source}")
    return _finish(
        f"{TRAINING[what]} by iteration",
        Axis("snapshot" if labels else "iteration", labels=labels),
        TRAINING[what],
        "%" if what == "error" else "",
        series,
        notes=tuple(notes),
        **_here(analysis, snapshot, x),
        empty="No training log in this file: give it to analyze with --log.",
    )


def _finish(title: str, x: Axis, y_title: str, unit: str, series: Sequence[Series], **more: object) -> Chart:
    """Make a chart, with a logarithmic axis where the values ask for one."""
    values = np.concatenate([one.y for one in series]) if series else np.zeros(0)
    values = values[np.isfinite(values)]
    is_log = bool(
        len(values) and unit != "%" and values.min() > 0 and np.log10(values.max() / values.min()) > _LOG_DECADES
    )
    return Chart(title, x, Axis(y_title, unit, is_log), tuple(series), **more)  # type: ignore[arg-type]


def _layers(analysis: Analysis, what: DebugQuantity) -> list[Node]:
    """The layers of which a quantity may be known."""
    if what.by_rectifier:
        return [node for node in analysis.nodes if node.role == "rectifier"]
    return [node for node in analysis.nodes if node.kind == "weights"]


def _quantity(analysis: Analysis, name: str) -> DebugQuantity:
    """A quantity with the title that it has for an analysis."""
    what = QUANTITIES[name]
    if name == "relative_change" and _is_divided(analysis):
        return replace(what, title=f"{what.title} per {_PER_ITERATIONS} iterations")
    return what


def _values(analysis: Analysis, quantity: str, rank: int, layers: Sequence[Node]) -> np.ndarray:
    """A quantity of the layers at a snapshot, (n,) float64; NaN where it is not known."""
    debug = analysis.snapshots[rank].debug
    values = [getattr(debug[layer.name], quantity) if layer.name in debug else np.nan for layer in layers]
    if quantity != "relative_change" or not _is_divided(analysis):
        return np.array(values, np.float64)
    length = _intervals(analysis)[rank]
    return np.array(values, np.float64) * (_PER_ITERATIONS / length)


def _intervals(analysis: Analysis) -> np.ndarray:
    """Iterations since the snapshot before, (n,) float64; NaN where they are not known."""
    iterations = [np.nan if one.iteration is None else float(one.iteration) for one in analysis.snapshots]
    return np.diff(np.array(iterations, np.float64), prepend=np.nan)


def _is_divided(analysis: Analysis) -> bool:
    """Whether changes must be divided by their intervals to be compared: these are known and differ."""
    lengths = _intervals(analysis)[1:]
    return len(np.unique(lengths)) > 1 and bool((lengths > 0).all())


def _here(analysis: Analysis, snapshot: str | int, places: np.ndarray) -> dict[str, Any]:
    """Fields of `Chart` that mark a snapshot."""
    label = analysis.snapshot(snapshot).label
    place = float(places[[one.label for one in analysis.snapshots].index(label)])
    return {"here": place, "here_name": label} if place == place else {}


def _iterations(analysis: Analysis) -> tuple[np.ndarray, tuple[str, ...]]:
    """Place of each snapshot, and their labels where not all iterations are known."""
    known = [one.iteration for one in analysis.snapshots]
    if all(iteration is not None for iteration in known) and len(set(known)) == len(known):
        return np.array(known, np.float64), ()
    return np.arange(len(known), dtype=np.float64), tuple(one.label for one in analysis.snapshots)


def _span(analysis: Analysis, rank: int) -> str:
    """From which snapshot to which weights changed: "5000 to 10000"."""
    before, after = analysis.snapshots[rank - 1] if rank else None, analysis.snapshots[rank]
    if before is None:
        return after.label
    if before.iteration is not None and after.iteration is not None:
        return f"iter {before.iteration} to {after.iteration}"
    return f"{before.label} to {after.label}"


def _notes(analysis: Analysis, quantity: str) -> tuple[str, ...]:
    """The notes beside a quantity."""
    data = analysis.data
    if quantity == "mean_abs_gradient":
        return (f"of the mean loss over {counted(data.n_images, 'image')}",)
    if quantity == "relative_change":
        notes = ("mean |change since the snapshot before| by mean |weight| there",)
        if _is_divided(analysis):
            return (f"per {_PER_ITERATIONS} iterations, as the intervals differ in length", *notes)
        return notes
    if quantity == "dead_share":
        return (f"never above zero on {counted(data.n_images, 'image')}",)
    if quantity == "last_update":
        return ("mean |history of the solver| by mean |w|",)
    return ("without biases",)


def _shows(curve: Curve, what: str) -> bool:
    """Whether a curve belongs into a chart of the training."""
    name = curve.name.lower()
    if what == "learning_rate":
        return name in ("learning rate", "lr")
    if " of " in name:
        return False
    return "loss" in name if what == "loss" else "accuracy" in name or "error" in name


def _as(curve: Curve, what: str) -> Curve:
    """The curve itself, or the error of an accuracy."""
    if what != "error" or "accuracy" not in curve.name.lower():
        return curve
    name = curve.name.replace("accuracy", "error").replace("Accuracy", "Error")
    return Curve(name, curve.unit, curve.iterations, 1 - curve.values, curve.source)
