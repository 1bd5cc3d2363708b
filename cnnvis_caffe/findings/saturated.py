"""Sigmoid and tanh units that stay at the end of their range."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.findings.look import Look, indices
from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.words import percent


def saturated(look: Look) -> Iterator[Finding]:
    """Yield layers with units that never leave the end of their range."""
    limits = look.thresholds
    for node in look.analysis.nodes:
        features = look.snapshot.features.get(node.name)
        value_range = facts_of(node.type).value_range
        if features is None or value_range is None:
            continue
        low, high = value_range
        # As if the range were -1 to 1, which is that of a tanh; the limit is a value in the unit's own range.
        mean, limit = ((2 * value - (low + high)) / (high - low) for value in (features.overall_mean, limits.saturated))
        mask = np.abs(mean) >= limit
        share = float(mask.mean())
        look.check("saturated", "share of saturated neurons", share, limits.saturated_mild, Place(node.name), unit="%")
        if share < limits.saturated_mild:
            continue
        severe = share >= limits.saturated_severe
        yield look.finding(
            "saturated",
            "severe" if severe else "mild",
            f"{int(mask.sum()):,} of {node.n_neurons:,} neurons of {node.name} are saturated",
            f"On {look.data_in_words} their mean activation lies within {percent(1 - limits.saturated)} of the end of "
            "the range, where the slope is nearly zero: hardly any gradient passes.",
            "Try ReLU, normalization before it, smaller weights to start from, or a lower learning rate.",
            [Place(node.name, indices(mask))],
            [Evidence("share of saturated neurons", share, f"below {percent(limits.saturated_mild)}", "%")],
            share / (limits.saturated_severe if severe else limits.saturated_mild),
            look.view(node.name, facet="activations"),
        )
