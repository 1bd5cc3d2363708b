"""The strongest class of a neuron is the same wherever it is said, for all neurons of three analyses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnvis_caffe import api
from cnnvis_caffe.readings.by_class import active_share, neurons_of_class, strongest_classes, strongest_few
from cnnvis_caffe.readings.comparison import compare
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.neuron_page import build_neuron_page, neuron_history
from cnnvis_caffe.scene.shapes import Target, Text
from cnnvis_caffe.viewer.model.describe import describe
from cnnvis_caffe.viewer.model.export import table_of
from tests.helpers.analyses import make_analysis, with_features


@pytest.fixture(scope="module", params=["lenet", "inception", "residual"])
def analysis(request):
    """Two snapshots; a class without images, and neurons that are dead, negative for all classes, or linear."""
    made = make_analysis(request.param, seed=4, n_snapshots=2)
    count = made.data.class_count.copy()
    count[2] = 0
    names = (*made.data.class_names[:-1], "nine, the last")
    made = replace(made, data=replace(made.data, class_count=count, class_names=names))
    for node in list(made.snapshots[1].features):
        features = made.snapshots[1].features[node]
        changes = {name: getattr(features, name).copy() for name in ("mean", "peak", "maximum", "active_share")}
        for array in changes.values():
            array[:, 2] = np.nan
            array[0] = np.where(np.isnan(array[0]), np.nan, 0)
        changes["mean"][1] = -np.abs(changes["mean"][1])
        made = with_features(made, node, 1, **changes)
    return made


def by_hand(analysis, node):
    """The class of each neuron, one after the other: by the peak where some neuron of a map goes below zero."""
    features = analysis.snapshots[1].features[node]
    known = [snapshot.features[node] for snapshot in analysis.snapshots]
    is_linear = bool(analysis.node(node).positions) and any((one.minimum < 0).any() for one in known)
    values = features.peak if is_linear else features.mean
    found = []
    for row in values:
        best, most = -1, 0.0
        for c, value in enumerate(row):
            if np.isfinite(value) and value > most:
                best, most = c, value
        found.append(best)
    return found


def test_the_same_class_everywhere(analysis):
    names = [name.split(",")[0] for name in analysis.data.class_names]
    compared = {
        (row.node, row.neuron): row.best
        for row in compare(*[(analysis, s) for s in analysis.snapshots], n_neurons=10_000).neurons
    }
    assert compared
    n = 0
    for node in analysis.snapshots[1].features:
        wanted = by_hand(analysis, node)
        assert strongest_classes(analysis, analysis.snapshots[1], node).tolist() == wanted
        assert api.neurons(analysis, node)["strongest class"] == [
            analysis.data.class_names[c] if c >= 0 else None for c in wanted
        ]
        head, rows = table_of(analysis, None, View(), Target("column", node))
        column = next(i for i, name in enumerate(head) if name.startswith("strongest by "))
        assert [row[column] for row in rows] == [names[c] if c >= 0 else "" for c in wanted]
        for neuron, best in enumerate(wanted):
            card = dict(describe(analysis, None, View(), Target("neuron", node, (neuron,))).rows)
            said = next((value for name, value in card.items() if name.startswith("strongest by ")), None)
            assert said == (names[best] if best >= 0 else None)
            assert compared.get((node, neuron), (None, best))[1] == best
            n += 1
    assert n > 300 and -1 in wanted


def test_the_same_class_on_the_page_and_in_the_history(analysis):
    """Of some neurons of each layer, since a page takes its time."""
    names = [name.split(",")[0] for name in analysis.data.class_names]
    for node in list(analysis.snapshots[1].features)[::3]:
        wanted = by_hand(analysis, node)
        for neuron in (0, 1, len(wanted) - 1):
            said = names[wanted[neuron]] if wanted[neuron] >= 0 else "–"
            shapes = [
                shape for shape in build_neuron_page(analysis, "", node, neuron).shapes if isinstance(shape, Text)
            ]
            (place,) = [i for i, shape in enumerate(shapes) if shape.text.startswith("strongest by ")]
            assert shapes[place - 1].text == said
            activation, _ = neuron_history(analysis, node, neuron)
            assert [series.name for series in activation.series] == ["all images", *[said] * (wanted[neuron] >= 0)]


def test_neurons_of_a_class(analysis):
    node = next(iter(analysis.snapshots[1].features))
    features = analysis.snapshots[1].features[node]
    values = features.peak if (features.minimum < 0).any() else features.mean
    order = neurons_of_class(analysis, analysis.snapshots[1], node, 5).tolist()
    assert sorted(order) == list(range(len(values)))
    assert all(values[a, 5] >= values[b, 5] for a, b in zip(order, order[1:]))
    assert neurons_of_class(analysis, analysis.snapshots[1], node, 2).tolist() == sorted(order)  # no images


def test_the_share_of_active_images_by_hand(analysis):
    node = list(analysis.snapshots[1].features)[-1]
    features, count = analysis.snapshots[1].features[node], analysis.data.class_count
    known = [c for c in range(len(count)) if c != 2]
    wanted = sum(features.active_share[3, c] * count[c] for c in known) / sum(count[c] for c in known)
    assert active_share(analysis, features)[3] == pytest.approx(wanted)
    nothing = replace(features, active_share=np.full_like(features.active_share, np.nan))
    assert np.isnan(active_share(analysis, nothing)).all()


def test_the_strongest_few_are_above_zero():
    assert strongest_few(np.array([0.5, np.nan, 2.0, -1.0, 0.0, 2.0])) == [2, 5, 0]
    assert strongest_few(np.array([np.nan, 0.0])) == []
