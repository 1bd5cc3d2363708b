"""Layers of Caffe's forks, beside plain numpy after the forks' sources, and beside finite differences."""

from __future__ import annotations

import fork_networks
import numpy as np
import pytest
import torch
from helpers.recordings import FORKS
from helpers.single_layer import FORCED, backward, blob, build, check_gradients, forward, normal, set_inputs

from cnnvis_caffe.errors import LayerError, UnsupportedLayerError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.layers import FORK_MODULES, create_layer
from cnnvis_caffe.runtime.layers.boxes import decoded, encoded
from cnnvis_caffe.runtime.net import Net

X = blob("x", 2, 3, 4, 5)


def test_every_layer_says_whose_it_is():
    for kind in FORK_MODULES:
        layer = create_layer(schema.LayerParameter(name="a", type=kind), initialize=False)
        assert layer.fork and type(layer).__doc__ and "Follows" in type(layer).__doc__


def test_a_setting_of_a_fork_that_a_layer_would_pass_over_is_refused():
    with pytest.raises(UnsupportedLayerError, match="dropout_param.scale_train is not a setting of Caffe 1.0"):
        build("type: 'Dropout' dropout_param { scale_train: false }", X)


# -- other order, other size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "axes"),
    [
        ("type: 'Permute' permute_param { order: 0 order: 2 order: 3 order: 1 }", (0, 2, 3, 1)),
        ("type: 'Permute' permute_param { order: 3 order: 0 }", (3, 0, 1, 2)),
        ("type: 'Transpose' transpose_param { dim: 3 dim: 0 dim: 2 dim: 1 }", (3, 0, 2, 1)),
    ],
)
def test_axes_in_another_order(layer, axes):
    net = build(layer, X)
    x, dy = normal(2, 3, 4, 5), normal(*np.empty((2, 3, 4, 5)).transpose(axes).shape, seed=2)
    set_inputs(net, x)
    assert np.array_equal(forward(net), x.transpose(axes))
    ((dx,), _) = backward(net, dy)
    assert np.array_equal(dx.transpose(axes), dy)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("type: 'Permute' permute_param { order: 0 order: 0 }", "must name axes of blob 'x' of shape"),
        ("type: 'Permute' permute_param { order: 4 }", "0 to 3, each at most once"),
        ("type: 'Transpose' transpose_param { dim: 0 dim: 1 }", "must name each axis of blob 'x'"),
        ("type: 'Reverse' reverse_param { axis: 4 }", "axis 4 is out of range"),
        ("type: 'Reorg' reorg_param { stride: 3 }", "channels must be divisible by 9, height and width by 3"),
        ("type: 'Reorg'", "stride must be given"),
        ("type: 'ShuffleChannel' shuffle_channel_param { group: 2 }", "does not divide the channels"),
        ("type: 'Interp' interp_param { pad_beg: 1 zoom_factor: 2 }", "only numbers up to 0"),
        ("type: 'Interp'", "needs a size"),
        ("type: 'Upsample' upsample_param { scale: 0 }", "scales must be at least 1"),
    ],
)
def test_bad_settings_are_one_error(layer, words):
    with pytest.raises(LayerError, match=words):
        build(layer, X)


@pytest.mark.parametrize("axis", [0, 2, -1])
def test_reverse(axis):
    net = build(f"type: 'Reverse' reverse_param {{ axis: {axis} }}", X)
    x, dy = normal(2, 3, 4, 5), normal(2, 3, 4, 5, seed=2)
    set_inputs(net, x)
    assert np.array_equal(forward(net), np.flip(x, axis))
    ((dx,), _) = backward(net, dy)
    assert np.array_equal(dx, np.flip(dy, axis))


def test_shuffle_channel():
    net = build("type: 'ShuffleChannel' shuffle_channel_param { group: 2 }", blob("x", 2, 6, 3, 4))
    x, dy = normal(2, 6, 3, 4), normal(2, 6, 3, 4, seed=2)
    set_inputs(net, x)
    expected = np.empty_like(x)
    for group in range(2):
        for channel in range(3):
            expected[:, channel * 2 + group] = x[:, group * 3 + channel]
    assert np.array_equal(forward(net), expected)
    ((dx,), _) = backward(net, dy)
    assert (dx * x).sum() == pytest.approx((dy * expected).sum(), rel=1e-4, abs=1e-5)


