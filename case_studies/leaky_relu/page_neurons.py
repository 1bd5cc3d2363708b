"""RESULTS.md: dead and redundant neurons, and time, against the slope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from case_studies.leaky_relu import plan
from case_studies.leaky_relu.networks import SLOPES
from case_studies.leaky_relu.observations import RECTIFIERS
from case_studies.leaky_relu.report import Results, row


def lines(results: Results, width: float) -> list[str]:
    """Dead and redundant neurons against the slope, and what a slope costs."""
    table, costs = results.runs.get(width, {}), results.costs.get(width)
    text = [f"## What the paper could not look at: neurons and time, at {width:g} of the width", ""]
    text += [row("slope", "dead %", *(f"dead of {name}" for name in RECTIFIERS), "redundant %", "time of an iteration")]
    text += ["|--:|" + "--:|" * (len(RECTIFIERS) + 3)]
    shares: dict[float, tuple[float, float]] = {}
    for slope in SLOPES:
        counts = [run["neurons"]["layers"] for run in table.get(slope, []) if "neurons" in run]
        time = f"{costs['ratio'][f'{slope:g}']:.2f} times ReLU's" if costs else "not measured yet"
        if not counts:
            text.append(row(f"{slope:g}", *["not trained yet"] * (len(RECTIFIERS) + 2), time))
            continue
        dead, redundant = (_share_of(counts, what) for what in ("dead", "redundant"))
        shares[slope] = dead, redundant
        single = [_mean_dead(counts, name) for name in RECTIFIERS]
        text.append(row(f"{slope:g}", f"{100 * dead:.2f}", *single, f"{100 * redundant:.1f}", time))
    text += ["", *_neuron_verdict(shares), *_dead_by_rate(results)]
    if costs:
        text += ["", _cost_verdict(costs)]
    return [*text, ""]


def _cost_verdict(costs: dict[str, Any]) -> str:
    """Whether a slope costs time."""
    ratios = [costs["ratio"][f"{slope:g}"] for slope in SLOPES[1:]]
    rank = _rank_correlation(SLOPES[1:], ratios)
    trend = "rise with the slope" if rank > 0.7 else "are in no order of the slopes, and differ by what measuring does"
    return (
        f"Time: iterations of {costs['batch']} images with a slope take {min(ratios):.2f} to {max(ratios):.2f} times "
        f"as long as with ReLU ({1000 * costs['seconds']:.0f} ms, {costs['device']}; medians of turns in one process). "
        f"The ratios {trend}."
    )


def _mean_dead(counts: Sequence[Any], name: str) -> str:
    """Dead neurons of a rectifier, in the mean over runs."""
    return f"{sum(count[name]['dead'] for count in counts) / len(counts):.1f} of {counts[0][name]['n']}"


def _share_of(counts: Sequence[Any], what: str) -> float:
    """Of all neurons behind a rectifier, in the mean over runs."""
    layers = [layer for count in counts for layer in count.values()]
    return sum(layer[what] for layer in layers) / sum(layer["n"] for layer in layers)


def _neuron_verdict(shares: dict[float, tuple[float, float]]) -> list[str]:
    """Do dead neurons fall with the slope, do redundant ones rise?"""
    if 0.0 not in shares or len(shares) < 3:
        return ["No verdict yet: too few slopes are trained."]
    slopes = list(shares)
    dead, redundant = ([shares[slope][i] for slope in slopes] for i in (0, 1))
    leaky_dead = sum(dead[1:]) / len(dead[1:])
    first = (
        f"No net has dead neurons worth the name (ReLU {100 * dead[0]:.2f}%), so that a slope has none to bring back."
        if max(dead) < 0.002
        else f"Dead neurons: {100 * dead[0]:.2f}% with ReLU, {100 * leaky_dead:.2f}% in the mean of the leaky nets."
    )
    rank = _rank_correlation(slopes, redundant)
    word = "rise" if rank > 0.5 else "fall" if rank < -0.5 else "do not follow the slope"
    return [f"{first} Redundant neurons {word} (rank correlation with the slope {rank:+.2f})."]


def _rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Spearman's, ties sharing their rank."""
    ranks = [np.array([sum(b < a for b in v) + 0.5 * sum(b == a for b in v) for a in v], float) for v in (x, y)]
    if min(rank.std() for rank in ranks) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def _dead_by_rate(results: Results) -> list[str]:
    """Dead neurons of the map's runs against the learning rate."""
    n = plan.MAP_SCHEDULE.iterations
    text = ["", f"Dead neurons in % after the map's {n} iterations (msra), by learning rate:", ""]
    text += [row("slope", *(f"rate {rate:g}" for rate in plan.MAP_RATES)), "|--:|" + "--:|" * len(plan.MAP_RATES)]
    for slope in plan.MAP_SLOPES:
        cells = []
        for rate in plan.MAP_RATES:
            runs = results.short["msra", rate, slope]
            counts = [run["neurons"]["layers"] for run in runs if "neurons" in run]
            cells.append(f"{100 * _share_of(counts, 'dead'):.1f}" if counts else "diverged" if runs else "not run yet")
        text.append(row(f"{slope:g}", *cells))
    return text
