"""The picture and the tables of what is taken for what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnvis_caffe import api
from cnnvis_caffe.api import frame
from cnnvis_caffe.errors import CnnvisError, UnknownNameError
from cnnvis_caffe.records.measure import Measure
from cnnvis_caffe.scene.confusion import build_confusion
from cnnvis_caffe.scene.theme import LIGHT
from tests.helpers.analyses import make_analysis, with_snapshot


@pytest.fixture(scope="module")
def analysis():
    confusion = np.zeros((10, 10))
    confusion[2, 2], confusion[2, 7], confusion[5, 5] = 30, 10, 4  # no images of other classes
    measure = Measure("error", "%", 0.2, 0.1, np.full(10, np.nan), np.full(10, np.nan))
    measure.values[[2, 5]] = 0.25, 0.0
    return with_snapshot(make_analysis("lenet"), confusion=confusion, measures=(measure,))


def test_a_square_is_a_share_of_its_row(analysis):
    scene = build_confusion(analysis, analysis.snapshots[-1])
    shapes = {shape.name: shape for shape in scene.shapes}
    assert len(shapes) == len(scene.shapes)
    np.testing.assert_array_equal(
        shapes["matrix"].pixels, LIGHT.activation.pixels(np.array([[0.75, 0, 0.25], [0, 1, 0]]))
    )
    names = analysis.data.class_names
    assert [shapes[f"row/{c}"].text for c in (2, 5)] == [names[2], names[5]]
    assert [shapes[f"column/{c}"].text for c in (2, 5, 7)] == [names[2], names[5], names[7]]
    assert (shapes["count/0/2"].text, shapes["share/2"].text, shapes["share/5"].text) == ("10", "75%", "100%")
    right = shapes["right/5"]
    matrix = shapes["matrix"]
    assert (right.x - matrix.x, right.y - matrix.y) == pytest.approx((matrix.width / 3, matrix.height / 2))
    assert "44 images" in scene.description
    for shape in scene.shapes:
        if shape.name.startswith(("row/", "share/", "title")):
            assert 0 < shape.x < scene.width and 0 < shape.y < scene.height


def test_many_classes_have_no_names():
    analysis = make_analysis("lenet", n_classes=120)
    analysis = with_snapshot(analysis, confusion=np.eye(120) * 3)
    shapes = [shape.name for shape in build_confusion(analysis, analysis.snapshots[-1]).shapes]
    assert "matrix" in shapes and not any(name.startswith(("row/", "count/")) for name in shapes)


def test_none_is_one_error():
    analysis = make_analysis("lenet")
    with pytest.raises(CnnvisError, match="has no confusion matrix; it takes answers that are classes"):
        build_confusion(analysis, analysis.snapshots[-1])
    with pytest.raises(CnnvisError, match="has no confusion matrix"):
        api.confusion(analysis)


def test_tables_without_pandas(analysis, monkeypatch):
    monkeypatch.setattr(frame, "pandas", lambda: None)
    assert api.confusion(analysis)[2, 7] == 10
    features = analysis.snapshots[-1].features["conv2"]
    np.testing.assert_array_equal(api.activations(analysis, "conv2", "peak"), features.peak)
    np.testing.assert_array_equal(
        api.connections(analysis, "conv2"), analysis.snapshots[-1].connections["conv2"].weight
    )
    with pytest.raises(UnknownNameError, match="no quantity 'peek'"):
        api.activations(analysis, "conv2", "peek")
    table = api.measures(analysis)
    assert table["value"] == [0.2, 0.25, 0.0] and table["guessing"] == [0.1, None, None]
    records = table.to_frame()
    assert records.dtype.names == ("measure", "class", "value", "guessing") and np.isnan(records["guessing"][1])
    assert api.layers(analysis).to_frame()["neurons"].dtype == np.int64
    assert len(api.findings(replace(analysis)).to_frame()) == len(api.findings(analysis))


def test_tables_with_pandas(analysis):
    pandas = pytest.importorskip("pandas")
    found = api.activations(analysis, "conv2")
    assert isinstance(found, pandas.DataFrame) and found.columns.name == "class" and found.index.name == "neuron"
    names = analysis.data.class_names
    assert api.confusion(analysis).loc[names[2], names[7]] == 10
    assert list(api.measures(analysis).to_frame().columns) == ["measure", "class", "value", "guessing"]
    assert api.connections(analysis, "conv2").shape == analysis.snapshots[-1].connections["conv2"].weight.shape


def test_the_activation_of_a_layer_for_one_image(tmp_path):
    from tests.helpers.extractions import CHAIN

    (tmp_path / "net.prototxt").write_text(CHAIN)
    net = api.load_net(tmp_path / "net.prototxt")
    image = np.random.default_rng(0).normal(size=(3, 10, 8)).astype(np.float32)
    found = api.activation(net, "conv", image, scale=2.0)
    net.blobs["data"].data[0] = image * 2
    net.forward()
    np.testing.assert_array_equal(api.activation(net, "fc", image * 2), net.blobs["fc"].data[0])
    assert found.shape == (6, 10, 8)
    with pytest.raises(UnknownNameError, match="conv9"):
        api.activation(net, "conv9", image)
    with pytest.raises(CnnvisError, match="the net takes"):
        api.activation(net, "conv", image[:2])