def darknet_reorg(x, stride, reverse):
    """As darknet's loops have it: which value goes where, counted along the flat array."""
    n, c, h, w = x.shape
    source, result, fewer = x.reshape(-1), np.empty(x.size, np.float32), c // stride**2
    for b in range(n):
        for k in range(c):
            for j in range(h):
                for i in range(w):
                    inner = i + w * (j + h * (k + c * b))
                    offset = k // fewer
                    far = i * stride + offset % stride
                    deep = j * stride + offset // stride
                    outer = far + w * stride * (deep + h * stride * (k % fewer + fewer * b))
                    if reverse:
                        result[outer] = source[inner]
                    else:
                        result[inner] = source[outer]
    return result


@pytest.mark.parametrize(("reverse", "top"), [(False, (2, 32, 2, 3)), (True, (2, 2, 8, 12))])
def test_reorg(reverse, top):
    net = build(f"type: 'Reorg' reorg_param {{ stride: 2 reverse: {str(reverse).lower()} }}", blob("x", 2, 8, 4, 6))
    x, dy = normal(2, 8, 4, 6), normal(*top, seed=2)
    set_inputs(net, x)
    y = forward(net)
    assert y.shape == top
    assert np.array_equal(y.reshape(-1), darknet_reorg(x, 2, reverse))
    ((dx,), _) = backward(net, dy)
    assert (dx * x).sum() == pytest.approx((dy * y).sum(), rel=1e-4, abs=1e-4)


def bilinear(x, height, width):
    """Corners on corners, one value at a time."""
    n, c, h, w = x.shape
    result = np.empty((n, c, height, width))
    for i in range(height):
        for j in range(width):
            y = i * (h - 1) / (height - 1) if height > 1 else 0.0
            z = j * (w - 1) / (width - 1) if width > 1 else 0.0
            y0, z0 = int(y), int(z)
            y1, z1 = min(y0 + 1, h - 1), min(z0 + 1, w - 1)
            a, b = y - y0, z - z0
            upper = (1 - b) * x[:, :, y0, z0] + b * x[:, :, y0, z1]
            lower = (1 - b) * x[:, :, y1, z0] + b * x[:, :, y1, z1]
            result[:, :, i, j] = (1 - a) * upper + a * lower
    return result


@pytest.mark.parametrize(
    ("settings", "size", "crop"),
    [
        ("zoom_factor: 3", (10, 13), 0),
        ("shrink_factor: 2", (2, 3), 0),
        ("height: 9 width: 1", (9, 1), 0),
        ("shrink_factor: 2 zoom_factor: 4", (5, 9), 0),
        ("height: 6 width: 7 pad_beg: -1 pad_end: -1", (6, 7), 1),
    ],
)
def test_interp(settings, size, crop):
    net = build(f"type: 'Interp' interp_param {{ {settings} }}", X)
    x = normal(2, 3, 4, 5)
    set_inputs(net, x)
    y = forward(net)
    assert y.shape[2:] == size
    cropped = x[:, :, crop : 4 - crop, crop : 5 - crop]
    assert y == pytest.approx(bilinear(cropped, *size), abs=1e-5)
    check_gradients(net)


def test_interp_takes_the_size_of_a_second_bottom():
    net = build("type: 'Interp'", X, blob("like", 1, 1, 7, 3))
    set_inputs(net, normal(2, 3, 4, 5))
    assert forward(net).shape == (2, 3, 7, 3)


def test_upsample_undoes_a_max_pooling():
    text = (
        f"{FORCED}{blob('x', 2, 3, 6, 8)} layer {{ name: 'p' type: 'Pooling' bottom: 'x' top: 'p' top: 'places' "
        "pooling_param { kernel_size: 2 stride: 2 } }"
        "layer { name: 'y' type: 'Upsample' bottom: 'p' bottom: 'places' top: 'y' upsample_param { scale: 2 } }"
    )
    net = Net(network_from_text(text, allow_unknown=False), schema.TEST)
    x, dy = normal(2, 3, 6, 8), normal(2, 3, 6, 8, seed=2)
    set_inputs(net, x)
    largest = x.reshape(2, 3, 3, 2, 4, 2).max((3, 5)).repeat(2, 2).repeat(2, 3)
    assert np.array_equal(forward(net), np.where(x == largest, x, 0))
    backward(net, dy)
    assert np.array_equal(net.blobs[0].diff, np.where(x == largest, dy, 0))


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ("scale_h: 2 scale_w: 3", (8, 15)),
        ("scale: 2 pad_out_h: true", (7, 10)),
        ("upsample_h: 8 upsample_w: 9", (8, 9)),
        ("", (8, 10)),
    ],
)
def test_sizes_of_upsample(settings, size):
    net = build(f"type: 'Upsample' upsample_param {{ {settings} }}", X, blob("places", 2, 3, 4, 5))
    assert net.tops[-1][0].shape == (2, 3, *size)


