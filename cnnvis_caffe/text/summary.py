"""Sums up what an analysis holds, for programs and for people."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from cnnvis_caffe.text.tables import plural, shape, table

if TYPE_CHECKING:
    from cnnvis_caffe.records.analysis import Analysis


def summary(analysis: Analysis, seconds: float = math.nan) -> dict[str, Any]:
    """Say what was found, for programs.

    Parameters
    ----------
    analysis : Analysis
    seconds : float, optional
        That it took.

    Returns
    -------
    dict
        As JSON holds it; None where a number is not known.
    """
    last = analysis.snapshots[-1]
    shown = [node for node in analysis.nodes if node.name in last.features]
    return {
        "file": analysis.path,
        "bytes": os.path.getsize(analysis.path),
        "seconds": None if math.isnan(seconds) else round(seconds, 1),
        "network": analysis.title,
        "data": analysis.data.source,
        "preprocessing": analysis.data.preprocessing,
        "task": analysis.data.task,
        "why": analysis.provenance.get("why", ""),
        "column": analysis.data.column,
        "n_images": analysis.data.n_images,
        "n_classes": analysis.data.n_classes,
        "images_a_second": _number(analysis.provenance.get("images a second")),
        "snapshots": [
            {
                "label": s.label,
                "iteration": s.iteration,
                "loss": _finite(s.loss),
                "error": _finite(s.error),
                "measures": {m.name: {"value": _finite(m.overall), "guess": _finite(m.guess)} for m in s.measures},
            }
            for s in analysis.snapshots
        ],
        "layers": [
            {
                "name": node.name,
                "type": node.type,
                "n_neurons": node.n_neurons,
                "positions": list(node.positions),
                "field_px": list(node.field_px),
                "dead_share": _finite(last.debug[node.name].dead_share) if node.name in last.debug else None,
            }
            for node in shown
        ],
        "n_neurons": sum(node.n_neurons for node in shown),
        "n_images_kept": len(analysis.images),
        "curves": [curve.name for curve in analysis.curves],
    }


def summary_lines(analysis: Analysis, report: dict[str, Any]) -> list[str]:
    """Say the same for people.

    Parameters
    ----------
    analysis : Analysis
    report : dict
        What `summary` gives.

    Returns
    -------
    list of str
    """
    dead = sorted((layer for layer in report["layers"] if layer["dead_share"]), key=lambda layer: -layer["dead_share"])
    worst = [f"{layer['name']} {_n_dead(layer)} of {layer['n_neurons']}" for layer in dead[:5]]
    if len(dead) > len(worst):
        worst.append(f"{sum(map(_n_dead, dead[5:]))} in {len(dead) - 5} more layers")
    speed = f", {report['images_a_second']:.0f} images/s" if report["images_a_second"] else ""
    lines = [
        f"{report['network']}: {report['n_neurons']} neurons in {len(report['layers'])} layers",
        f"data       {report['data']}: {plural(report['n_images'], analysis.data.item)} of {_classes(analysis)}, "
        f"{report['preprocessing']}",
    ]
    lines += [f"task       {report['task']}: {report['why']}"] if report["why"] else []
    note = analysis.provenance.get("note")
    lines += [f"           {note}"] if note else []
    for snapshot in report["snapshots"]:
        lines.append(f"{snapshot['label']:10} {_result(snapshot)}".rstrip())
    lines.append(f"dead       {', '.join(worst) or 'none'}")
    if report["curves"]:
        lines.append(f"log        {len(report['curves'])} curves")
    if report["seconds"] is None:
        images = plural(report["n_images_kept"], analysis.data.item)
        lines.append(f"file       {report['file']}, {size(report['bytes'])}, {images}")
    else:
        lines.append(f"written    {report['file']}, {size(report['bytes'])}, in {duration(report['seconds'])}{speed}")
    return lines


def _result(snapshot: dict[str, Any]) -> str:
    """How right a snapshot's answers are."""
    loss, error = snapshot["loss"], snapshot["error"]
    parts = [f"loss {loss:.4g}"] if loss is not None else []
    parts += [f"error {error:.2%}"] if error is not None else []
    for name, of in snapshot["measures"].items():
        if name != "error" and of["value"] is not None:
            guess = f" ({of['guess']:.3g} by guessing)" if of["guess"] is not None else ""
            parts.append(f"{name} {of['value']:.4g}{guess}")
    return ", ".join(parts)


def _classes(analysis: Analysis) -> str:
    """How many classes have images, and how many there are where that is not the same."""
    seen, known = int((analysis.data.class_count > 0).sum()), analysis.data.n_classes
    words = analysis.data.columns if known != 1 else analysis.data.column
    return f"{known} {words}" if seen == known else f"{seen} of {known} {words}"


def details(analysis: Analysis, report: dict[str, Any]) -> list[str]:
    """Say also what is known of each layer, and where it all comes from.

    Parameters
    ----------
    analysis : Analysis
    report : dict
        What `summary` gives.

    Returns
    -------
    list of str
    """
    last = analysis.snapshots[-1]
    rows = [("layer", "type", "neurons", "positions", "field px", "|weight|", "|gradient|", "change", "dead")]
    for layer in report["layers"]:
        debug = last.debug.get(layer["name"])
        values = ("mean_abs_weight", "mean_abs_gradient", "relative_change")
        rows.append(
            (
                layer["name"],
                layer["type"],
                str(layer["n_neurons"]),
                shape(layer["positions"]) if layer["positions"] else "",
                shape(layer["field_px"]) if any(layer["field_px"]) else "",
                *("" if debug is None else _plain(getattr(debug, name)) for name in values),
                "" if layer["dead_share"] is None else str(_n_dead(layer)),
            )
        )
    lines = [*summary_lines(analysis, report), "", *table(rows, "<<>>>>>>>"), ""]
    lines += [f"curve      {name}" for name in report["curves"]]
    width = max(map(len, analysis.provenance), default=0)
    lines += [f"{key:<{width}}  {value}" for key, value in analysis.provenance.items() if value]
    return lines


def _plain(value: float) -> str:
    """A number, or nothing."""
    return f"{value:.3g}" if math.isfinite(value) else ""


def _n_dead(layer: dict[str, Any]) -> int:
    """How many neurons of a rectifier never see anything above 0."""
    return round(layer["dead_share"] * layer["n_neurons"])


def _finite(value: float) -> float | None:
    """A number that JSON has."""
    return value if math.isfinite(value) else None


def _number(text: str | None) -> float | None:
    """A number from a text that may be empty."""
    return float(text) if text else None


def size(n_bytes: int) -> str:
    """Return bytes for people.

    Parameters
    ----------
    n_bytes : int
    """
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 100_000 else f"{n_bytes / 1e3:.1f} kB"


def duration(seconds: float) -> str:
    """Return seconds for people.

    Parameters
    ----------
    seconds : float
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
