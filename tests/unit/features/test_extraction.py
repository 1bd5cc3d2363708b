"""The pass over the data: what is summed, in which parts, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.errors import NetError, ShapeError, UnknownLayerError
from tests.helpers.extractions import BRANCHES, CHAIN, ENGINES, Analysed, assert_same, feed, rounded, whole_numbers

N = 40


@pytest.fixture
def labels():
    return np.random.RandomState(3).choice([0, 1, 3], N)  # class 2 has no images


@pytest.fixture
def images():
    return whole_numbers((N, 3, 10, 8))


def chain(engine="torch"):
    analysed = Analysed(CHAIN, engine)
    rounded(analysed.net)
    return analysed


@pytest.mark.parametrize("engine", ENGINES)
def test_activations_by_class(engine, images, labels):
    analysed = chain(engine)
    found = feed(analysed.extraction(), images, labels).finish()
    values = {name: [] for name in found.features}
    for image in images:
        analysed.net.blobs["data"].reshape(1, 3, 10, 8)
        analysed.net.blobs["label"].reshape(1)
        analysed.net.reshape()
        analysed.net.blobs["data"].data[0] = image
        analysed.net.forward()
        for name in values:
            values[name].append(analysed.net.blobs[name].data[0].copy())
    assert set(values) == {"data", "conv", "relu", "pool", "fc", "prob"}
    for name, stacked in values.items():
        features, flat = found.features[name], np.stack(stacked).reshape(N, len(stacked[0]), -1)
        for c in (0, 1, 3):
            mine = flat[labels == c].astype(np.float64)
            np.testing.assert_allclose(features.mean[:, c], mine.mean((0, 2)), 1e-5, 1e-6)
            np.testing.assert_allclose(features.peak[:, c], mine.max(2).mean(0), 1e-5)
            np.testing.assert_allclose(features.maximum[:, c], mine.max((0, 2)), 1e-5)
            np.testing.assert_allclose(features.active_share[:, c], (mine > 0).any(2).mean(0), 1e-6)
        for table in (features.mean, features.peak, features.maximum, features.active_share, features.contribution):
            assert np.isnan(table[:, 2]).all()
        np.testing.assert_allclose(features.overall_mean, flat.mean((0, 2), np.float64), 1e-5, 1e-6)
        np.testing.assert_allclose(features.variance, flat.var((0, 2), np.float64), 1e-5)
        np.testing.assert_allclose(features.minimum, flat.min((0, 2)), 1e-5)
        np.testing.assert_allclose(features.overall_maximum, flat.max((0, 2)), 1e-5)
        means = flat.mean(2, np.float64)
        norms = np.linalg.norm(means, axis=0)
        np.testing.assert_allclose(found.similarity[name], means.T @ means / np.outer(norms, norms), atol=1e-6)
        if len(norms) > 1:
            np.testing.assert_allclose(found.correlation[name], np.corrcoef(means.T), atol=1e-5)
    assert found.class_count.tolist() == [(labels == c).sum() for c in range(4)]
    assert found.error == (np.stack(values["fc"]).argmax(1) != labels).mean()
    scores = np.stack(values["fc"]).astype(np.float64)
    losses = np.log(np.exp(scores).sum(1)) - scores[np.arange(N), labels]
    assert found.loss == pytest.approx(losses.mean(), rel=1e-5)


@pytest.mark.parametrize("text", [CHAIN, BRANCHES])
def test_numpy_and_the_device_agree(text):
    results = []
    for engine in ENGINES:
        analysed = Analysed(text, engine)
        rounded(analysed.net)
        images = whole_numbers((N, *analysed.net.blobs["data"].shape[1:]))
        labels = np.arange(N) % 4
        results.append(feed(analysed.extraction(contributions="all"), images, labels, batch=9).finish())
    assert_same(*results, rtol=2e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_contributions_by_difference(engine, images, labels):
    # The gradient of a score with respect to what a neuron hands on is what the rest of the net makes of it.
    analysed = chain(engine)
    found = feed(analysed.extraction(contributions="all"), images, labels).finish()
    weights = analysed.net.params["fc"][0].data.reshape(4, 6, -1)
    pool = []
    for first in range(0, N, 10):
        analysed.net.blobs["data"].reshape(10, 3, 10, 8)
        analysed.net.blobs["label"].reshape(10)
        analysed.net.reshape()
        analysed.net.blobs["data"].data[...] = images[first : first + 10]
        analysed.net.forward()
        pool.append(analysed.net.blobs["pool"].data.reshape(10, 6, -1).copy())
    products = np.einsum("ncp,kcp->nck", np.concatenate(pool).astype(np.float64), weights)
    np.testing.assert_allclose(found.features["pool"].contribution_all, products.mean(0), 1e-5, 1e-5)
    for c in (0, 1, 3):
        wanted = products[labels == c, :, c].mean(0)
        np.testing.assert_allclose(found.features["pool"].contribution[:, c], wanted, 1e-5, 1e-5)
        np.testing.assert_allclose(found.features["relu"].contribution[:, c], wanted, 1e-5, 1e-5)
    own = feed(analysed.extraction(contributions="own"), images, labels).finish()
    for name, features in own.features.items():
        np.testing.assert_allclose(features.contribution, found.features[name].contribution, 1e-5, 1e-6)
        assert features.contribution_all is None
    assert np.isnan(found.features["prob"].contribution).all()


def test_without_contributions_and_gradients(images, labels):
    found = feed(chain().extraction(contributions="none", gradients=False), images, labels).finish()
    assert np.isnan(found.features["conv"].contribution).all()
    assert found.connections["conv"].gradient is None
    assert np.isnan(found.debug["conv"].mean_abs_gradient)
    assert found.debug["conv"].mean_abs_weight > 0


def test_chosen_layers(images, labels):
    found = feed(chain().extraction(layers=["pool", "conv"]), images, labels).finish()
    assert list(found.features) == list(found.similarity) == ["conv", "pool"]
    everything = feed(chain().extraction(), images, labels).finish()
    np.testing.assert_array_equal(found.features["pool"].top_image, everything.features["pool"].top_image)
    with pytest.raises(UnknownLayerError, match="nosuch"):
        chain().extraction(layers=["nosuch"])


def test_matrices_have_a_limit(images, labels):
    found = feed(chain().extraction(similarity_limit=4), images, labels).finish()
    assert list(found.similarity) == list(found.correlation) == ["data", "fc", "prob"]


@pytest.mark.parametrize("engine", ENGINES)
def test_dead_units_are_found_and_none_invented(engine, images, labels):
    analysed = chain(engine)
    weight, bias = analysed.net.params["conv"]
    planted = [1, 4]
    for unit in planted:  # their input is below zero whatever the image
        bias.data[unit] = -1 - np.abs(weight.data[unit]).sum() * np.abs(images).max()
    weight.data[2] = 0  # zero is not above zero
    bias.data[2] = 0
    bias.data[0] = -np.abs(weight.data[0]).sum() * np.abs(images).max()
    images[17] = np.abs(images).max() * np.sign(weight.data[0])[:, :1, :1]
    weight.data[0] = weight.data[0][:, :1, :1]
    bias.data[0] = 0.125 - np.abs(weight.data[0]).sum() * np.abs(images).max()  # alive on a single image
    found = feed(analysed.extraction(), images, labels).finish()
    dead = np.flatnonzero(found.features["conv"].overall_maximum <= 0).tolist()
    assert dead == [1, 2, 4]
    assert found.debug["relu"].dead_share == 0.5
    assert np.isnan(found.debug["conv"].dead_share)
    relu = found.features["relu"]
    assert (relu.top_image[dead] == -1).all()
    assert np.isnan(relu.top_response[dead]).all()
    assert not relu.top_box[dead].any()
    assert not found.similarity["relu"][dead].any()
    assert not found.correlation["relu"][:, dead].any()
    assert relu.top_image[0, 0] == 17
    assert (relu.variance[dead] == 0).all()


def test_few_images_leave_places_empty(images, labels):
    found = feed(chain().extraction(top=5), images[:3], labels[:3], batch=2).finish()
    image = found.features["conv"].top_image
    assert image.shape == (6, 5)
    assert (np.sort(image[:, :3]) == [0, 1, 2]).all()
    assert (image[:, 3:] == -1).all()
    assert np.isnan(found.features["conv"].top_response[:, 3:]).all()


def test_a_state_goes_on_where_it_was_taken(images, labels):
    whole = feed(chain().extraction(), images, labels).finish()
    first = feed(chain().extraction(), images, labels, range(23))
    state = {name: array.copy() for name, array in first.state().items()}
    second = feed(chain().extraction(), images, labels, range(5, 9))  # forgotten
    second.restore(state)
    assert second.n_images == 23
    assert_same(whole, feed(second, images, labels, range(23, N)).finish())


def test_an_extraction_without_images():
    found = chain().extraction().finish()
    assert np.isnan(found.loss)
    assert np.isnan(found.features["conv"].mean).all()
    assert (found.features["conv"].top_image == -1).all()


def test_the_boxes_are_those_of_the_positions(images, labels):
    found = feed(chain().extraction(), images, labels).finish()
    conv, pool, fc = (found.features[name] for name in ("conv", "pool", "fc"))
    np.testing.assert_array_equal(conv.top_box[..., :2], conv.top_position - 1)
    np.testing.assert_array_equal(conv.top_box[..., 2:], conv.top_position + 2)
    np.testing.assert_array_equal(pool.top_box[..., :2], pool.top_position * 2 - 1)
    np.testing.assert_array_equal(pool.top_box[..., 2:], pool.top_position * 2 + 4)
    assert (fc.top_box == [0, 0, 10, 8]).all()
    assert not fc.top_position.any()


def test_mistakes_are_named(images, labels):
    extraction = chain().extraction()
    with pytest.raises(ShapeError, match=r"images have shape \(3, 8, 10\).*\(3, 10, 8\)"):
        extraction.update(images.transpose(0, 1, 3, 2), labels, np.arange(N))
    with pytest.raises(ShapeError, match="40 images need as many labels"):
        extraction.update(images, labels[:-1], np.arange(N))
    with pytest.raises(NetError, match="label 4 is not a class.* has 4"):
        extraction.update(images, labels + 1, np.arange(N))
    assert extraction.n_images == 0
    with pytest.raises(NetError, match="not of 7 classes"):
        chain().extraction(n_classes=7)
    with pytest.raises(NetError, match="no blob 'pixels'"):
        chain().extraction(input_name="pixels")
