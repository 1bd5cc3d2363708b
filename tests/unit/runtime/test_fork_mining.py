"""R-FCN's layers for mining hard examples and SphereFace's, beside plain numpy and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.single_layer import FORCED, blob, build, check_gradients, forward, normal, set_inputs

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


NORMALIZED = [
    ("", 5),
    ("normalization: FULL", 6),
    ("normalization: BATCH_SIZE", 3),
    ("normalize: false", 3),
    ("normalization: NONE", 1),
    ("normalization: PRE_FIXED pre_fixed_normalizer: 7", 7),
]


@pytest.mark.parametrize(("setting", "divisor"), NORMALIZED)
def test_softmax_with_loss_ohem(setting, divisor):
    layer = f"type: 'SoftmaxWithLossOHEM' loss_param {{ ignore_label: -1 {setting} }} loss_weight: [1, 0, 0]"
    net = build_more(layer, ("y", "each_class", "each"), blob("x", 3, 4, 1, 2), blob("label", 3, 1, 1, 2))
    x, labels = normal(3, 4, 1, 2), np.array([[0, 3], [2, -1], [1, 1]])
    set_inputs(net, x, labels.reshape(3, 1, 1, 2))
    net.forward()
    probabilities = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    each = np.zeros((3, 1, 1, 2))
    for n in range(3):
        for place in range(2):
            if labels[n, place] >= 0:
                each[n, 0, 0, place] = -np.log(probabilities[n, labels[n, place], 0, place])
    loss, softmax, losses = (top.data for top in net.tops[-1])
    assert softmax == pytest.approx(probabilities, rel=1e-5)
    assert losses == pytest.approx(each, rel=1e-5, abs=1e-6)
    assert loss == pytest.approx(each.sum() / divisor, rel=1e-5)
    alone = build(layer.split(" loss_weight")[0], blob("x", 3, 4, 1, 2), blob("label", 3, 1, 1, 2))
    set_inputs(alone, x, labels.reshape(3, 1, 1, 2))
    check_gradients(alone)


def test_plain_softmax_with_loss_takes_a_fixed_normalizer():
    layer = "type: 'SoftmaxWithLoss' loss_param { normalization: PRE_FIXED pre_fixed_normalizer: 7 }"
    net, plain = (build(text, blob("x", 3, 4), blob("label", 3)) for text in (layer, "type: 'SoftmaxWithLoss'"))
    for each in (net, plain):
        set_inputs(each, normal(3, 4), [0, 3, 2])
    assert forward(net) == pytest.approx(forward(plain) * 3 / 7, rel=1e-5)
    check_gradients(net)


@pytest.mark.parametrize(
    ("setting", "divisor"),
    [(setting, 3 if divisor == 5 else divisor) for setting, divisor in NORMALIZED if "FULL" not in setting],
)
@pytest.mark.parametrize("has_weights", [True, False])
def test_smooth_l1_loss_ohem(setting, divisor, has_weights):
    inputs = [blob(name, 3, 8, 1, 1) for name in ("a", "b", "weights")[: 2 + has_weights]]
    layer = f"type: 'SmoothL1LossOHEM' loss_param {{ {setting} }}"
    net = build_more(layer + " loss_weight: [1, 0]", ("y", "each"), *inputs)
    a, b = 2 * normal(3, 8, 1, 1), normal(3, 8, 1, 1, seed=2)
    weights = np.arange(24).reshape(3, 8, 1, 1) % 2
    values = [a, b, weights][: 2 + has_weights]
    set_inputs(net, *values)
    net.forward()
    size = np.abs((a - b) * (weights if has_weights else 1))
    loss = np.where(size < 1, size**2 / 2, size - 0.5)
    assert net.tops[-1][1].data == pytest.approx(loss.sum(1, keepdims=True), rel=1e-5)
    assert net.tops[-1][0].data == pytest.approx(loss.sum() / divisor, rel=1e-5)
    alone = build(layer, *inputs)
    set_inputs(alone, *values)
    check_gradients(alone, which=(0, 1))


def test_box_annotator_ohem():
    layer = "type: 'BoxAnnotatorOHEM' box_annotator_ohem_param { roi_per_img: 2 ignore_label: -7 }"
    inputs = [blob("r", 7, 5, 1, 1), blob("loss", 7, 1, 1, 1), blob("label", 7, 1, 1, 1), blob("w", 7, 4, 1, 1)]
    net = build_more(layer, ("labels", "weights"), *inputs)
    image = np.array([1, 0, 1, 0, 0, 1, 2])
    loss = np.array([0.5, 0.1, 0.9, 0.4, 0.4, 0.7, 0])
    regions = np.concatenate([image[:, None], 10 * np.abs(normal(7, 4))], 1)
    labels, weights = np.arange(7), normal(7, 4)
    shaped = [value.reshape(7, -1, 1, 1) for value in (regions, loss, labels, weights)]
    set_inputs(net, *shaped)
    net.forward()
    kept = np.array([False, False, True, True, True, True, True])
    found_labels, found_weights = (top.data for top in net.tops[-1])
    assert found_labels.reshape(-1).tolist() == np.where(kept, labels, -7).tolist()
    assert found_weights.reshape(7, 4) == pytest.approx(np.where(kept[:, None], weights, 0))
    net.backward()
    assert not net.blobs[1].diff.any()
    with pytest.raises(LayerError, match="must belong together"):
        build_more(layer, ("labels", "weights"), *inputs[:3], blob("w", 6, 4, 1, 1))
    with pytest.raises(LayerError, match="roi_per_img must be given"):
        build_more("type: 'BoxAnnotatorOHEM'", ("labels", "weights"), *inputs)


# -- SphereFace ------------------------------------------------------------------------------------------------------


def psi(cosine, margin):
    """(-1)^k cos(m t) - 2 k, by the angle itself."""
    angle = np.arccos(cosine)
    period = int(angle * margin / np.pi)
    return (-1) ** period * np.cos(margin * angle) - 2 * period


@pytest.mark.parametrize(("kind", "margin"), [("SINGLE", 1), ("DOUBLE", 2), ("TRIPLE", 3), ("QUADRUPLE", 4)])
def test_margin_inner_product(kind, margin):
    settings = f"num_output: 4 type: {kind} base: 100 gamma: 0.5 power: 2 lambda_min: 1.5 iteration: 3"
    layer = f"type: 'MarginInnerProduct' margin_inner_product_param {{ {settings} weight_filler {{ type: 'xavier' }} }}"
    net = build_more(layer, ("y", "lambda"), blob("x", 6, 3), blob("label", 6))
    x, labels = normal(6, 3), np.array([3, 1, 0, 2, 2, 1])
    set_inputs(net, x, labels)
    before = net.layers[-1].blobs[0].data.copy()
    net.forward()
    weight = before / np.linalg.norm(before, axis=1, keepdims=True)
    factor = max(1.5, 100 * (1 + 0.5 * 4) ** -2)
    expected = x @ weight.T
    for n in range(6 if margin > 1 else 0):
        norm = np.linalg.norm(x[n])
        cosine = expected[n, labels[n]] / norm
        expected[n, labels[n]] = (norm * psi(cosine, margin) + factor * expected[n, labels[n]]) / (1 + factor)
    assert net.layers[-1].blobs[0].data == pytest.approx(weight, rel=1e-5)
    assert net.tops[-1][0].data == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert net.tops[-1][1].data == pytest.approx(factor)
    dy = normal(6, 4, seed=4)
    net.tops[-1][0].diff[...] = dy
    net.clear_param_diffs()
    net.backward()
    assert net.layers[-1].blobs[0].diff == pytest.approx(dy.T @ x, rel=1e-4, abs=1e-5)
    dx = dy @ weight
    for n in range(6 if margin > 1 else 0):
        right, norm, step = weight[labels[n]], np.linalg.norm(x[n]), 1e-4
        cosine = float(x[n] @ right / norm)
        slope = (psi(cosine + step, margin) - psi(cosine - step, margin)) / (2 * step)
        pair = np.array([slope, (psi(cosine, margin) - slope * cosine) / norm])
        pair /= np.linalg.norm(pair)
        dx[n] += dy[n, labels[n]] * (pair[0] * right + pair[1] * x[n] - right) / (1 + factor)
    assert net.blobs[0].diff == pytest.approx(dx, rel=1e-3, abs=1e-4)


def test_margin_inner_product_needs_labels_in_range():
    layer = "type: 'MarginInnerProduct' margin_inner_product_param { num_output: 4 type: DOUBLE }"
    net = build(layer, blob("x", 2, 3), blob("label", 2))
    set_inputs(net, normal(2, 3), [0, 4])
    with pytest.raises(LayerError, match="label 4 at .* is out of range"):
        net.forward()
    with pytest.raises(LayerError, match="3 labels in bottom 'label'"):
        build(layer, blob("x", 2, 3), blob("label", 3))
