"""What the paper's expert saw in Figures 6 and 7, as numbers of a trained net."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: The group in which the paper sees the relative change break off, and its rectifiers with rows of zeros.
THIRD_GROUP = ("conv3-1", "conv3-2", "conv3-3")
RECTIFIERS = ("relu3-1", "relu3-2", "relu3-3")


def relative_changes(analysis: Any) -> list[dict[str, Any]]:
    """The relative change of the weights of each layer, from snapshot to snapshot.

    Parameters
    ----------
    analysis : Analysis
        Of several snapshots.

    Returns
    -------
    list of dict
        For each snapshot but the first "iteration", "error", and "layers": relative change by convolution.
    """
    convolutions = [node.name for node in analysis.nodes if node.type == "Convolution"]
    return [
        {
            "iteration": snapshot.iteration,
            "error": _digits(snapshot.error),
            "layers": {name: _digits(snapshot.debug[name].relative_change) for name in convolutions},
        }
        for snapshot in analysis.snapshots[1:]
    ]


def sharpest_step(changes: list[dict[str, Any]]) -> dict[str, Any]:
    """Where the relative change falls most from a convolution to the next, in the mean over the snapshots.

    Parameters
    ----------
    changes : list of dict
        From `relative_changes`.

    Returns
    -------
    dict
        "from", "to", "factor" (how many times smaller, at least 1), "usual" (the median factor between
        neighbours, in either direction), "into_third_group" (how many times smaller from the last layer of the second
        group to the first of the third), and "third_group": the factor by which the three layers of the third group
        change less than the two of the second, in the (geometric) mean.
    """
    names = list(changes[0]["layers"])
    logs = np.mean([[math.log(max(row["layers"][name], 1e-12)) for name in names] for row in changes], axis=0)
    steps = np.diff(logs)
    number = int(steps.argmin())
    mean = {group: np.mean([value for name, value in zip(names, logs) if name.startswith(group)])
            for group in ("conv2", "conv3")}  # fmt: skip
    return {
        "from": names[number],
        "to": names[number + 1],
        "factor": _digits(math.exp(-min(steps[number], 0))),
        "usual": _digits(math.exp(float(np.median(np.abs(steps))))),
        "into_third_group": _digits(math.exp(-steps[names.index(THIRD_GROUP[0]) - 1])),
        "third_group": _digits(math.exp(mean["conv2"] - mean["conv3"])),
    }


def disconnected(analysis: Any) -> list[str]:
    """Titles of the findings on clusters and neurons without connections, with the third group expanded."""
    from cnnvis_caffe.aggregation.aggregate import aggregate
    from cnnvis_caffe.findings import find
    from cnnvis_caffe.records.view import View

    aggregation = aggregate(analysis, View(expanded=(THIRD_GROUP[0],)))
    return [finding.title for finding in find(analysis, aggregation=aggregation) if finding.kind == "disconnected"]


def rectifiers(analysis: Any) -> dict[str, dict[str, Any]]:
    """Rows of zeros in the third group, with the range of what the rectifiers see.

    Parameters
    ----------
    analysis : Analysis

    Returns
    -------
    dict
        By rectifier "n"; "zero_rows", the neurons whose mean activation is zero for every class; "dead", those whose
        input is never above zero; "input_lowest" and "input_highest", the range of the inputs of these, and without
        any, the lowest of the neurons' largest inputs as "least_largest_input".
    """
    snapshot = analysis.snapshots[-1]
    sources = {node.name: node.sources[0] for node in analysis.nodes if node.sources}
    found = {}
    for name in RECTIFIERS:
        mean, before = snapshot.features[name].mean, snapshot.features[sources[name]]
        dead = before.overall_maximum <= 0
        found[name] = {
            "n": len(dead),
            "zero_rows": int((np.nan_to_num(mean) == 0).all(1).sum()),
            "dead": int(dead.sum()),
            "input_lowest": _digits(before.minimum[dead].min()) if dead.any() else None,
            "input_highest": _digits(before.overall_maximum[dead].max()) if dead.any() else None,
            "least_largest_input": _digits(before.overall_maximum.min()),
        }
    return found


def of_analysis(analysis: Any) -> dict[str, Any]:
    """All of them.

    Parameters
    ----------
    analysis : Analysis
        Of several snapshots of one run.
    """
    changes = relative_changes(analysis)
    return {
        "n_images": analysis.data.n_images,
        "n_snapshots": len(analysis.snapshots),
        "changes": changes,
        "step": sharpest_step(changes),
        "disconnected": disconnected(analysis),
        "rectifiers": rectifiers(analysis),
    }


def _digits(value: float) -> float:
    """Four digits."""
    return float(f"{float(value):.4g}")
