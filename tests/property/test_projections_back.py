"""Gradient, deconvnet and guided backpropagation on random small nets, beside the same in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import plain_net
from helpers.plain_net import PlainLayer, PlainNet
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnvis_caffe import pycaffe as caffe
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.features.explain.grad_cam import grad_cam, stretched
from cnnvis_caffe.features.explain.integrated_gradients import integrate
from cnnvis_caffe.features.explain.projections import project
from cnnvis_caffe.features.explain.way_back import RULES, WayBack

BLOCKS = (
    "convolution", "grouped", "dilated", "max", "average", "relu", "leaky", "prelu", "lrn", "batch norm", "concat",
    "sum", "maximum", "product", "slice", "dropout", "deconvolution",
)  # fmt: skip


class Face:
    """Nothing but pycaffe's face of a net, as a real Caffe has it."""

    def __init__(self, net) -> None:
        self._net = net

    def __getattr__(self, name):
        if name == "reductions":
            raise AttributeError(name)
        return getattr(self._net, name)


class Builder:
    """Writes a prototxt and the plain net side by side; parameters come from the built net."""

    def __init__(self) -> None:
        self.layers: list[str] = []
        self.plain = PlainNet((2, 7, 8))
        self.n = 0

    def add(self, kind, bottoms, compute, more="", n_tops=1, slope=0.0):
        """Add a layer and return the name of its top."""
        self.n += 1
        name = f"{kind.lower()}{self.n}"
        tops = [name if n_tops == 1 else f"{name}_{i}" for i in range(n_tops)]
        wires = "".join(f' bottom: "{b}"' for b in bottoms) + "".join(f' top: "{t}"' for t in tops)
        self.layers.append(f'layer {{ name: "{name}" type: "{kind}"{wires} {more} }}')
        self.plain.layers.append(PlainLayer(kind, list(bottoms), tops, compute, slope))
        return tops if n_tops > 1 else tops[0]


