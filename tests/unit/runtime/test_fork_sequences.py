"""Lstm and CTC of Caffe's forks, and DetectionEvaluate, beside plain numpy and finite differences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from helpers.single_layer import FORCED, backward, blob, build, check_gradients, forward, normal, set_inputs

from cnnvis_caffe.errors import LayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net


def build_more(layer, tops, *inputs):
    """A net of inputs and one layer with several tops."""
    bottoms = " ".join(f"bottom: '{text.split(chr(39))[1]}'" for text in inputs)
    names = " ".join(f"top: '{name}'" for name in tops)
    text = f"{FORCED}{''.join(inputs)} layer {{ name: 'y' {bottoms} {names} {layer} }}"
    return Net(network_from_text(text, allow_unknown=False), schema.TEST)


# -- Lstm ------------------------------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, cont, weights, h, c):
    """One step and one sequence after another; x (T, N, D)."""
    weight_x, weight_h, bias = weights
    result = np.zeros((*x.shape[:2], weight_h.shape[1]))
    h, c = h.copy(), c.copy()
    for t in range(x.shape[0]):
        for n in range(x.shape[1]):
            sums = weight_x @ x[t, n] + bias + (weight_h @ h[n] if cont[t, n] else 0)
            i, f, o, g = np.split(sums, 4)
            c[n] = sigmoid(i) * np.tanh(g) + (sigmoid(f) * c[n] if cont[t, n] else 0)
            h[n] = sigmoid(o) * np.tanh(c[n])
            result[t, n] = h[n]
    return result, h, c


def fill(net):
    for number, param in enumerate(net.layers[-1].blobs):
        param.data[...] = 0.5 * normal(*param.shape, seed=number)
    return [param.data.copy() for param in net.layers[-1].blobs]


@pytest.mark.parametrize(("shape", "setting"), [((8, 3), "batch_size: 2"), ((4, 2, 3), ""), ((4, 3), "")])
def test_lstm(shape, setting):
    net = build(f"type: 'Lstm' lstm_param {{ num_output: 5 {setting} }}", blob("x", *shape))
    weights, x = fill(net), normal(*shape, seed=9)
    assert [weight.shape for weight in weights] == [(20, 3), (20, 5), (20,)]
    set_inputs(net, x)
    n = 1 if shape == (4, 3) else 2
    cont = np.ones((4, n))
    cont[0] = 0
    expected, _, _ = lstm(x.reshape(4, n, 3), cont, weights, np.zeros((n, 5)), np.zeros((n, 5)))
    y = forward(net)
    assert y.shape == (*shape[:-1], 5)
    assert y == pytest.approx(expected.reshape(y.shape), rel=1e-4, abs=1e-6)
    check_gradients(net)


def test_lstm_goes_on_where_it_is_told():
    layer = "type: 'Lstm' lstm_param { num_output: 5 batch_size: 2 clipping_threshold: 0.05 }"
    net = build(layer, blob("x", 6, 3), blob("cont", 6))
    weights, x, cont = fill(net), normal(6, 3, seed=9), np.array([[1, 0], [0, 1], [1, 1]])
    h = c = np.zeros((2, 5))
    for _ in range(2):
        set_inputs(net, x, cont.reshape(-1))
        expected, h, c = lstm(x.reshape(3, 2, 3), cont, weights, h, c)
        assert forward(net) == pytest.approx(expected.reshape(6, 5), rel=1e-4, abs=1e-6)
    # A limit so low that every gate's gradient is at it: bias sums 6 of them at most.
    _, (_, _, d_bias) = backward(net, 100 * np.ones((6, 5), np.float32))
    assert np.abs(d_bias).max() <= 6 * 0.05 + 1e-6
    assert (np.abs(d_bias) > 0.05).any()
    with pytest.raises(LayerError, match="batch_size 4 and weights for 3 inputs do not go with it"):
        build("type: 'Lstm' lstm_param { num_output: 5 batch_size: 4 }", blob("x", 6, 3))


# -- CTC -------------------------------------------------------------------------------------------------------------


def said(path, blank):
    """What a path says: without repetitions, then without blanks."""
    return [label for label, _ in itertools.groupby(path) if label != blank]


def ctc(scores, labels, blank):
    """-log of the sum over all paths that say the labels; scores (T, classes)."""
    log_p = scores - np.log(np.exp(scores).sum(1, keepdims=True))
    total = 0.0
    for path in itertools.product(range(scores.shape[1]), repeat=len(scores)):
        if said(path, blank) == list(labels):
            total += np.exp(sum(log_p[t, label] for t, label in enumerate(path)))
    return -np.log(total) if total else np.inf


SCORES = (4, 3, 5)  # steps, sequences, classes
CTC_CASES = {
    "labels, filled up with blanks": (
        "type: 'WarpCTCLoss'", [blob("label", 3, 2)], [[[1, 2], [0, 3], [4, 4]]],
        [[1, 2], [3], [4, 4]], [4, 4, 4], 0,
    ),
    "lengths and labels": (
        "type: 'WarpCTCLoss' ctc_loss_param { blank_label: 2 }", [blob("t", 3), blob("n", 3), blob("label", 2, 3)],
        [[4, 3, 2], [1, 2, 1], [[0, 1, 4], [0, 3, 0]]],
        [[0], [1, 3], [4]], [4, 3, 2], 2,
    ),
    "indicators, labels behind the blank": (
        "type: 'WarpCTCLoss'", [blob("cont", 4, 3), blob("label", 4, 3)],
        [[[0, 0, 0], [1, 1, 1], [1, 1, 0], [1, 0, 1]], [[0, 3, 1], [2, 3, -1], [-1, -1, -1], [-1, -1, -1]]],
        [[1, 3], [4, 4], [2]], [4, 3, 2], 0,
    ),
    "indicators": (
        "type: 'CTCLoss'", [blob("cont", 4, 3), blob("label", 4, 3)],
        [[[0, 0, 0], [1, 1, 1], [1, 1, 0], [1, 0, 1]], [[0, 3, 1], [2, 3, -1], [-1, -1, -1], [-1, -1, -1]]],
        [[0, 2], [3, 3], [1]], [4, 3, 2], 4,
    ),
    "time_step": (
        "type: 'CtcLoss' ctc_loss_param { alphabet_size: 5 time_step: 3 blank_label: 1 }", [blob("label", 3, 2)],
        [[[0, 2], [1, 3], [4, 4]]], [[0, 2], [3], [4, 4]], [3, 3, 3], 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CTC_CASES)
def test_ctc_losses(name):
    layer, inputs, values, labels, steps, blank = CTC_CASES[name]
    off = "propagate_down: true" + " propagate_down: false" * len(inputs)
    net = build(f"{layer} {off}", blob("x", *SCORES), *inputs)
    x = normal(*SCORES)
    set_inputs(net, x, *values)
    costs = [ctc(x[:length, n], row, blank) for n, (row, length) in enumerate(zip(labels, steps))]
    assert forward(net) == pytest.approx(np.mean(costs), rel=1e-4)
    # The gradient is that of the sum; only xmfbit's has the weight of the loss.
    (dx, *_), _ = backward(net, 1)
    expected = np.zeros(SCORES)
    for n, (row, length) in enumerate(zip(labels, steps)):
        for t in range(length):
            for k in range(SCORES[2]):
                moved = x.astype(np.float64)
                moved[t, n, k] += 1e-4
                high = ctc(moved[:length, n], row, blank)
                moved[t, n, k] -= 2e-4
                expected[t, n, k] = (high - ctc(moved[:length, n], row, blank)) / 2e-4
    assert dx == pytest.approx(expected, rel=1e-3, abs=1e-4)
    (doubled, *_), _ = backward(net, 2)
    assert doubled == pytest.approx(dx * (2 if "CtcLoss" in layer else 1), rel=1e-5)


def test_a_sequence_that_is_too_short_does_not_count():
    net = build("type: 'WarpCTCLoss' propagate_down: [true, false]", blob("x", 2, 2, 4), blob("label", 2, 2))
    x = normal(2, 2, 4)
    set_inputs(net, x, [[3, 3], [1, 2]])
    assert forward(net) == pytest.approx(ctc(x[:, 1], [1, 2], 0), rel=1e-4)
    (dx, _), _ = backward(net, 1)
    assert not dx[:, 0].any() and dx[:, 1].any()


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("type: 'WarpCTCLoss' ctc_loss_param { blank_label: 5 }", "the blank 5 is not one of the 5 classes"),
        ("type: 'CtcLoss' ctc_loss_param { alphabet_size: 4 }", "alphabet_size 4"),
        ("type: 'CtcLoss' ctc_loss_param { time_step: 5 }", "time_step 5"),
    ],
)
def test_bad_settings_of_ctc(layer, words):
    with pytest.raises(LayerError, match=words):
        build(layer, blob("x", *SCORES), blob("label", 3, 2))


def test_a_label_that_is_no_class():
    net = build("type: 'WarpCTCLoss'", blob("x", *SCORES), blob("label", 3, 2))
    set_inputs(net, 0, [[1, 2], [5, 1], [1, 1]])
    with pytest.raises(LayerError, match="label 5 of sequence 1 is not allowed; 0 to 4 without the blank 0 are"):
        net.forward()


def test_greedy_decoder():
    inputs = [blob("p", 5, 3, 4), blob("cont", 5, 3), blob("label", 5, 3)]
    net = build_more("type: 'CTCGreedyDecoder'", ("text", "scores", "accuracy"), *inputs)
    best = np.array([[0, 1, 2], [0, 3, 2], [3, 1, 1], [0, 1, 0], [2, 2, 2]])
    p = np.where(np.arange(4) == best[..., None], 0.7, 0.1)
    cont = np.array([[0, 0, 0], [1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 1, 1]])
    wanted = np.array([[0, 1, 1], [2, 1, -1], [2, 2, -1], [-1, -1, -1], [-1, -1, -1]])
    set_inputs(net, p, cont, wanted)
    net.forward()
    text, scores, accuracy = (top.data for top in net.tops[-1])
    assert text.shape == (3, 5, 1, 1)
    assert text.reshape(3, 5).tolist() == [[0, 0, 2, -1, -1], [1, 1, 2, -1, -1], [2, 1, -1, -1, -1]]
    assert scores.reshape(-1) == pytest.approx([-3.5, -3.5, -2.1])
    # 0 0 2 for 0 2 2: one exchange; 2 1 for 1: one more.
    assert accuracy.reshape(-1) == pytest.approx([1 - (1 / 3 + 0 + 1 / 2) / 3])
    repeated = build(
        "type: 'CTCGreedyDecoder' ctc_decoder_param { ctc_merge_repeated: false blank_index: 0 }", *inputs[:2]
    )
    set_inputs(repeated, p, cont)
    assert forward(repeated).reshape(3, 5).tolist() == [[3, 2, -1, -1, -1], [1, 3, 1, 1, 2], [2, 2, 1, -1, -1]]


def test_continuation_indicator():
    net = build("type: 'ContinuationIndicator' continuation_indicator_param { time_step: 3 batch_size: 2 }")
    assert forward(net).tolist() == [[0, 0], [1, 1], [1, 1]]
    with pytest.raises(LayerError, match="time_step and batch_size must be at least 1"):
        build("type: 'ContinuationIndicator'")


# -- DetectionEvaluate -----------------------------------------------------------------------------------------------

FOUND = [
    # image, class, score, corners
    [1, 2, 0.3, 0.1, 0.1, 0.5, 0.5],
    [0, 1, 0.9, 0.1, 0.1, 0.5, 0.5],
    [0, 1, 0.4, 0.1, 0.1, 0.5, 0.48],
    [0, 1, 0.6, 0.6, 0.6, 0.9, 0.9],
    [0, 2, 0.8, 0.6, 0.6, 0.9, 0.9],
    [-1, -1, -1, -1, -1, -1, -1],
    [1, 1, 0.7, 0.2, 0.2, 0.4, 0.4],
]
TRUTH = [
    # image, class, 0, corners, difficult
    [0, 1, 0, 0.1, 0.1, 0.5, 0.5, 0],
    [0, 1, 0, 0.6, 0.6, 0.9, 0.9, 1],
    [1, 2, 0, 0.5, 0.5, 0.9, 0.9, 0],
    [1, 1, 0, 0.2, 0.2, 0.4, 0.5, 0],
]


@pytest.mark.parametrize(("easy_only", "boxes", "difficult"), [(False, 3, [1, 0]), (True, 2, [0, 0])])
def test_detection_evaluate(easy_only, boxes, difficult):
    settings = f"num_classes: 3 evaluate_difficult_gt: {str(not easy_only).lower()}"
    layer = f"type: 'DetectionEvaluate' detection_evaluate_param {{ {settings} }}"
    net = build(layer, blob("found", 1, 1, 7, 7), blob("truth", 1, 1, 4, 8))
    set_inputs(net, FOUND, TRUTH)
    expected = [
        [-1, 1, boxes, -1, -1],
        [-1, 2, 1, -1, -1],
        [0, 1, 0.9, 1, 0],
        [0, 1, 0.6, *difficult],
        [0, 1, 0.4, 0, 1],  # the true box has been hit already
        [0, 2, 0.8, 0, 1],  # no box of this class
        [1, 1, 0.7, 1, 0],
        [1, 2, 0.3, 0, 1],  # too far away
    ]
    assert forward(net).shape == (1, 1, 8, 5)
    assert net.tops[-1][0].data[0, 0] == pytest.approx(np.array(expected), abs=1e-6)


def test_detection_evaluate_without_boxes():
    layer = "type: 'DetectionEvaluate' detection_evaluate_param { num_classes: 3 }"
    net = build(layer, blob("found", 1, 1, 1, 7), blob("truth", 1, 1, 1, 8))
    set_inputs(net, -1, -1)
    assert forward(net).tolist() == [[[[-1, 1, 0, -1, -1], [-1, 2, 0, -1, -1]]]]
    with pytest.raises(LayerError, match="name_size_file is not supported"):
        build(layer.replace("3 }", "3 name_size_file: 'sizes.txt' }"), blob("a", 1, 1, 1, 7), blob("b", 1, 1, 1, 8))
