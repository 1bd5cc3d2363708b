"""Classes that no late neuron stands for, and classes whose images get another class's score."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnvis_caffe.findings.class_order import other_order
from cnnvis_caffe.findings.guessing import level
from cnnvis_caffe.findings.look import Look
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.records.task import CLASSES
from cnnvis_caffe.text.tables import listed


def unclaimed_classes(look: Look) -> Iterator[Finding]:
    """Yield classes whose own score is not the largest one on average."""
    if look.score is None or look.analysis.data.task != CLASSES.name or level(look):
        return
    if other_order(look) is not None:
        return  # an output stands for each class, but for another than the label says
    features = look.snapshot.features.get(look.score.name)
    if features is None:
        return
    data = look.analysis.data
    enough = np.flatnonzero(data.class_count >= look.thresholds.class_least)
    mean = features.mean[:, enough]  # score of class (row) on images of class (column)
    if not len(enough) or not np.isfinite(mean).all():
        return
    winner = mean.argmax(0)
    _check_leads(look, mean, enough)
    lost = [(int(c), int(w), float(mean[w, i] - mean[c, i])) for i, (c, w) in enumerate(zip(enough, winner)) if c != w]
    if not lost:
        return
    names = data.class_names
    words = [f"{names[c]} (taken for {names[w]})" for c, w, _ in lost]
    yield look.finding(
        "unclaimed_classes",
        "severe" if len(lost) > data.n_classes / 4 else "mild",
        f"No output stands for {listed(words)}",
        "On the images of such a class another class's score is larger on average: the network has not learned to "
        "tell it apart.",
        "See whether the class has enough images and right labels, and which neurons of the last layers answer to it "
        "(select the class).",
        [Place(look.score.name, (c,), (c,)) for c, _, _ in lost],
        [Evidence(f"how far {names[w]} is ahead on images of {names[c]}", gap, "behind") for c, w, gap in lost],
        len(lost),
        look.view(look.score.name, facet="activations", classes=tuple(c for c, _, _ in lost)),
    )


def _check_leads(look: Look, mean: np.ndarray, classes: np.ndarray) -> None:
    """Note by how much the class's own score leads where it leads least, beside the median of all classes."""
    if len(mean) < 2 or look.score is None:
        return
    own = mean[classes, np.arange(len(classes))]
    others = mean.copy()
    others[classes, np.arange(len(classes))] = -np.inf
    lead = own - others.max(0)
    least, middle = int(lead.argmin()), float(np.median(lead))
    nearness = max(1 - float(lead[least]) / middle, 0.0) if middle > 0 else 1.0
    place = Place(look.score.name, (), (int(classes[least]),))
    look.check(
        "unclaimed_classes", "lead of the class's own score", lead[least], 0.0, place, is_low=True, nearness=nearness
    )