class Random:
    """Random parameters of a layer, which are put into the net once it is built."""

    def __init__(self, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        self.given: dict[str, list[np.ndarray]] = {}

    def normal(self, *shape):
        return self.draw.normal(size=shape).astype(np.float32)


def block(kind, bottom, shape, build, random):
    """Put a block of layers on a blob of some shape; return its top and that one's shape."""
    channels, height, width = shape

    def weighted(layer, params, bottoms, compute, more, slope=0.0):
        top = build.add(layer, bottoms, compute, more, slope=slope)
        random.given[top] = params
        return top

    def convolution(kernel, n_out=3, stride=1, pad=1, dilation=1, group=1):
        weight, bias = random.normal(n_out, channels // group, kernel, kernel), random.normal(n_out)
        top = weighted(
            "Convolution", [weight, bias], [bottom],
            lambda x: [plain_net.convolve(x, weight, bias, stride, pad, dilation, group)],
            f"convolution_param {{ num_output: {n_out} kernel_size: {kernel} stride: {stride} pad: {pad} "
            f"dilation: {dilation} group: {group} }}",
        )  # fmt: skip
        sizes = [plain_net.windows(length, kernel, stride, pad, dilation) for length in (height, width)]
        return top, (n_out, *sizes)

    if kind == "convolution":
        return convolution(3, stride=2 if height > 5 else 1)
    if kind == "grouped":
        return convolution(2, n_out=2 * channels, pad=0, group=channels) if channels < 4 else convolution(1, pad=0)
    if kind == "dilated":
        return convolution(2, pad=1, dilation=2)
    if kind in ("max", "average"):
        pooling = "MAX" if kind == "max" else "AVE"
        top = build.add(
            "Pooling", [bottom], lambda x: [plain_net.pool(x, pooling, 3, 2, 1)],
            f"pooling_param {{ pool: {pooling} kernel_size: 3 stride: 2 pad: 1 }}",
        )  # fmt: skip
        return top, (channels, *plain_net.pool(np.zeros((1, *shape)), "AVE", 3, 2, 1).shape[2:])
    if kind in ("relu", "leaky"):
        slope = 0.0 if kind == "relu" else 0.3
        more = f"relu_param {{ negative_slope: {slope} }}"
        return build.add("ReLU", [bottom], lambda x: [plain_net.rectify(x, slope)], more, slope=slope), shape
    if kind == "prelu":
        slopes = np.abs(random.normal(channels))
        return weighted("PReLU", [slopes], [bottom], lambda x: [plain_net.rectify(x, slopes)], "", slopes), shape
    if kind == "lrn":
        more = "lrn_param { local_size: 3 alpha: 0.7 beta: 0.75 k: 1.5 }"
        return build.add("LRN", [bottom], lambda x: [plain_net.normalize(x, 3, 0.7, 0.75, 1.5)], more), shape
    if kind == "batch norm":
        mean, variance = random.normal(channels), np.abs(random.normal(channels)) + np.float32(0.1)
        factor, shift = random.normal(channels), random.normal(channels)
        inner = weighted(
            "BatchNorm", [2 * mean, 2 * variance, np.float32([2])], [bottom],
            lambda x: [(x - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]], "",
        )  # fmt: skip
        return weighted(
            "Scale", [factor, shift], [inner],
            lambda x: [x * factor[:, None, None] + shift[:, None, None]], "scale_param { bias_term: true }",
        ), shape  # fmt: skip
    if kind == "concat":
        other, _ = block("leaky", bottom, shape, build, random)
        joined = build.add("Concat", [bottom, other], lambda a, b: [np.concatenate([a, b], 1)])
        return joined, (2 * channels, height, width)
    if kind in ("sum", "maximum", "product"):
        other, _ = block("batch norm", bottom, shape, build, random)
        computes = {
            "sum": lambda a, b: [0.5 * a - 2 * b],
            "maximum": lambda a, b: [np.where(a.real > b.real, a, b)],
            "product": lambda a, b: [a * b],
        }
        more = {"sum": "operation: SUM coeff: 0.5 coeff: -2", "maximum": "operation: MAX", "product": "operation: PROD"}
        return build.add("Eltwise", [bottom, other], computes[kind], f"eltwise_param {{ {more[kind]} }}"), shape
    if kind == "slice":
        if channels < 2:
            return bottom, shape
        first, rest = build.add("Slice", [bottom], lambda x: [x[:, :1], x[:, 1:]], "slice_param { slice_point: 1 }", 2)
        swapped = build.add("Concat", [rest, first], lambda a, b: [np.concatenate([a, b], 1)])
        return swapped, shape
    if kind == "dropout":
        return build.add("Dropout", [bottom], lambda x: [x]), shape
    weight, bias = random.normal(channels, 2, 3, 3), random.normal(2)
    top = weighted(
        "Deconvolution", [weight, bias], [bottom], lambda x: [plain_net.deconvolve(x, weight, bias, 2, 1)],
        "convolution_param { num_output: 2 kernel_size: 3 stride: 2 pad: 1 }",
    )  # fmt: skip
    return top, (2, 2 * (height - 1) + 1, 2 * (width - 1) + 1)


def make(kinds, seed, path):
    """A net of the blocks with an inner product at its end, built and plain."""
    build, random = Builder(), Random(seed)
    top, shape = "data", (2, 7, 8)
    for kind in kinds:
        top, shape = block(kind, top, shape, build, random)
    flat = build.add("Flatten", [top], lambda x: [x.reshape(len(x), -1)])
    weight, bias = random.normal(5, int(np.prod(shape))), random.normal(5)
    random.given[
        build.add(
            "InnerProduct", [flat], lambda x: [x @ weight.T + bias], "inner_product_param { num_output: 5 }"
        )
    ] = [weight, bias]
    head = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 3 dim: 2 dim: 7 dim: 8 } } }\n'
    path.write_text("force_backward: true\n" + head + "\n".join(build.layers))
    net = caffe.Net(str(path), caffe.TEST)
    for name, params in random.given.items():
        for blob, values in zip(net.params[name], params):
            blob.data[...] = values.reshape(blob.data.shape)
    slopes = {layer.tops[0]: layer.slope for layer in build.plain.layers if layer.kind == "ReLU"}
    return net, build.plain, slopes


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("nets") / "net.prototxt"


@settings(max_examples=5)
@given(kinds=st.lists(st.sampled_from(BLOCKS), min_size=2, max_size=5), seed=st.integers(0, 2**31))
def test_random_nets(path, kinds, seed):
    check(kinds, seed, path)


@pytest.mark.parametrize("kind", BLOCKS)
def test_each_block_between_rectifiers(path, kind):
    check(["convolution", "relu", kind, "leaky"], 7, path)


