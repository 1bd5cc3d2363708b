"""The transfer table: what the features of each layer are worth on other data, with training and without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from case_studies.visualizing.networks import StudyNet
from case_studies.visualizing.verdict import verdict
from cnnvis_caffe import api


def transfer(
    net: StudyNet, figures: Path, *, per_class: Sequence[int], n_repeats: int, n_test: int
) -> dict[str, Any] | None:
    """Train linear classifiers on the features of each layer, of the network and of one that was never trained.

    Parameters
    ----------
    net : StudyNet
    figures : Path
    per_class : sequence of int
        Images of each class to learn from.
    n_repeats : int
        Choices of these.
    n_test : int

    Returns
    -------
    dict or None
        Accuracies by layer, a number for each of `per_class`: "trained" and "untrained", with the retrained last layer
        at the end; None where there is no other data.
    """
    if not net.other[0]:
        return None
    options = {
        "per_class": tuple(per_class), "n_repeats": n_repeats, "n_test": n_test, "retrains": True, **net.prepared
    }  # fmt: skip
    trained = api.transfer(net.model, net.snapshots[-1], *net.other, **options)
    trained.save(figures / f"transfer_{net.name}.svg")
    untrained = api.transfer(net.model, None, *net.other, **options)
    found = {
        who: dict(zip(one.found[0].layers, one.found[0].accuracy.mean(2).round(4).tolist()))
        for who, one in (("trained", trained), ("untrained", untrained))
    }
    most = {who: {layer: row[-1] for layer, row in rows.items()} for who, rows in found.items()}
    pixels = next(iter(most["trained"].values()))
    layers = list(most["trained"])[1:-1]  # neither the pixels nor the retrained layer
    best = max(layers, key=lambda layer: most["trained"][layer])
    beats_untrained = all(most["trained"][layer] > most["untrained"][layer] for layer in layers)
    rises = [most["trained"][layer] for layer in layers]
    return {
        "data": net.other[1],
        "per_class": list(per_class),
        **found,
        "best": best,
        "verdict": verdict(most["trained"][best] > pixels, beats_untrained, rises == sorted(rises)),
    }