def test_upsample_of_one_bottom_repeats():
    net = build("type: 'Upsample' upsample_param { scale: 3 }", X)
    x = normal(2, 3, 4, 5)
    set_inputs(net, x)
    assert np.array_equal(forward(net), x.repeat(3, 2).repeat(3, 3))
    check_gradients(net)


# -- value by value, and normalising ---------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", ["", "relu_param { negative_slope: 0.1 }", "relu6_param { negative_slope: 0.2 }"])
@pytest.mark.parametrize("top", ["y", "x"])
def test_relu6(settings, top):
    text = f"{FORCED}{X} layer {{ name: 'y' type: 'ReLU6' bottom: 'x' top: '{top}' {settings} }}"
    net = Net(network_from_text(text, allow_unknown=False), schema.TEST)
    slope = float(settings.split(":")[1].split("}")[0]) if settings else 0
    x, dy = 5 * normal(2, 3, 4, 5), normal(2, 3, 4, 5, seed=2)
    set_inputs(net, x)
    assert forward(net) == pytest.approx(np.minimum(np.maximum(x, 0) + slope * np.minimum(x, 0), 6), abs=1e-6)
    net.blobs[-1].diff[...] = dy
    net.backward()
    expected = dy * np.where(x >= 6, 0, np.where(x > 0, 1, slope))
    assert net.blobs[0].diff == pytest.approx(expected, abs=1e-6)


def test_axpy():
    net = build("type: 'Axpy'", blob("a", 2, 3, 1, 1), X, blob("b", 2, 3, 4, 5))
    a, x, b = normal(2, 3, 1, 1), normal(2, 3, 4, 5, seed=2), normal(2, 3, 4, 5, seed=3)
    set_inputs(net, a, x, b)
    assert forward(net) == pytest.approx(a * x + b, abs=1e-6)
    check_gradients(net, which=(0, 1, 2))
    with pytest.raises(LayerError, match="needs one factor for each image and channel"):
        build("type: 'Axpy'", blob("a", 2, 3, 2, 1), X, blob("b", 2, 3, 4, 5))


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_normalize(across, shared):
    settings = f"across_spatial: {str(across).lower()} channel_shared: {str(shared).lower()}"
    net = build(f"type: 'Normalize' norm_param {{ {settings} scale_filler {{ value: 1.5 }} }}", X)
    x = normal(2, 3, 4, 5)
    set_inputs(net, x)
    length = np.sqrt((x**2).sum((1, 2, 3) if across else 1, keepdims=True) + 1e-10)
    assert net.layers[-1].blobs[0].shape == (() if shared else (3,))
    assert forward(net) == pytest.approx(1.5 * x / length, rel=1e-5)
    check_gradients(net)


def test_bn_of_segnet():
    net = build("type: 'BN' bn_param { scale_filler { value: 1.5 } shift_filler { value: 0.25 } }", X)
    x = 3 * normal(2, 3, 4, 5) + 1
    set_inputs(net, x)
    mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    assert [param.shape for param in net.layers[-1].blobs] == [(1, 3, 1, 1)] * 2
    assert forward(net) == pytest.approx(1.5 * (x - mean) / np.sqrt(variance) + 0.25, rel=1e-4, abs=1e-5)
    check_gradients(net)
    net = build("type: 'BN' bn_param { bn_mode: INFERENCE }", X)
    set_inputs(net, x)
    scale, shift = normal(1, 3, 1, 1), normal(1, 3, 1, 1, seed=2)
    net.layers[-1].blobs[0].data[...], net.layers[-1].blobs[1].data[...] = scale, shift
    assert forward(net) == pytest.approx(x * scale + shift, rel=1e-5, abs=1e-6)
    check_gradients(net)


