"""Labels, numbers and classes of pixels that a network answers no better than by guessing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.findings.guessing import learned_share, level, telling_measure
from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.text.tables import listed


def unlearned_columns(look: Look) -> Iterator[Finding]:
    """Yield what is answered by guessing while the rest is not."""
    measure, data = telling_measure(look), look.analysis.data
    if measure is None or not data.columns_are_scores or level(look) or len(measure.values) != data.n_classes:
        return
    if not np.isfinite(measure.guesses).any():
        return
    shares = np.array([learned_share(v, g, measure.is_better_high) for v, g in zip(measure.values, measure.guesses)])
    enough = np.minimum(data.class_count, data.n_images - data.class_count) >= look.thresholds.class_least
    for c in np.flatnonzero(enough & np.isfinite(shares)):
        place = Place(look.score.name if look.score is not None else "", (), (int(c),))
        name = f"{measure.name}: way from guessing to perfect"
        look.check(
            "unlearned_columns", name, shares[c], look.thresholds.learned_share, place, unit="%", is_low=True,
            nearness=_nearness(float(shares[c]), look.thresholds.learned_share),
        )  # fmt: skip
    guessed = np.flatnonzero(enough & (shares <= look.thresholds.learned_share))
    if not len(guessed):
        return
    names = [data.class_names[c] for c in guessed]
    which = f"this {data.column}" if len(names) == 1 else f"these {data.columns}"
    yield look.finding(
        "unlearned_columns",
        "severe" if len(guessed) > data.n_classes / 4 else "mild",
        f"{listed(names)}: no better than guessing",
        f"The {measure.name} of {which} is that of an answer that does not look at the image, while others are "
        "learned.",
        "See whether there are enough images and right labels for it, and whether the loss weighs it like the others.",
        [Place(look.score.name if look.score is not None else "", tuple(guessed.tolist()), tuple(guessed.tolist()))],
        [Evidence(f"{measure.name} of {data.class_names[c]}", float(measure.values[c]),
                  f"better than {measure.guesses[c]:.3g}, which is guessing") for c in guessed],
        len(guessed),
    )  # fmt: skip


def _nearness(share: float, limit: float) -> float:
    """How near a share is to a limit that it should be above; shares may be negative."""
    return (1 - share) / (1 - limit)