def check(kinds, seed, path):
    """Three rules, for a score and for a neuron in the middle, for two images at once."""
    net, plain, slopes = make(kinds, seed, path)
    images = np.random.default_rng(seed + 1).normal(size=(2, 2, 7, 8)).astype(np.float32)
    middle = plain.layers[len(plain.layers) // 2].tops[0]
    for node, neuron in ((plain.layers[-1].tops[0], 4), (middle, 0)):
        way = WayBack(net, "data", node, slopes)
        for rule in RULES:
            found, aim = project(way, images, neuron, None, rule)
            for number, image in enumerate(images):
                blobs = plain.forward(image)
                largest = np.abs(blobs[node]).max()
                assert aim.activations[number] == pytest.approx(blobs[node][neuron].max(), rel=2e-3, abs=1e-3 * largest)
                signal = np.zeros(blobs[node].shape)
                signal[(neuron, *aim.positions[number])] = 1
                assert (signal == aim.signal[number]).all()
                expected = plain.back(blobs, node, signal, rule)
                scale = max(np.abs(expected).max(), 1e-6)
                np.testing.assert_allclose(found[number], expected, rtol=2e-3, atol=2e-4 * scale)
    # The last rule once more, without what our runtime has beyond pycaffe.
    by_face, _ = project(WayBack(Face(net), "data", node, slopes), images, neuron, None, rule)
    np.testing.assert_allclose(by_face, found, rtol=1e-5, atol=1e-6 * scale)


def test_a_slope_of_1_is_no_rectifier(path):
    net, plain, slopes = make(["convolution", "leaky", "max", "convolution", "leaky"], 3, path)
    text = path.read_text().replace("negative_slope: 0.3", "negative_slope: 1")
    path.write_text(text)
    linear = caffe.Net(str(path), caffe.TEST)
    for name in net.params:
        for old, new in zip(net.params[name], linear.params[name]):
            new.data[...] = old.data
    images = np.random.default_rng(0).normal(size=(3, 2, 7, 8)).astype(np.float32)
    way = WayBack(linear, "data", plain.layers[-1].tops[0], dict.fromkeys(slopes, 1.0))
    gradient, deconvnet, guided = (project(way, images, 2, None, rule)[0] for rule in RULES)
    np.testing.assert_array_equal(deconvnet, gradient)
    np.testing.assert_array_equal(guided, gradient)


def test_what_is_not_there(path):
    net, plain, _ = make(["convolution", "relu"], 1, path)
    images = np.zeros((1, 2, 7, 8), np.float32)
    with pytest.raises(CnnvisError, match="no neuron 3; the layer has the neurons 0 to 2"):
        project(WayBack(net, "data", "relu2"), images, 3)
    with pytest.raises(CnnvisError, match="no position 9,0; row and column go from 0 to 3 and 0 to 3"):
        project(WayBack(net, "data", "relu2"), images, 0, np.array([9, 0]))
    with pytest.raises(CnnvisError, match="'conv'"):
        WayBack(net, "data", "conv")
    way = WayBack(net, "data", "convolution1")
    way.forward(images)
    with pytest.raises(CnnvisError, match="'convolution1' does not depend on 'relu2'"):
        way.back(np.ones((1, 3, 4, 4), np.float32), to="relu2")


def test_grad_cam(path):
    net, plain, slopes = make(["convolution", "leaky", "lrn", "max", "convolution", "relu"], 5, path)
    images = np.random.default_rng(1).normal(size=(3, 2, 7, 8)).astype(np.float32)
    score, layer = plain.layers[-1].tops[0], plain.layers[1].tops[0]
    maps, aim = grad_cam(WayBack(net, "data", score, slopes), images, 3, None, layer)
    for number, image in enumerate(images):
        blobs = plain.forward(image)
        gradient = plain.back(blobs, score, np.eye(5)[3], "gradient", layer)
        weighted = sum(gradient[k].mean() * blobs[layer][k] for k in range(3))
        np.testing.assert_allclose(maps[number], np.maximum(weighted, 0), rtol=1e-3, atol=1e-4)
        assert aim.activations[number] == pytest.approx(blobs[score][3], rel=1e-3)
    assert maps.max() > 0


def test_integrated_gradients(path):
    net, plain, slopes = make(["convolution", "lrn", "average", "product"], 11, path)
    images = np.random.default_rng(2).normal(size=(2, 2, 7, 8)).astype(np.float32)
    start = np.full((2, 7, 8), 0.25, np.float32)
    score = plain.layers[-1].tops[0]
    way = WayBack(net, "data", score, slopes)
    shares, _, errors = integrate(way, images, 1, baseline=start, n_steps=20, batch=7)
    for number, image in enumerate(images):
        total = np.zeros(image.shape)
        for step in (np.arange(60) + 0.5) / 60:  # the plain sum in the middles
            blobs = plain.forward(start + step * (image - start))
            total += plain.back(blobs, score, np.eye(5)[1], "gradient") / 60
        expected = total * (image - start)
        np.testing.assert_allclose(shares[number], expected, rtol=2e-2, atol=2e-3 * np.abs(expected).max())
        difference = plain.forward(image)[score][1] - plain.forward(start)[score][1]
        assert shares[number].sum() == pytest.approx(difference, rel=1e-2)
    assert np.abs(errors).max() < 1e-2


def test_stretching_keeps_the_middles():
    maps = np.arange(6.0).reshape(1, 2, 3)
    large = stretched(maps, 6, 9)[0]
    assert large.shape == (6, 9)
    np.testing.assert_allclose(large[1::3, 1::3], maps[0], rtol=1e-6)
    assert large[0, 0] == 0 and large[5, 8] == 5 and large[1, 2] == pytest.approx(1 / 3)