def test_bn_of_xiong():
    net = build("type: 'BN' bn_param { momentum: 0.75 eps: 0.1 slope_filler { value: 2 } }", X, phase=schema.TRAIN)
    x = 3 * normal(2, 3, 4, 5) + 1
    set_inputs(net, x)
    mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    assert forward(net) == pytest.approx(2 * (x - mean) / np.sqrt(variance + 0.1), rel=1e-4, abs=1e-5)
    running = [param.data.copy() for param in net.layers[-1].blobs[2:]]
    assert running[0] == pytest.approx(0.25 * mean, rel=1e-4)
    assert running[1] == pytest.approx(0.75 + 0.25 * variance, rel=1e-4)
    check_gradients(net, params=False)
    frozen = build("type: 'BN' bn_param { frozen: true eps: 0.1 }", X, phase=schema.TRAIN)
    set_inputs(frozen, x)
    for param, value in zip(frozen.layers[-1].blobs[2:], running):
        param.data[...] = value
    expected = (x - running[0]) / np.sqrt(running[1] + 0.1)
    assert forward(frozen) == pytest.approx(expected, rel=1e-4, abs=1e-5)
    check_gradients(frozen, params=False)


# -- losses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_weights", [0, 1, 2])
def test_smooth_l1_loss(n_weights):
    inputs = [blob(name, 4, 3) for name in ("a", "b", "inside", "outside")[: 2 + n_weights]]
    net = build("type: 'SmoothL1Loss' smooth_l1_loss_param { sigma: 1.5 }", *inputs)
    arrays = [normal(4, 3, seed=seed) for seed in range(2 + n_weights)]
    set_inputs(net, *arrays)
    difference = (arrays[0] - arrays[1]) * (arrays[2] if n_weights else 1)
    size = np.abs(difference)
    each = np.where(size < 1 / 2.25, 0.5 * 2.25 * difference**2, size - 0.5 / 2.25)
    expected = (each * (arrays[3] if n_weights == 2 else 1)).sum() / 4
    assert forward(net) == pytest.approx(expected, rel=1e-5)
    check_gradients(net, which=(0, 1))


def test_center_loss():
    layer = "type: 'CenterLoss' center_loss_param { num_output: 4 center_filler { type: 'xavier' } } loss_weight: 0.5"
    net = build(layer + " propagate_down: true propagate_down: false", blob("x", 5, 3), blob("label", 5))
    x, labels = normal(5, 3), np.array([2, 0, 2, 3, 2])
    set_inputs(net, x, labels)
    centres = net.layers[-1].blobs[0].data.copy()
    difference = x - centres[labels]
    assert forward(net) == pytest.approx((difference**2).sum() / 5 / 2, rel=1e-5)
    ((dx, _), (moved,)) = backward(net, 0.5)
    assert dx == pytest.approx(0.5 * difference / 5, rel=1e-5)
    expected = np.zeros((4, 3))
    for number in range(4):
        chosen = labels == number
        expected[number] = -difference[chosen].sum(0) / (chosen.sum() + 1)
    assert moved == pytest.approx(expected, rel=1e-5, abs=1e-6)


# -- beside OpenCV 4 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", fork_networks.NETWORKS)
def test_outputs_are_those_of_opencv(name):
    text, blob_name, more = fork_networks.NETWORKS[name]
    net = Net(network_from_text(text, allow_unknown=False), schema.TEST)
    for layer in net.layers:
        for number, param in enumerate(layer.blobs):
            param.data[...] = fork_networks.weights_like(param.shape, 100 + number)
    for key, value in {net.blob_names[net.input_ids[0]]: fork_networks.first_input(name), **more}.items():
        net.blobs[net.blob_names.index(key)].data[...] = value
    net.forward()
    found = net.blobs[net.blob_names.index(blob_name)].data
    expected = np.load(FORKS)[name]
    if blob_name == "found":
        # OpenCV orders by score and fills up with rows of zeros; SSD's own order is by class first.
        assert (np.diff(found[0, 0, :, 1]) >= 0).all()
        found = found[0, 0, np.argsort(-found[0, 0, :, 2], kind="stable")]
        expected = expected[0, 0, : len(found)]
        assert len(found) > 15
    assert found.shape == expected.shape
    assert found == pytest.approx(expected, rel=1e-4, abs=2e-5)


