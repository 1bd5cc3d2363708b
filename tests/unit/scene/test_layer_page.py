"""The page of a layer and of a cluster."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.records.analysis import WeightCounts
from cnnvis_caffe.scene.layer_page import build_layer_page, kernel_pictures
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.scene.theme import LIGHT
from tests.helpers.analyses import make_analysis, with_features, with_snapshot


@pytest.fixture(scope="module")
def analysis():
    """LeNet with kernels and histograms; neurons 2 and 6 of ip1 never fire, 1, 4 and 9 do the same."""
    made = make_analysis("lenet")
    top = made.snapshots[-1].features["ip1"].overall_maximum.copy()
    top[[2, 6]] = 0
    made = with_features(made, "ip1", overall_maximum=top)
    snapshot = made.snapshots[-1]
    n = len(snapshot.similarity["relu1"])
    same = np.full((n, n), 0.1, np.float32)
    same[np.ix_([1, 4, 9], [1, 4, 9])] = 0.99
    np.fill_diagonal(same, 1)
    tables = {name: {**getattr(snapshot, name), "relu1": same} for name in ("similarity", "correlation")}
    kernels = np.random.default_rng(1).normal(size=(20, 1, 5, 4)).astype(np.float32)
    counts = WeightCounts(-1.0, 3.0, np.array([30, 10, 0, 60]))
    return with_snapshot(made, **tables, kernels={"conv1": kernels}, weight_counts={"ip1": counts, "conv1": counts})


def shapes_of(scene):
    shapes = {shape.name: shape for shape in scene.shapes}
    assert len(shapes) == len(scene.shapes)
    for shape in scene.shapes:
        if hasattr(shape, "text"):
            assert 0 <= shape.x <= scene.width and 0 < shape.y < scene.height, shape.name
    return shapes


def test_a_layer_shows_all_its_neurons(analysis):
    n = analysis.node("relu1").n_neurons
    scene = build_layer_page(analysis, "", "relu1")
    shapes = shapes_of(scene)
    assert all(shapes[f"layer/patch/{i}"].target == Target("neuron", "relu1", (i,)) for i in range(n))
    assert {name for name in shapes if name.endswith("/dead")} == {"layer/patch/2/dead", "layer/patch/6/dead"}
    mean = analysis.snapshots[-1].features["relu1"].overall_mean
    alive = [i for i in range(n) if i not in (2, 6)]
    order = sorted(alive, key=lambda i: (shapes[f"layer/patch/{i}/number"].y, shapes[f"layer/patch/{i}/number"].x))
    assert (np.diff(mean[order]) <= 0).all()  # the largest first
    matrix = shapes["layer/matrix"]
    assert sorted(matrix.rows) == list(range(n)) and matrix.pixels.shape == (n, 10, 3)
    row = matrix.rows.index(7)
    values = analysis.snapshots[-1].features["relu1"].mean
    np.testing.assert_array_equal(matrix.pixels[row], LIGHT.activation.pixels(values[7] / values.max()))
    assert {f"layer/redundant/0/{i}" for i in (1, 4, 9)} <= set(shapes)
    assert "layer/redundant/1/n" not in shapes and shapes["layer/fact/2"].text == "2 in 1 group"


def test_a_cluster_shows_its_own(analysis):
    shapes = shapes_of(build_layer_page(analysis, "", "relu1", (4, 9, 2), named="cluster 3"))
    assert {name for name in shapes if name.startswith("layer/patch/") and name.count("/") == 2} == {
        f"layer/patch/{i}" for i in (2, 4, 9)
    }
    assert shapes["layer/number"].text == "cluster 3" and "layer/weights/base" not in shapes
    assert {"layer/redundant/0/4", "layer/redundant/0/9"} <= set(shapes) and "layer/redundant/0/1" not in shapes
    with pytest.raises(CnnvisError, match="has the neurons 0 to"):
        build_layer_page(analysis, "", "relu1", (4, 100000))


def test_weights_are_a_histogram(analysis):
    shapes = shapes_of(build_layer_page(analysis, "", "relu1"))
    bars = [shapes[f"layer/weights/{i}"].height for i in (0, 1, 3)]
    assert bars == pytest.approx([48, 16, 96]) and "layer/weights/2" not in shapes
    assert "30% below zero" in shapes["layer/weights/note"].text
    left, right = shapes["layer/weights/base"].points[0][0], shapes["layer/weights/base"].points[-1][0]
    assert shapes["layer/weights/zero/text"].x == pytest.approx(left + (right - left) / 4)


def test_kernels_of_a_layer_that_reads_the_images(analysis):
    shapes = shapes_of(build_layer_page(analysis, "", "conv1"))
    kernels = analysis.snapshots[-1].kernels["conv1"]
    wanted = LIGHT.contribution.pixels(0.5 + kernels[3, 0] / np.quantile(np.abs(kernels), 0.99) / 2)
    np.testing.assert_array_equal(shapes["layer/kernel/3"].pixels, wanted)
    assert "layer/kernels/title" not in shapes_of(build_layer_page(analysis, "", "relu1"))


def test_colours_of_kernels():
    kernels = np.zeros((2, 3, 1, 1), np.float32)
    kernels[0, :, 0, 0] = 2, 0, -2
    assert kernel_pictures(kernels, "BGR")[:, 0, 0].tolist() == [[0, 128, 255], [128, 128, 128]]
    assert kernel_pictures(kernels, "RGB")[0, 0, 0].tolist() == [255, 128, 0]
    assert kernel_pictures(np.zeros((2, 4, 1, 1)), "other") is None
