from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from cnnvis_caffe.readings.comparison import compare, comparison_json
from cnnvis_caffe.records.analysis import Connections
from cnnvis_caffe.scene.compare import build_compare
from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Text
from cnnvis_caffe.scene.theme import DARK
from tests.helpers.analyses import make_analysis, with_features, with_snapshot


def both(analysis):
    """The first and the last snapshot."""
    return (analysis, analysis.snapshots[0]), (analysis, analysis.snapshots[-1])


def test_a_snapshot_does_not_differ_from_itself():
    analysis = make_analysis("deep")
    comparison = compare(*both(analysis))
    assert {row.weight_change for row in comparison.layers} == {0.0}
    assert {row.distance for row in comparison.layers} == {0.0}
    assert {row.top_shared for row in comparison.layers} == {1.0}
    assert comparison.neurons == () and comparison.notes == ()


def with_same(analysis):
    """Two snapshots that are the same but for their labels."""
    first = analysis.snapshots[0]
    return replace(analysis, snapshots=(first, replace(first, label="iter 2000", iteration=2000)))


def test_what_changed_most_is_found():
    analysis = with_same(make_analysis("deep"))
    old = analysis.snapshots[0].connections["conv3_1"]
    changed = Connections(2 * old.weight, 2 * old.abs_weight)
    analysis = with_snapshot(analysis, connections={**analysis.snapshots[0].connections, "conv3_1": changed})
    mean = analysis.snapshots[0].features["relu2_1"].mean.copy()
    mean[7] = np.roll(mean[7], 2)
    images = analysis.snapshots[0].features["relu2_1"].top_image.copy()
    images[7, :3] = [390, 391, 392]
    analysis = with_features(analysis, "relu2_1", mean=mean, top_image=images)
    comparison = compare(*both(analysis))
    rows = {row.layer: row for row in comparison.layers}
    assert rows["conv3_1"].weight_change == pytest.approx(1)
    assert rows["conv2_1"].weight_change == 0
    assert rows["conv2_1"].shown == "relu2_1"
    (neuron,) = comparison.neurons
    assert (neuron.node, neuron.neuron) == ("relu2_1", 7)
    a, b = analysis.snapshots[0].features["relu2_1"].mean[7].astype(float), mean[7].astype(float)
    assert neuron.distance == pytest.approx(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert neuron.top_shared == pytest.approx(6 / 9)


def test_a_neuron_that_died_is_as_far_as_can_be_and_stands_for_nothing():
    analysis = with_same(make_analysis("deep"))
    mean = analysis.snapshots[0].features["relu2_1"].mean.copy()
    mean[9] = 0
    comparison = compare(*both(with_features(analysis, "relu2_1", mean=mean)))
    (neuron,) = comparison.neurons
    assert (neuron.neuron, neuron.distance, neuron.best[1]) == (9, 1, -1)
    assert any(getattr(s, "text", "") == "zero for all classes" for s in build_compare(comparison).shapes)


def test_networks_of_other_widths_are_compared_as_far_as_they_go():
    first, second = make_analysis("lenet"), make_analysis("deep")
    comparison = compare(both(first)[0], both(second)[0])
    assert [row.layer for row in comparison.layers[:5]] == ["conv1", "conv2", "ip1", "ip2", "conv1_1"]
    assert comparison.layers[0].n_neurons == (20, 0)
    assert np.isnan(comparison.layers[0].weight_change)
    assert "matched by layer and number" in comparison.notes[0]
    assert (comparison.first.name, comparison.second.name) == ("lenet, iter 1000", "deep, iter 1000")


def test_other_data_and_classes_are_said():
    first = make_analysis("lenet")
    second = replace(first, data=replace(first.data, source="elsewhere", class_names=tuple("abcdefghij")))
    comparison = compare(both(first)[0], both(second)[0])
    assert comparison.notes == (
        "different data: made up and elsewhere",
        "different classes: activations are not compared",
    )
    assert comparison.neurons == ()


def test_a_single_layer_does_not_hide_the_others():
    comparison = compare(*both(make_analysis("deep", n_snapshots=5)), n_neurons=9)
    counts = {row.node: 0 for row in comparison.neurons}
    for row in comparison.neurons:
        counts[row.node] += 1
    assert len(comparison.neurons) == 9 and max(counts.values()) <= 3


def test_as_json_everything_unknown_is_null():
    values = json.loads(json.dumps(comparison_json(compare(*both(make_analysis("lenet")))), allow_nan=False))
    assert values["layers"][0]["dead_share"] == [None, None]
    assert values["first"]["error"] == pytest.approx(0.02)


@pytest.mark.parametrize("kind", ["lenet", "deep", "inception"])
def test_everything_lies_inside_with_names_of_its_own(kind):
    scene = build_compare(compare(*both(make_analysis(kind, n_snapshots=5))), theme=DARK)
    names = [shape.name for shape in scene.shapes]
    assert len(set(names)) == len(names)
    for shape in scene.shapes:
        if isinstance(shape, (Rectangle, Bitmap)):
            box = shape.x, shape.y, shape.x + shape.width, shape.y + shape.height
        elif isinstance(shape, Path):
            box = (*shape.points.min(0), *shape.points.max(0))
        elif isinstance(shape, Text) and shape.angle:
            continue
        else:
            width = text_width(shape.text, shape.size, shape.weight)
            left = shape.x - {"start": 0, "middle": width / 2, "end": width}[shape.anchor]
            box = left, shape.y - shape.size, left + width, shape.y
        assert box[0] >= 0 and box[1] >= 0, shape
        assert box[2] <= scene.width and box[3] <= scene.height, shape