def test_where_nothing_is_found_each_image_has_a_row():
    layer = "type: 'DetectionOutput' detection_output_param { num_classes: 3 confidence_threshold: 0.9 }"
    net = build(layer, blob("loc", 2, 8), blob("conf", 2, 6), blob("prior", 1, 2, 8))
    assert forward(net).tolist() == [[[[0] + [-1] * 6, [1] + [-1] * 6]]]
    with pytest.raises(LayerError, match="2 prior boxes and 3 classes need 16 codes and 12 scores"):
        build(layer, blob("loc", 2, 8), blob("conf", 2, 5), blob("prior", 1, 2, 8))


@pytest.mark.parametrize("code_type", ["CORNER", "CENTER_SIZE", "CORNER_SIZE"])
@pytest.mark.parametrize("is_plain", [True, False])
def test_codes_and_boxes_are_each_others_inverse(code_type, is_plain):
    kind = schema.PriorBoxParameter.CodeType.Value(code_type)
    corners = torch.tensor([[0.1, 0.2, 0.5, 0.4], [0.3, 0.1, 0.9, 0.8]])
    boxes = torch.tensor([[0.15, 0.1, 0.45, 0.6], [0.2, 0.2, 0.7, 0.9]])
    variances = torch.tensor([[0.1, 0.1, 0.2, 0.2]] * 2)
    codes = encoded(corners, variances, boxes, kind, is_plain)
    assert decoded(corners, variances, codes, kind, is_plain).numpy() == pytest.approx(boxes.numpy(), abs=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("", "min_size must be given"),
        ("min_size: 8 max_size: 7", "must have as many values as min_size"),
        ("min_size: 8 variance: 0.1 variance: 0.2", "must be 1 or 4 numbers"),
    ],
)
def test_bad_settings_of_prior_boxes(settings, words):
    with pytest.raises(LayerError, match=words):
        build(f"type: 'PriorBox' prior_box_param {{ {settings} }}", X, blob("image", 1, 3, 30, 40))


# -- SSD's loss ------------------------------------------------------------------------------------------------------


def share(a, b):
    """What two boxes have in common, by hand."""
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    total = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - width * height
    return width * height / total


def multi_box_loss(codes, scores, priors, variances, truth, logistic):
    """One image, one box after another, as SSD's source goes through them."""
    total, n_matched = 0.0, 0
    for image in range(len(codes)):
        boxes = [row for row in truth if row[0] == image]
        shared = np.array([[share(box[3:7], prior) for prior in priors] for box in boxes])
        shared = shared.reshape(len(boxes), len(priors))
        matched = [-1] * len(priors)
        open_boxes = set(range(len(boxes)))
        while open_boxes:
            free = [(shared[b, p], -b, -p) for b in open_boxes for p in range(len(priors)) if matched[p] < 0]
            value, b, p = max(free)
            if value <= 1e-6:
                break
            matched[-p] = -b
            open_boxes.remove(-b)
        for p in range(len(priors)):
            if matched[p] < 0 and len(boxes) and shared[:, p].max() >= 0.5:
                matched[p] = int(shared[:, p].argmax())
        losses = []
        for p in range(len(priors)):
            label = int(boxes[matched[p]][1]) if matched[p] >= 0 else 0
            s = scores[image, p].astype(np.float64)
            if logistic:
                hot = np.arange(len(s)) == label
                losses.append((np.log1p(np.exp(s)) - hot * s).sum())
            else:
                losses.append(np.log(np.exp(s).sum()) - s[label])
        positive = [p for p in range(len(priors)) if matched[p] >= 0]
        far = [p for p in range(len(priors)) if matched[p] < 0 and (not len(boxes) or shared[:, p].max() < 0.5)]
        far = sorted(far, key=lambda p: -losses[p])[: int(len(positive) * 2)]
        total += sum(losses[p] for p in positive + far)
        n_matched += len(positive)
        for p in positive:
            prior, box = priors[p], boxes[matched[p]][3:7]
            size, wanted = prior[2:] - prior[:2], box[2:] - box[:2]
            shift = ((box[:2] + box[2:]) - (prior[:2] + prior[2:])) / 2 / size
            code = np.concatenate([shift, np.log(wanted / size)]) / variances[p]
            difference = np.abs(codes[image, p] - code)
            total += 1.5 * np.where(difference < 1, difference**2 / 2, difference - 0.5).sum()
    return total / max(1, n_matched)


