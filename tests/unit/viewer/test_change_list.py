"""What changed between two snapshots, with plain numpy beside it; where each row leads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from helpers.analyses import make_analysis, with_features, with_snapshot

from cnnvis_caffe.progress import SILENT
from cnnvis_caffe.readings.changes import changed_classes, changed_connections
from cnnvis_caffe.readings.comparison import Side
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.change_list import KINDS, find_changes


@pytest.fixture(scope="module")
def analysis():
    """Its last snapshot has a weight of conv2 that is 5 larger, another neuron 6, and half of class 3 taken for 7."""
    made = make_analysis("lenet", n_snapshots=2)
    connections = made.snapshots[0].connections
    weight = connections["conv2"].weight.copy()
    weight[4, 2] += 5
    right = 20 * np.eye(10)
    wrong = right.copy()
    wrong[3, [3, 7]] = 10
    made = with_snapshot(made, 0, confusion=right)
    mean = made.snapshots[1].features["relu1"].mean.copy()
    mean[6] = np.roll(mean[6], 1)
    made = with_features(made, "relu1", mean=mean)
    changed = {**connections, "conv2": replace(connections["conv2"], weight=weight)}
    return with_snapshot(made, 1, connections=changed, confusion=wrong)


@pytest.fixture(scope="module")
def found(analysis):
    first, second = analysis.snapshots
    return find_changes((analysis, first), (analysis, second), SILENT)


def test_the_connection_that_changed_is_the_only_one(analysis, found):
    sides = [Side(str(number), analysis, snapshot) for number, snapshot in enumerate(analysis.snapshots)]
    (row,) = changed_connections(*sides)
    assert (row.layer, row.from_neuron, row.to_neuron) == ("conv2", 2, 4)
    weight = analysis.snapshots[0].connections["conv2"].weight
    assert row.weights == pytest.approx((weight[4, 2], weight[4, 2] + 5), rel=1e-5)
    assert row.share == pytest.approx(5 / np.abs(weight).mean(), rel=1e-5)
    assert found["connections"].targets == (Target("neuron", "conv2", (4,)),)


def test_classes_say_how_many_are_right_and_what_else_is_said(analysis, found):
    sides = [Side(str(number), analysis, snapshot) for number, snapshot in enumerate(analysis.snapshots)]
    row = changed_classes(*sides)[3]
    assert (row.right, row.wrong) == ((1.0, 0.5), (-1, 7))
    classes = found["classes"]
    first = classes.order(2, is_falling=True)[0]
    texts = [text for text, _ in classes.rows[first]]
    assert texts == ["3", "– → 7", "100% → 50%", "−50%", "40"]
    assert classes.targets[first] == Target("class", members=(3,))


def test_layers_and_neurons_lead_to_themselves(found):
    assert tuple(found) == KINDS
    layers, neurons = found["layers"], found["neurons"]
    changed = [text for text, _ in (row[1] for row in layers.rows)]
    assert [row[0][0] for row in layers.rows if row[1][1] > 0] == ["conv2"] and changed.count("0%") == len(changed) - 1
    assert neurons.targets[neurons.order(3, is_falling=True)[0]] == Target("neuron", "relu1", (6,))
    by_layer = [layers.rows[i][0][0] for i in layers.order(0, is_falling=True)]
    assert by_layer == [row[0][0] for row in layers.rows][::-1]


def test_without_a_confusion_matrix_nothing_is_said_of_classes():
    analysis = make_analysis("lenet", n_snapshots=2)
    first, second = ((analysis, snapshot) for snapshot in analysis.snapshots)
    classes = find_changes(first, second, SILENT)["classes"]
    assert classes.rows == () and "no confusion matrices" in classes.note and not len(classes.order(0, is_falling=True))
