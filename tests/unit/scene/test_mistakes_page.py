"""The page of mistakes, and the readings behind it: which classes are mixed up, and which neurons tell them apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.readings.mistakes import mistakes, separating_layers, separators, worst_columns
from cnnvis_caffe.records.analysis import CellImages
from cnnvis_caffe.records.measure import Measure
from cnnvis_caffe.scene.mistakes_page import build_mistakes_page
from cnnvis_caffe.scene.shapes import Target
from tests.helpers.analyses import make_analysis, with_snapshot


@pytest.fixture(scope="module")
def analysis():
    """Class 2 is named as 7 ten times and as 3 twice, class 5 once as 2; the neuron relu1 4 adds most to class 7."""
    made = make_analysis("lenet")
    confusion = np.zeros((10, 10))
    confusion[2, 2], confusion[2, 7], confusion[2, 3], confusion[5, 5], confusion[5, 2] = 28, 10, 2, 9, 1
    error = Measure("error", "%", 13 / 50, 0.2, np.full(10, np.nan), np.full(10, np.nan))
    error.values[[2, 5]] = 0.3, 0.1
    kept = sorted(made.images)[:3]
    cells = CellImages(np.array([2, 2, 2]), np.array([2, 7, 7]), np.array(kept), np.float32([-0.5, 3, 1.25]))
    return with_snapshot(made, confusion=confusion, measures=(error,), cell_images=cells)


def with_contributions(analysis, name, values):
    """The analysis with contributions of one node, and none of the others."""
    snapshot = analysis.snapshots[-1]
    features = {
        node: replace(one, contribution=np.zeros_like(one.contribution)) for node, one in snapshot.features.items()
    }
    features[name] = replace(features[name], contribution=values.astype(np.float32))
    return with_snapshot(analysis, features=features)


def test_mistakes_by_how_often(analysis):
    found = mistakes(analysis.snapshots[-1])
    assert [(one.row, one.column, one.count, one.share) for one in found] == [
        (2, 7, 10, 0.25), (2, 3, 2, 0.05), (5, 2, 1, 0.1),
    ]  # fmt: skip
    assert mistakes(make_analysis("lenet").snapshots[-1]) == []


def test_neurons_that_separate_two_classes(analysis):
    layer = "relu1"
    assert layer in separating_layers(analysis, analysis.snapshots[-1])
    assert analysis.data.score_name not in separating_layers(analysis, analysis.snapshots[-1])
    values = np.zeros((analysis.node(layer).n_neurons, 10))
    values[4, 7], values[9, 2], values[1, [2, 7]] = 6, 3, 5  # neuron 1 adds as much to both
    values[8, 7] = 1
    changed = with_contributions(analysis, layer, values)
    found = separators(changed, changed.snapshots[-1], 2, 7)
    assert [(one.node, one.neuron, one.difference, round(one.share, 6)) for one in found] == [
        (layer, 4, 6, 0.6), (layer, 9, -3, 0.3), (layer, 8, 1, 0.1),
    ]  # fmt: skip
    mean = changed.snapshots[-1].features[layer].mean
    assert found[0].means == pytest.approx((float(mean[4, 2]), float(mean[4, 7])))


def test_the_worst_first_whichever_way_a_measure_goes():
    values, unknown = np.array([0.2, np.nan, 0.9, 0.5]), np.full(4, np.nan)
    error = Measure("error", "%", 0.5, 0.5, values, unknown)
    assert worst_columns(error) == [2, 3, 0]
    assert worst_columns(replace(error, is_better_high=True)) == [0, 3, 2]


def test_the_page_shows_the_most_frequent_mistake(analysis):
    scene = build_mistakes_page(analysis, "")
    shapes = {shape.name: shape for shape in scene.shapes}
    assert len(shapes) == len(scene.shapes)
    names, images = analysis.data.short_names, sorted(analysis.images)
    assert shapes["mistakes/cell/title"].text == f"{names[2]}, named as {names[7]}"
    assert [shapes[f"mistakes/image/{i}/index"].text for i in range(2)] == [f"#{images[1]}", f"#{images[2]}"]
    assert "mistakes/image/2" not in shapes
    assert shapes["mistakes/image/0/lead"].text == "3"
    np.testing.assert_array_equal(shapes["mistakes/image/0"].pixels, analysis.images[images[1]])
    assert shapes["chosen"].target == Target("cell", members=(2,), other_members=(7,))
    assert shapes["mistakes/fact/0"].text == "26%" and shapes["mistakes/column/2/value"].text == "30%"
    assert "mistakes/driver0/0/bar" in shapes
    for shape in scene.shapes:
        if hasattr(shape, "text"):
            assert 0 <= shape.x <= scene.width and 0 < shape.y < scene.height, shape.name


def test_a_square_of_right_answers_has_images_and_no_drivers(analysis):
    names = {shape.name for shape in build_mistakes_page(analysis, "", cell=(2, 2)).shapes}
    assert "mistakes/image/0" in names and "mistakes/driver0/title" not in names


def test_measures_without_a_matrix_are_bars(analysis):
    precision = Measure("average precision", "", 0.4, 0.2, np.linspace(0.1, 1, 10), np.full(10, 0.2),
                        is_better_high=True)  # fmt: skip
    labels = with_snapshot(analysis, confusion=None, cell_images=None, measures=(precision,))
    labels = replace(labels, data=replace(labels.data, task="labels", column="label", columns="labels"))
    shapes = {shape.name: shape for shape in build_mistakes_page(labels, "").shapes}
    assert "matrix" not in shapes
    assert shapes["mistakes/columns/title"].text == "Average precision by label"
    assert shapes["mistakes/column/0"].y < shapes["mistakes/column/9"].y  # the worst first
    assert "mistakes/column/0/guess" in shapes


def test_files_of_older_versions_say_what_is_missing(analysis):
    shapes = {shape.name: shape for shape in build_mistakes_page(with_snapshot(analysis, cell_images=None), "").shapes}
    assert "older version" in shapes["mistakes/images/none"].text
    with pytest.raises(CnnvisError, match="does not say which answers are right"):
        build_mistakes_page(make_analysis("lenet"), "")
