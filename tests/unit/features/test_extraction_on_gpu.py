"""An extraction on a GPU: what a batch asks of it, and that it finds what a CPU finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.extractions import BRANCHES, CHAIN, Analysed, assert_same, feed, rounded, whole_numbers

from cnnvis_caffe.features.extraction import Extraction
from cnnvis_caffe.features.judges import JUDGES
from cnnvis_caffe.features.top_images import TopImages
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.nodes import analysis_nodes
from cnnvis_caffe.network.rewrite import analysis_network, find_score
from cnnvis_caffe.pycaffe import Net
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime import net as runtime
from cnnvis_caffe.runtime.top_list import TopList

pytestmark = pytest.mark.gpu
SHAPES = {"chain": (CHAIN, (3, 10, 8), 4), "branches": (BRANCHES, (3, 9, 7), 5)}
SETTINGS = [{}, {"contributions": "all", "top": 4}, {"contributions": "none", "gradients": False, "top": 3}]
EXACT = ("top_image", "top_box", "top_position")


def inputs(shape, n_classes, n=90):
    """Images of which some are alike, so that responses are, and their classes."""
    images = whole_numbers((n, *shape))
    images[20:30] = images[50:60]
    return images, np.random.RandomState(1).randint(0, n_classes, n)


def extraction(text, settings):
    analysed = Analysed(text)
    rounded(analysed.net)
    return analysed.extraction(**settings)


@pytest.mark.parametrize("settings", SETTINGS, ids=["own", "all", "none"])
@pytest.mark.parametrize("name", SHAPES)
def test_finds_what_a_cpu_finds(name, settings, gpu):
    """In any order, with a smaller last batch; six batches of seven are recorded, then two are replayed."""
    text, shape, n_classes = SHAPES[name]
    images, labels = inputs(shape, n_classes)
    order = np.random.RandomState(2).permutation(len(images))
    expected = feed(extraction(text, settings), images, labels, order).finish()
    backend.require_gpu(0)
    assert_same(feed(extraction(text, settings), images, labels, order).finish(), expected, 1e-4, EXACT)


def test_images_of_several_columns_and_of_none(gpu):
    """Labels go through the net's device, and are summed up beside it; then classes again, where they were."""

    def found(kind):
        analysed = extraction(CHAIN, {"judge": JUDGES[kind](4)})
        images, classes = inputs((3, 10, 8), 4)
        belongs = np.random.RandomState(5).rand(90, 4) < 0.4
        for first in range(0, 42, 7):
            some = slice(first, first + 7)
            more = {} if kind == "classes" and first >= 21 else {"feeds": {"label": classes[some]}}
            if kind == "labels":
                more["targets"] = belongs[some].astype(np.float32)
            labels = belongs[some] if kind == "labels" or more else classes[some]
            analysed.update(images[some], labels, np.arange(42)[some], **more)
        return analysed.finish()

    expected = {kind: found(kind) for kind in ("labels", "classes")}
    backend.require_gpu(0)
    for kind, wanted in expected.items():
        assert_same(found(kind), wanted, 1e-4, EXACT)


def test_parts_go_on_elsewhere(gpu):
    """One state for both: begun on a CPU, gone on with on a GPU, merged with a part that a GPU has seen."""
    text, shape, n_classes = SHAPES["branches"]
    images, labels = inputs(shape, n_classes)
    expected = feed(extraction(text, {}), images, labels).finish()
    begun = feed(extraction(text, {}), images, labels, range(21)).state()
    backend.require_gpu(0)
    goes_on = extraction(text, {})
    goes_on.restore(begun)
    feed(goes_on, images, labels, range(21, 63))
    other = feed(extraction(text, {}), images, labels, range(63, 90))
    goes_on.merge(other)
    assert goes_on.n_images == 90
    assert_same(goes_on.finish(), expected, 1e-4, EXACT)
    ended = goes_on.state()
    backend.set_mode_cpu()
    again = extraction(text, {})
    again.restore(ended)
    assert_same(again.finish(), expected, 1e-4, EXACT)


