"""What real Caffe and plain loops give (tests/recorders/record_features.py)."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.recordings import FEATURES

from cnnvis_caffe.datasets.mnist import load_mnist
from cnnvis_caffe.progress import SILENT
from tests.helpers.extractions import ENGINES, Analysed, feed


def compare(recorded, found):
    """Everything that was recorded."""
    assert found.loss == pytest.approx(float(recorded["loss"]), rel=1e-5)
    assert found.error == float(recorded["error"])
    n_boxes = 0
    for layer in recorded["layers"]:
        features = found.features[layer]
        neurons = recorded[f"{layer}/neurons"]
        for ours, theirs in (
            ("mean", "mean"), ("peak", "peak"), ("maximum", "maximum"), ("active_share", "share"),
            ("contribution", "contribution"),
        ):  # fmt: skip
            values, wanted = getattr(features, ours)[neurons], recorded[f"{layer}/{theirs}"]
            scale = np.nanmax(np.abs(wanted))
            where = f"{layer} {ours}"
            if ours == "contribution":
                # Of two values in a pooling window that rounding makes equal, or of an input to a ReLU that is as
                # good as zero, one engine may let the gradient pass and another not: rare, and then a small step.
                np.testing.assert_allclose(values, wanted, 1e-2, 1e-3 * scale, err_msg=where)
                is_close = np.isclose(values, wanted, 1e-4, 2e-5 * scale, equal_nan=True)
                assert is_close.mean() > 0.97, where
            else:
                np.testing.assert_allclose(values, wanted, 1e-4, 2e-5 * scale, err_msg=where)
        wanted = recorded[f"{layer}/top_response"]
        is_constant = features.minimum == features.overall_maximum
        np.testing.assert_allclose(
            features.top_response[neurons][~is_constant[neurons]], wanted[~is_constant[neurons]], 1e-5, 1e-6
        )
        # Neighbours in the order whose responses are as good as equal may change places.
        gaps = np.abs(np.diff(wanted, axis=1)) > 1e-5 * np.abs(wanted[:, 1:])
        is_clear = np.concatenate([gaps[:, :1], gaps[:, 1:] & gaps[:, :-1]], 1) & ~is_constant[neurons, np.newaxis]
        image, box = features.top_image[neurons][:, :8], features.top_box[neurons][:, :8]
        np.testing.assert_array_equal(image[is_clear], recorded[f"{layer}/top_image"][:, :8][is_clear], str(layer))
        np.testing.assert_array_equal(box[is_clear], recorded[f"{layer}/top_box"][:, :8][is_clear], str(layer))
        n_boxes += is_clear.sum()
    assert n_boxes > 100
    for name in recorded.files:
        if name.startswith("connections/"):
            _, layer, what = name.split("/")
            connections = found.connections[layer]
            if what == "mean_abs_gradient":
                assert found.debug[layer].mean_abs_gradient == pytest.approx(float(recorded[name]), rel=1e-4)
            else:
                wanted, values = recorded[name], getattr(connections, what)
                if layer in recorded["layers"]:
                    values = values[recorded[f"{layer}/neurons"]]
                np.testing.assert_allclose(values, wanted, 1e-4, 1e-5 * np.abs(wanted).max(), err_msg=name)


@pytest.mark.parametrize("engine", ENGINES)
def test_lenet(engine, repository, data_dir, zoo_dir):
    folder = FEATURES
    analysed = Analysed((folder / "lenet.prototxt").read_text(), engine)
    analysed.net.copy_from(str(zoo_dir / "lenet/lenet_iter_10000.caffemodel"))
    data = load_mnist("test", SILENT)
    images = data.images[:300].astype(np.float32) * np.float32(0.00390625)
    found = feed(analysed.extraction(), images, data.labels[:300], batch=128).finish()
    with np.load(folder / "lenet.npz") as recorded:
        compare(recorded, found)


@pytest.mark.parametrize("engine", ENGINES)
def test_branches(engine, repository):
    folder = FEATURES
    analysed = Analysed((folder / "branches.prototxt").read_text(), engine)
    with np.load(folder / "branches.npz") as recorded:
        for name in recorded.files:
            if name.startswith("param/"):
                _, layer, number = name.split("/")
                analysed.net.params[layer][int(number)].data[...] = recorded[name]
        images = recorded["images"].astype(np.float32)
        found = feed(analysed.extraction(), images, recorded["labels"], batch=23).finish()
        compare(recorded, found)
        weight = recorded["param/norm/1"] / recorded["param/norm/2"]
        np.testing.assert_allclose(found.scale["norm"], 1 / np.sqrt(weight + 0.001), 1e-5)
        np.testing.assert_array_equal(found.scale["scale"], recorded["param/scale/0"])
    assert np.isnan(found.features["conv"].mean[:, 3]).all()
    assert np.isnan(found.features["aux"].contribution).all()  # the score does not depend on it
    assert not found.class_count[3]