@pytest.mark.parametrize("kind", ["SOFTMAX", "LOGISTIC"])
def test_multi_box_loss(kind):
    settings = f"num_classes: 3 code_type: CENTER_SIZE neg_pos_ratio: 2 loc_weight: 1.5 conf_loss_type: {kind}"
    inputs = [blob("loc", 3, 40), blob("conf", 3, 30), blob("prior", 1, 2, 40), blob("truth", 1, 1, 4, 8)]
    propagate = "propagate_down: true propagate_down: true propagate_down: false propagate_down: false"
    net = build(f"type: 'MultiBoxLoss' multibox_loss_param {{ {settings} }} {propagate}", *inputs)
    random = np.random.default_rng(3)
    corner, size = random.uniform(0, 0.6, (10, 2)), random.uniform(0.1, 0.4, (10, 2))
    priors = np.concatenate([corner, corner + size], 1)
    variances = np.tile([0.1, 0.1, 0.2, 0.2], (10, 1))
    truth = np.zeros((4, 8))
    truth[:, 0], truth[:, 1] = [0, 0, 2, 2], [1, 2, 2, 1]
    truth[:, 3:7] = priors[[1, 4, 4, 7]] + random.uniform(-0.02, 0.02, (4, 4))
    codes, scores = random.standard_normal((3, 10, 4)), random.standard_normal((3, 10, 3))
    set_inputs(net, codes.reshape(3, 40), scores.reshape(3, 30), np.stack([priors, variances]).reshape(1, 2, 40), truth)
    expected = multi_box_loss(codes, scores, priors, variances, truth, kind == "LOGISTIC")
    assert forward(net) == pytest.approx(expected, rel=1e-5)
    check_gradients(net, which=(0, 1))


def test_a_batch_without_boxes_has_no_loss():
    inputs = [blob("loc", 2, 8), blob("conf", 2, 6), blob("prior", 1, 2, 8), blob("truth", 1, 1, 1, 8)]
    layer = "type: 'MultiBoxLoss' multibox_loss_param { num_classes: 3 } "
    net = build(layer + "propagate_down: [true, true, false, false]", *inputs)
    set_inputs(net, 1, 2, 3, -1)
    assert forward(net) == 0


# -- regions ---------------------------------------------------------------------------------------------------------

IMAGES = blob("x", 2, 8, 7, 9)
REGIONS = np.array([[0, 0, 0, 50, 40], [1, 13, 8, 30, 61], [0, 24, 24, 23, 20], [1, 60, 50, 90, 80]], np.float32)


def half_up(value):
    """C's round of what is not negative."""
    return np.floor(np.float32(value) + np.float32(0.5))


def roi_pooled(x, regions, scale, sizes):
    """One bin after another."""
    result = np.zeros((len(regions), x.shape[1], *sizes), np.float32)
    for r, (image, *corners) in enumerate(regions):
        x1, y1, x2, y2 = (half_up(corner * scale) for corner in corners)
        spans = []
        for low, high, n, length in ((y1, y2, sizes[0], x.shape[2]), (x1, x2, sizes[1], x.shape[3])):
            step = np.float32(max(high - low + 1, 1)) / np.float32(n)
            ends = [(int(np.floor(i * step) + low), int(np.ceil((i + 1) * step) + low)) for i in range(n)]
            spans.append([(min(max(a, 0), length), min(max(b, 0), length)) for a, b in ends])
        for i, (top, bottom) in enumerate(spans[0]):
            for j, (left, right) in enumerate(spans[1]):
                if bottom > top and right > left:
                    result[r, :, i, j] = x[int(image), :, top:bottom, left:right].max((1, 2))
    return result


def test_roi_pooling():
    layer = "type: 'ROIPooling' roi_pooling_param { pooled_h: 2 pooled_w: 3 spatial_scale: 0.125 }"
    net = build(layer, IMAGES, blob("r", 4, 5))
    x = normal(2, 8, 7, 9)
    set_inputs(net, x, REGIONS)
    y = forward(net)
    assert np.array_equal(y, roi_pooled(x, REGIONS, 0.125, (2, 3)))
    dy = normal(*y.shape, seed=3)
    ((dx, _), _) = backward(net, dy)
    assert (dx * x).sum() == pytest.approx((dy * y).sum(), rel=1e-4)
    # Of equal values the first place counts, along rows: all gradients of the region go there.
    set_inputs(net, np.zeros_like(x), REGIONS)
    forward(net)
    ((dx, _), _) = backward(net, np.ones_like(y))
    assert dx[0, 0, 0, 0] == 1 and (dx[0, 0] != 0).sum() <= 8


