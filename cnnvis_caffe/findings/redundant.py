"""Neurons that do what another one does already (Figure 5 of the paper)."""

from __future__ import annotations

from collections.abc import Iterator

from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.readings.redundant import redundant_groups
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.words import percent


def redundant(look: Look) -> Iterator[Finding]:
    """Yield layers many of whose neurons could be left out."""
    limits = look.thresholds
    for layer, node in look.measured():
        if layer is look.score:
            continue
        groups = redundant_groups(
            look.snapshot,
            node.name,
            similarity=limits.redundant_similarity,
            correlation=limits.redundant_correlation,
        )
        spare = sum(len(group) - 1 for group in groups)
        share = spare / node.n_neurons
        limit = max(limits.redundant_mild, limits.redundant_least / node.n_neurons)
        if limit <= 1:
            look.check("redundant", "share of neurons that could go", share, limit, Place(node.name), unit="%")
        if share < limits.redundant_mild or spare < limits.redundant_least:
            continue
        severe = share >= limits.redundant_severe
        neurons = tuple(sorted(neuron for group in groups for neuron in group))
        yield look.finding(
            "redundant",
            "severe" if severe else "mild",
            f"{spare:,} of {node.n_neurons:,} neurons of {node.name} do what another one does already",
            f"The activations of {len(neurons):,} neurons fall into {len(groups):,} groups that are nearly the same on "
            f"{look.data_in_words} (cosine similarity and correlation above {limits.redundant_similarity:g}). "
            "The layer is wider than it needs to be: the copies cost time and memory and bring nothing.",
            f"Try a narrower {layer.name}, such as {max(node.n_neurons - spare, 1):,} to "
            f"{max(round(node.n_neurons - spare / 2), 2):,} neurons, or dropout or a stronger weight decay.",
            [Place(node.name, tuple(group)) for group in groups],
            [
                Evidence("share of neurons that could go", share, f"below {percent(limits.redundant_mild)}", "%"),
                Evidence("groups of the same", len(groups)),
                Evidence("neurons in the largest group", len(groups[0])),
            ],
            share / (limits.redundant_severe if severe else limits.redundant_mild),
            look.view(node.name, facet="activations"),
        )