def test_the_best_images_are_those_of_numpy(gpu):
    """Ties, both zeros, infinities and what is not a number; images in any order."""
    n_neurons, n_positions, k = 5, 6, 4
    random = np.random.RandomState(4)
    ours, by_numpy = (TopImages(k, n_neurons) for _ in range(2))
    backend.require_gpu(0)
    there = TopList(*(torch.from_numpy(array).to(gpu) for array in ours.state().values()))
    order = random.permutation(70)
    for first in range(0, 70, 7):
        indices = order[first : first + 7]
        values = random.randint(-2, 3, (7, n_neurons, n_positions, 1)).astype(np.float32)
        values[random.rand(7, n_neurons, n_positions, 1) < 0.03] = -0.0
        for special in (np.nan, np.inf, -np.inf):
            values[random.rand(7, n_neurons) < 0.05] = special
        peak = values.max((2, 3))
        flat = values.reshape(7, n_neurons, -1)
        by_numpy.update(peak, indices, lambda images, neurons, flat=flat: flat[images, neurons].argmax(1))
        tensors = [torch.from_numpy(array).to(gpu) for array in (peak, indices, values)]
        there.update(tensors[0], tensors[1], [(slice(0, 2), tensors[2][:, :2]), (slice(2, 5), tensors[2][:, 2:])])
    for name, expected in by_numpy.state().items():
        np.testing.assert_array_equal(there.state()[name].cpu().numpy(), expected, name)
    assert np.isinf(by_numpy.response).any()


def paper_net(repository, name):
    network = analysis_network(read_network(repository / "prototxt" / name / "deploy.prototxt"))
    dag = build_dag(network)
    net = Net.from_runtime(runtime.Net(network, schema.TEST))
    score = dag.blob_name(find_score(dag))
    return net, Extraction(
        net, analysis_nodes(dag, network), input_name="data", label_name="label", score_name=score, n_classes=10
    )


@pytest.mark.parametrize(("name", "batch"), [("lenet", 100), ("base_cnn", 2)])
def test_a_batch_is_one_replay_without_a_wait(name, batch, repository, pretended):
    net, extraction = paper_net(repository, name)
    random = np.random.RandomState(1)

    def update(number):
        images = random.standard_normal((batch, *net.blobs["data"].shape[1:])).astype(np.float32)
        extraction.update(images, random.randint(0, 10, batch), np.arange(batch) + number * batch)
        return images.nbytes

    for number in range(5):  # the first gives blobs their shape, three more are computed singly, one is recorded
        update(number)
    pretended.counts.reset()
    n_bytes = update(5)
    counts = pretended.counts
    assert (counts.replays, counts.waits, counts.bytes_back) == (1, 0, 0)
    assert counts.operations <= 3
    assert counts.bytes_there == n_bytes + batch * (4 + 8)
    extraction.state()
    n_neurons = extraction._neurons.total
    n_squares = sum(np.prod(shape) for shape in extraction._similar.values())
    n_weights = sum(np.prod(shape) for shape in extraction._weight_shapes.values())
    # What comes back in the end grows with the neurons (their classes and best images), not with the images.
    a_neuron = 10 * (4 * 8 + 4) + 9 * (4 + 8 + 8) + 100
    assert counts.bytes_back <= n_neurons * a_neuron + (n_squares + n_weights) * 8 + 999


def test_a_layer_that_cannot_be_recorded_costs_time_only(gpu, monkeypatch):
    from cnnvis_caffe.runtime.layers.pooling import Pooling

    text, shape, n_classes = SHAPES["chain"]
    images, labels = inputs(shape, n_classes)
    expected = feed(extraction(text, {}), images, labels).finish()
    backend.require_gpu(0)
    monkeypatch.setattr(Pooling, "can_be_recorded", False)
    assert_same(feed(extraction(text, {}), images, labels).finish(), expected, 1e-4, EXACT)