def psroi_pooled(x, regions, scale, n_out, size):
    """One bin after another, in double precision."""
    height, width = x.shape[2:]
    result = np.zeros((len(regions), n_out, size, size))
    for r, (image, *corners) in enumerate(regions):
        x1, y1, x2, y2 = (half_up(corner) for corner in corners)
        tall, wide = max((y2 + 1 - y1) * scale, 0.1), max((x2 + 1 - x1) * scale, 0.1)
        for c in range(n_out):
            for i in range(size):
                for j in range(size):
                    top, bottom = (
                        int(np.floor(i * tall / size + y1 * scale)),
                        int(np.ceil((i + 1) * tall / size + y1 * scale)),
                    )
                    left, right = (
                        int(np.floor(j * wide / size + x1 * scale)),
                        int(np.ceil((j + 1) * wide / size + x1 * scale)),
                    )
                    top, bottom = min(max(top, 0), height), min(max(bottom, 0), height)
                    left, right = min(max(left, 0), width), min(max(right, 0), width)
                    if bottom > top and right > left:
                        window = x[int(image), (c * size + i) * size + j, top:bottom, left:right]
                        result[r, c, i, j] = window.mean(dtype=np.float64)
    return result


def test_psroi_pooling():
    layer = "type: 'PSROIPooling' psroi_pooling_param { spatial_scale: 0.125 output_dim: 2 group_size: 2 }"
    net = build(layer, IMAGES, blob("r", 4, 5))
    x = normal(2, 8, 7, 9)
    set_inputs(net, x, REGIONS)
    y = forward(net)
    assert y == pytest.approx(psroi_pooled(x, REGIONS, 0.125, 2, 2), rel=1e-5, abs=1e-6)
    dy = normal(*y.shape, seed=3)
    ((dx, _), _) = backward(net, dy)
    # The layer is linear in the image.
    assert (dx.astype(np.float64) * x).sum() == pytest.approx((dy.astype(np.float64) * y).sum(), rel=1e-4)
    with pytest.raises(LayerError, match="output_dim 3 and group_size 2 need 12"):
        build(layer.replace("output_dim: 2", "output_dim: 3"), IMAGES, blob("r", 4, 5))


def test_regions_must_be_regions():
    with pytest.raises(LayerError, match="a region is 5 numbers: image, x1, y1, x2, y2"):
        build("type: 'ROIPooling' roi_pooling_param { pooled_h: 2 pooled_w: 3 }", IMAGES, blob("r", 4, 4))


def test_the_page_of_forks_names_every_layer(repository):
    from cnnvis_caffe.formats.upgrade.aliases import DEPTHWISE

    page = (repository / "docs" / "forks.md").read_text(encoding="utf-8")
    first = [row.split("|")[1] for row in page.splitlines() if row.startswith("| `")]
    named = {name for cell in first for name in cell.replace("`", "").replace(" ", "").split(",")}
    assert named == {*FORK_MODULES, *DEPTHWISE}


# -- random channels -------------------------------------------------------------------------------------------------


def test_spatial_dropout_drops_whole_channels():
    layer = "type: 'SpatialDropout' spatial_dropout_param { dropout_ratio: 0.25 }"
    net = build(layer, blob("x", 50, 20, 3, 2), phase=schema.TRAIN)
    x, dy = normal(50, 20, 3, 2), normal(50, 20, 3, 2, seed=2)
    set_inputs(net, x)
    y = forward(net)
    kept = (y != 0).all((2, 3))
    assert np.array_equal(kept, (y != 0).any((2, 3)))
    assert 0.65 < kept.mean() < 0.85
    assert y == pytest.approx(x * kept[..., None, None] / 0.75, rel=1e-6)
    ((dx,), _) = backward(net, dy)
    assert dx == pytest.approx(dy * kept[..., None, None] / 0.75, rel=1e-6)


def test_spatial_dropout_does_nothing_in_tests():
    net = build("type: 'SpatialDropout' spatial_dropout_param { dropout_ratio: 0.25 }", X)
    set_inputs(net, normal(2, 3, 4, 5))
    assert np.array_equal(forward(net), normal(2, 3, 4, 5))
    with pytest.raises(LayerError, match="dropout_ratio must be between 0 and 1, got 1"):
        build("type: 'SpatialDropout' spatial_dropout_param { dropout_ratio: 1 }", X)
