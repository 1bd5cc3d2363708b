"""Neurons whose rectifier never sees anything above zero (Figure 7 of the paper)."""

from __future__ import annotations

from collections.abc import Iterator

from cnnvis_caffe.findings.look import Look, indices
from cnnvis_caffe.readings.dead import dead_neurons
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.tables import plural
from cnnvis_caffe.text.words import percent


def dead(look: Look) -> Iterator[Finding]:
    """Yield layers with neurons that never fire."""
    limits = look.thresholds
    for node in look.analysis.nodes:
        if node.role != "rectifier" or not node.n_neurons:
            continue
        mask = dead_neurons(look.analysis, look.snapshot, node.name)
        if mask is None:
            continue
        share = float(mask.mean())
        look.check("dead", "share of dead neurons", share, limits.dead_mild, Place(node.name), unit="%")
        if share < limits.dead_mild:
            continue
        neurons = indices(mask)
        few = look.analysis.data.n_images < limits.few_images
        leaky = node.negative_slope != 0 or node.type == "PReLU"
        yield look.finding(
            "dead",
            "severe" if share >= limits.dead_severe and not few else "mild",
            f"{plural(len(neurons), 'neuron')} of {node.name} always below zero, of {node.n_neurons:,}"
            if leaky
            else f"{len(neurons):,} of {plural(node.n_neurons, 'neuron')} of {node.name} never "
            f"fire{'s' if len(neurons) == 1 else ''}",
            f"The input of these rectifiers is at most zero at every position of {look.data_in_words}: "
            + (
                "they only scale their input down and act as a linear layer."
                if leaky
                else "they add nothing to the result, and no gradient reaches the weights before them, so "
                "that they cannot recover."
            )
            + (" With so few images some may only lack the image that they answer to." if few else ""),
            "See whether biases or weights became strongly negative at some iteration."
            if leaky
            else "Try a leaky ReLU (negative_slope 0.01 to 0.2; above that training may fail), a lower learning rate, "
            "smaller weights to start from, or a narrower layer.",
            [Place(node.name, neurons)],
            [
                Evidence("share of dead neurons", share, f"below {percent(limits.dead_mild)}", "%"),
                Evidence("images", look.analysis.data.n_images),
            ],
            share / (limits.dead_severe if share >= limits.dead_severe else limits.dead_mild),
            look.view(node.name, facet="activations"),
        )
