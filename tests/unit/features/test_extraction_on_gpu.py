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


def rows(n_columns, n=35):
    """What is right for images of a task: numbers of columns, -1 for none; yes and no for each; and masks."""
    random = np.random.RandomState(5)
    return random.randint(-1, n_columns, n), random.rand(n, n_columns) < 0.4, random.randint(0, 7, (n, 10, 8))


KINDS, BELONGS, MASKS = rows(4)
YES, SAME = np.maximum(KINDS, 0) % 2, np.maximum(KINDS, -1) % 3 - 1
IS_THERE = np.stack([(number == MASKS).any((1, 2)) for number in range(6)], 1)
#: Net, settings, columns of the images, and what is right.
TASKS = {
    "unknown classes": (CHAIN, {"judge": JUDGES["classes"](4)}, KINDS, KINDS),
    "groups": (CHAIN, {"n_classes": 4, "columns_are_scores": False}, KINDS, None),
    "labels": (CHAIN, {"judge": JUDGES["labels"](4)}, BELONGS, BELONGS.astype(np.float32)),
    "all labels": (
        CHAIN, {"judge": JUDGES["labels"](4), "contributions": "all"}, BELONGS, BELONGS.astype(np.float32),
    ),
    "score": (CHAIN.replace("num_output: 4", "num_output: 1"), {"judge": JUDGES["score"](2), "n_classes": 2}, YES, YES),
    "numbers": (CHAIN, {"judge": JUDGES["numbers"](4)}, BELONGS, 10 * BELONGS.astype(np.float32)),
    "pixels": (
        CHAIN, {"judge": JUDGES["pixels"](6), "score_name": "conv", "n_classes": 6}, IS_THERE, MASKS,
    ),
    "pairs": (
        BRANCHES, {"judge": JUDGES["pairs"](2), "judged_names": ("join", "short"), "score_name": "", "n_classes": 2},
        SAME, SAME,
    ),
}  # fmt: skip


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_summed_up_there(task, pretended):
    """Images of one column, of several and of none; answers are judged here while the next batch is computed."""
    text, settings, columns, targets = TASKS[task]
    unlabelled = {"label": np.zeros(7, np.int64)}
    images = whole_numbers((35, 3, *((9, 7) if text is BRANCHES else (10, 8))))

    def found():
        anew = {"judge": type(settings["judge"])(settings["judge"].n_columns)} if "judge" in settings else {}
        summed = extraction(text, {**settings, **anew})
        for first in range(0, 35, 7):
            some = slice(first, first + 7)
            own = columns[some]
            right = None if targets is None else own if targets is columns else targets[some]
            summed.update(images[some], own, np.arange(35)[some], targets=right, feeds=unlabelled)
        return summed.finish()

    expected = found()
    backend.require_gpu(0)
    pretended.counts.reset()
    assert_same(found(), expected, 1e-4, EXACT)
    assert pretended.counts.replays > 0


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
    assert counts.operations <= 5  # four copies there, and the answers put aside
    assert counts.bytes_there == n_bytes + batch * (4 + 8 + 8)
    extraction.state()
    n_neurons = extraction._neurons.total
    n_squares = sum(np.prod(shape) for shape in extraction._similar.values())
    n_weights = sum(np.prod(shape) for shape in extraction._weight_shapes.values())
    # What comes back in the end grows with the neurons (their classes and best images); of an image, its answer alone.
    a_neuron = 10 * (4 * 8 + 4) + 9 * (4 + 8 + 8) + 100
    assert counts.bytes_back <= n_neurons * a_neuron + (n_squares + n_weights) * 8 + 6 * batch * 8 + 999


def test_a_layer_that_cannot_be_recorded_costs_time_only(gpu, monkeypatch):
    from cnnvis_caffe.runtime.layers.pooling import Pooling

    text, shape, n_classes = SHAPES["chain"]
    images, labels = inputs(shape, n_classes)
    expected = feed(extraction(text, {}), images, labels).finish()
    backend.require_gpu(0)
    monkeypatch.setattr(Pooling, "can_be_recorded", False)
    assert_same(feed(extraction(text, {}), images, labels).finish(), expected, 1e-4, EXACT)
