"""Gradients, hidden squares and transformed images beside plain loops over real Caffe, which were recorded."""

from __future__ import annotations

import os

import numpy as np
import pytest
from helpers.recordings import EXPLANATION

from cnnvis_caffe.analysis.request import Request
from cnnvis_caffe.explanation.explain import ExplainOptions, explain
from cnnvis_caffe.explanation.invariance import InvarianceOptions, invariance
from cnnvis_caffe.explanation.occlude import OccludeOptions, occlude
from cnnvis_caffe.explanation.subject import open_subject
from cnnvis_caffe.features.explain.projections import project
from cnnvis_caffe.features.explain.way_back import WayBack

AMOUNTS = {"translation": (-3.0, 0.0, 2.5), "scale": (1.3, 0.8), "rotation": (40.0, 180.0)}
NETS = {
    "lenet": ("lenet/lenet_iter_10000.caffemodel", ("conv1", "relu1", "ip2"), "conv2"),
    "cifar10_full": ("cifar10_full_h5/cifar10_full_iter_70000.caffemodel.h5", ("conv1", "relu3", "ip1"), "relu3"),
}


@pytest.fixture(scope="module", params=list(NETS))
def recorded(request, repository, zoo_dir, tmp_path_factory):
    """A network with its images, what real Caffe made of them, and its layers."""
    weights, layers, maps = NETS[request.param]
    with np.load(EXPLANATION / f"{request.param}.npz") as file:
        found = dict(file)
    data = tmp_path_factory.mktemp(request.param) / "images.npz"
    np.savez(data, images=found["images"], labels=found["labels"])
    is_lenet = request.param == "lenet"
    asked = Request(
        model=os.fspath(repository / "prototxt" / request.param / "deploy.prototxt"),
        weights=(os.fspath(zoo_dir / weights),),
        data=os.fspath(data),
        scale=0.00390625 if is_lenet else None,
        mean="" if is_lenet else os.fspath(zoo_dir / "cifar10_mean.binaryproto"),
        batch=7,
    )
    return open_subject(asked, range(3)), found, layers, maps


def test_probabilities_and_gradients(recorded):
    subject, expected, _, _ = recorded
    for i, image in enumerate(subject.seen()):
        np.testing.assert_allclose(image.probabilities, expected["probabilities"][i], rtol=1e-4, atol=1e-6)
        options = ExplainOptions(of_class=int(expected["labels"][i]), methods=("gradient",))
        (found,) = explain(subject, options)[i].explanations
        assert found.activation == pytest.approx(expected["activations"][i], rel=1e-4)
        wanted = expected["gradients"][i]
        np.testing.assert_allclose(found.values, wanted, rtol=1e-3, atol=1e-5 * np.abs(wanted).max())


def test_gradients_beside_finite_differences(recorded):
    subject, expected, _, _ = recorded
    scorer, label = subject.scorer(), int(expected["labels"][0])
    random = np.random.default_rng(0)
    largest = float(np.abs(subject.inputs[0]).max())
    # Noise tells equal neighbours apart: where a maximum has two places there is no derivative.
    image = subject.inputs[0] + random.normal(size=subject.inputs[0].shape).astype(np.float32) * 0.1 * largest
    way = WayBack(subject.net, subject.model.input_name, scorer.score_name)
    gradient = project(way, image[None], label)[0][0].astype(np.float64)
    for _ in range(3):
        step = random.normal(size=image.shape) * 2e-4 * largest
        step += gradient * (np.abs(step).max() / np.abs(gradient).max())  # uphill, so that the difference is large
        scorer.input(2)[...] = np.stack([image + step, image - step])
        scorer.probabilities()
        scores = subject.net.blobs[scorer.score_name].data.reshape(2, -1)[:, label].astype(np.float64)
        assert (scores[0] - scores[1]) / 2 == pytest.approx((gradient * step).sum(), rel=0.02)


def test_hidden_squares(recorded):
    subject, expected, _, maps = recorded
    size, stride = expected["square"].tolist()
    found = occlude(subject, OccludeOptions(size=size, stride=stride))[0].occlusion
    assert (found.label, found.layer, found.strongest_map) == (expected["labels"][0], maps, expected["strongest"])
    np.testing.assert_allclose(found.probability, expected["hidden_probability"], rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(found.most_probable, expected["hidden_label"])
    np.testing.assert_allclose(found.activation, expected["hidden_sum"], rtol=1e-4, atol=1e-3)
    assert found.whole_activation == pytest.approx(float(expected["whole_sum"]), rel=1e-4)


@pytest.mark.parametrize("kind", AMOUNTS)
def test_transformed_images(recorded, kind):
    subject, expected, layers, _ = recorded
    options = InvarianceOptions((kind,), AMOUNTS[kind], layers)
    (found,) = invariance(subject, options)
    np.testing.assert_allclose(found.distance, expected[f"{kind}/distance"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found.probability, expected[f"{kind}/probability"], rtol=2e-3, atol=1e-5)
    np.testing.assert_array_equal(found.labels, expected["labels"])
