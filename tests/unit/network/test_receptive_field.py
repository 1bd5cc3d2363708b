"""Receptive fields: by hand for known nets, and by brute force against gradients for nets made at random."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from cnnvis_caffe.errors import LayerError, NetError, ShapeError, UnknownBlobError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.prototxt import network_from_text, read_network
from cnnvis_caffe.network.dag import build_dag
from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.runtime.net import Net

INPUT = "layer {{ name: 'data' type: 'Input' top: 'data' input_param {{ shape {{ {} }} }} }}\n"


def input_layer(*shape):
    return INPUT.format(" ".join(f"dim: {length}" for length in shape))


def layer(kind, name, bottoms, tops=None, extra=""):
    tops = [name] if tops is None else tops
    ends = "".join(f"bottom: '{b}' " for b in bottoms) + "".join(f"top: '{t}' " for t in tops)
    return f"layer {{ name: '{name}' type: '{kind}' {ends}{extra} }}\n"


def fields(text):
    return ReceptiveFields(build_dag(network_from_text(text)))


def test_lenet_by_hand(repository):
    lenet = ReceptiveFields(build_dag(read_network(repository / "prototxt/lenet/deploy.prototxt")))
    # conv 5x5, pool 2x2 stride 2, conv 5x5, pool 2x2 stride 2.
    assert lenet.boxes("conv1", [3, 7]).tolist() == [3, 7, 8, 12]
    assert lenet.boxes("pool1", [[0, 0], [11, 1]]).tolist() == [[0, 0, 6, 6], [22, 2, 28, 8]]
    assert lenet.boxes("conv2", [7, 0]).tolist() == [14, 0, 28, 14]
    assert lenet.boxes("pool2", [1, 3]).tolist() == [4, 12, 20, 28]
    assert lenet.boxes("ip2").tolist() == [0, 0, 28, 28]
    assert lenet.boxes("ip2").dtype == np.int32
    summary = lenet.summary("pool2")
    assert (summary.size, summary.stride, summary.offset) == ((16, 16), (4.0, 4.0), (7.5, 7.5))
    assert lenet.summary("relu1").is_whole
    assert lenet.inputs("conv2") == ["data"]


def test_alexnet_sizes_are_the_known_ones(repository):
    alexnet = ReceptiveFields(build_dag(read_network(repository / "prototxt/bvlc_alexnet/deploy.prototxt")))
    known = {"conv1": (11, 4), "pool1": (19, 8), "conv2": (51, 8), "conv3": (99, 16), "conv4": (131, 16),
             "conv5": (163, 16), "pool5": (195, 32)}  # fmt: skip
    for name, (size, stride) in known.items():
        summary = alexnet.summary(name)
        assert (summary.size, summary.stride) == ((size, size), (stride, stride)), name


def test_boxes_are_not_clipped_unless_asked(repository):
    quick = ReceptiveFields(build_dag(read_network(repository / "prototxt/cifar10_quick/deploy.prototxt")))
    assert quick.boxes("conv1", [0, 31]).tolist() == [-2, 29, 3, 34]
    assert quick.boxes("conv1", [0, 31], clipped=True).tolist() == [0, 29, 3, 32]
    # pool1 is 3x3 with stride 2 on 32 pixels: its 16th window hangs over by one.
    assert quick.boxes("pool1", [15, 15]).tolist() == [28, 28, 35, 35]
    assert quick.boxes("pool1", [15, 15], clipped=True).tolist() == [28, 28, 32, 32]


def test_channels_of_a_concat_see_what_their_branch_sees(repository):
    googlenet = ReceptiveFields(build_dag(read_network(repository / "prototxt/bvlc_googlenet/deploy.prototxt")))
    # 64 channels of 1x1, 128 of 3x3, 32 of 5x5 and 32 of pooling; positions are 8 pixels apart.
    boxes = googlenet.boxes("inception_3a/output", [5, 5], channels=[0, 64, 192, 224])
    one = googlenet.boxes("pool2/3x3_s2", [5, 5])
    assert boxes[0].tolist() == one.tolist()
    assert (boxes[:, 2] - boxes[:, 0]).tolist() == [27, 27 + 16, 27 + 32, 27 + 16]
    assert googlenet.boxes("inception_3a/output", [5, 5]).tolist() == boxes[2].tolist()


def test_groups_are_told_apart():
    text = input_layer(1, 4, 9, 9)
    text += layer("Slice", "cut", ["data"], ["a", "b"])
    text += layer("Convolution", "wide", ["a"], extra="convolution_param { num_output: 2 kernel_size: 5 pad: 2 }")
    text += layer("Concat", "joined", ["wide", "b"])
    text += layer("Convolution", "out", ["joined"],
                  extra="convolution_param { num_output: 6 kernel_size: 3 group: 2 }")  # fmt: skip
    boxes = fields(text).boxes("out", [2, 2], channels=[0, 2, 3, 5])
    assert boxes.tolist() == [[0, 0, 7, 7]] * 2 + [[2, 2, 5, 5]] * 2


def test_deconvolution_by_hand():
    # Kernel 4, stride 2, pad 1: output i sees inputs j with 2j - 1 <= i <= 2j + 2.
    text = input_layer(1, 1, 5, 5)
    text += layer("Deconvolution", "up", ["data"],
                  extra="convolution_param { num_output: 1 kernel_size: 4 stride: 2 pad: 1 }")  # fmt: skip
    up = fields(text)
    assert up.boxes("up", [[0, 0], [1, 2], [9, 9]]).tolist() == [[-1, -1, 1, 1], [0, 0, 2, 2], [4, 4, 6, 6]]
    assert up.boxes("up", [0, 9], clipped=True).tolist() == [0, 4, 1, 5]
    summary = up.summary("up")
    assert (summary.size, summary.stride, summary.offset) == ((2, 2), (0.5, 0.5), (-0.25, -0.25))


def test_positions_that_see_nothing():
    text = input_layer(1, 1, 3, 3)
    text += layer("Deconvolution", "up", ["data"],
                  extra="convolution_param { num_output: 1 kernel_size: 1 stride: 2 }")  # fmt: skip
    assert fields(text).boxes("up", [[0, 2], [0, 1]]).tolist() == [[0, 1, 1, 2], [0, 0, 0, 0]]


def test_several_inputs_are_asked_for_by_name():
    text = input_layer(1, 1, 8, 8)
    text += "layer { name: 'more' type: 'Input' top: 'more' input_param { shape { dim: 1 dim: 1 dim: 8 dim: 8 } } }\n"
    text += layer("Convolution", "small", ["more"], extra="convolution_param { num_output: 1 kernel_size: 3 pad: 1 }")
    text += layer("Eltwise", "sum", ["data", "small"])
    both = fields(text)
    assert both.inputs("sum") == ["data", "more"]
    assert both.boxes("sum", [4, 4], input="data").tolist() == [4, 4, 5, 5]
    assert both.boxes("sum", [4, 4], input="more").tolist() == [3, 3, 6, 6]
    with pytest.raises(NetError, match="data, more; say which"):
        both.boxes("sum", [4, 4])
    with pytest.raises(UnknownBlobError):
        both.boxes("sum", [4, 4], input="date")


def test_in_place_layers_have_their_own_names():
    text = input_layer(1, 2, 8, 8)
    text += layer("LRN", "norm", ["data"], ["data"], "lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL }")
    text += layer("Pooling", "pool", ["data"], extra="pooling_param { kernel_size: 2 stride: 2 }")
    found = fields(text)
    assert found.boxes("data", [4, 4]).tolist() == [4, 4, 5, 5]
    assert found.boxes("norm", [4, 4]).tolist() == [3, 3, 6, 6]
    assert found.boxes("pool", [1, 1]).tolist() == [1, 1, 5, 5]


def test_mistakes_are_named():
    found = fields(input_layer(1, 2, 8, 8) + layer("ReLU", "relu", ["data"]))
    with pytest.raises(UnknownBlobError, match="did you mean 'relu'"):
        found.boxes("rely", [0, 0])
    with pytest.raises(ShapeError, match="not in it"):
        found.boxes("relu", [0, 8])
    with pytest.raises(ShapeError, match="2 indices"):
        found.boxes("relu", [0, 0, 0])
    with pytest.raises(ShapeError, match="0 to 1"):
        found.boxes("relu", [0, 0], channels=2)


def test_python_layers_are_taken_to_see_everything_and_this_is_said():
    text = input_layer(1, 2, 8, 8)
    text += layer("Python", "mine", ["data"], extra="python_param { module: 'm' layer: 'L' }")
    text += layer("ReLU", "relu", ["mine"])
    found = ReceptiveFields(build_dag(network_from_text(text), input_shapes={"mine": (1, 2, 4, 4)}))
    assert found.boxes("relu", [0, 0]).tolist() == [0, 0, 8, 8]
    assert found.assumed("relu") == ["mine"]
    assert found.assumed("data") == []


# -- brute force -------------------------------------------------------------------------------------------------

# Positive, so that no gradients cancel; with a bias, because the LRN of a zero does not depend on its neighbours.
FILLER = "weight_filler { type: 'uniform' min: 0.5 max: 1 } bias_filler { type: 'constant' value: 1 }"


class RandomNet:
    """Layers added at random as long as the net can be built."""

    def __init__(self, seed):
        self.random = np.random.RandomState(seed)
        self.shapes = {}
        size = [int(n) for n in self.random.randint(6, 14, 2)]
        self.text = "force_backward: true\n" + input_layer(1, 4, *size)
        self.count = 0
        self.measure()
        while self.count < 7:
            self.add()

    def measure(self):
        net = Net(network_from_text(self.text), schema.TEST, run=False)
        self.shapes = {b.name: b.shape for b in net.blobs if "_split_" not in b.name}
        return net

    def add(self):
        self.count += 1
        make = self.choose(
            [self.convolution, self.convolution, self.pooling, self.deconvolution, self.crop, self.concat,
             self.slice, self.eltwise, self.other, self.other]
        )  # fmt: skip
        before = self.text
        self.text += make(f"l{self.count}")
        try:
            net = self.measure()
        except LayerError:
            self.text = before
            return
        if max(max(blob.shape, default=0) for blob in net.blobs) > 40:
            self.text = before
            self.measure()

    def choose(self, items):
        return items[self.random.randint(len(items))]

    def spatial(self):
        names = [name for name, shape in self.shapes.items() if len(shape) == 4]
        return self.choose(names[-4:])

    def windows(self, most):
        r = self.random.randint
        axes = [f"{field}: {r(low, high)}" for field, low, high in most for _ in range(2)]
        return " ".join(axes)

    def convolution(self, name):
        bottom = self.spatial()
        group = self.choose([g for g in (1, 1, 2) if self.shapes[bottom][1] % g == 0])
        sizes = self.windows([("kernel_size", 1, 4), ("stride", 1, 4), ("pad", 0, 4), ("dilation", 1, 4)])
        extra = f"convolution_param {{ num_output: 4 group: {group} {sizes} {FILLER} }}"
        return layer("Convolution", name, [bottom], extra=extra)

    def deconvolution(self, name):
        sizes = self.windows([("kernel_size", 1, 5), ("stride", 1, 4), ("pad", 0, 3), ("dilation", 1, 3)])
        extra = f"convolution_param {{ num_output: 4 group: 2 {sizes} {FILLER} }}"
        return layer("Deconvolution", name, [self.spatial()], extra=extra)

    def pooling(self, name):
        r = self.random.randint
        kernel, pad = r(1, 5, 2), r(0, 3, 2)
        # No gaps between windows: the average of an empty one is 0 / 0.
        stride = [r(1, min(k, 3) + 1) for k in kernel]
        extra = f"kernel_h: {kernel[0]} kernel_w: {kernel[1]} stride_h: {stride[0]} stride_w: {stride[1]} "
        extra += f"pad_h: {min(pad[0], kernel[0] - 1)} pad_w: {min(pad[1], kernel[1] - 1)}"
        # Averages, because the gradient of a maximum shows only one pixel.
        return layer("Pooling", name, [self.spatial()], extra=f"pooling_param {{ pool: AVE {extra} }}")

    def crop(self, name):
        offsets = f"offset: {self.random.randint(4)} offset: {self.random.randint(4)}"
        return layer("Crop", name, [self.spatial(), self.spatial()], extra=f"crop_param {{ {offsets} }}")

    def alike(self, axis):
        one = self.spatial()
        rest = [[n for a, n in enumerate(shape) if a != axis] for shape in self.shapes.values()]
        mine = [n for a, n in enumerate(self.shapes[one]) if a != axis]
        others = [name for name, shape in zip(self.shapes, rest) if shape == mine]
        return [one, *[self.choose(others) for _ in range(self.random.randint(1, 3))]]

    def concat(self, name):
        axis = self.choose([1, 1, 1, 2, 3])
        return layer("Concat", name, self.alike(axis), extra=f"concat_param {{ axis: {axis} }}")

    def slice(self, name):
        axis = self.choose([1, 1, 2, 3])
        bottom = self.spatial()
        point = self.random.randint(1, max(2, self.shapes[bottom][axis]))
        extra = f"slice_param {{ axis: {axis} slice_point: {point} }}"
        return layer("Slice", name, [bottom], [f"{name}a", f"{name}b"], extra)

    def eltwise(self, name):
        return layer("Eltwise", name, self.alike(None))

    def other(self, name):
        bottom = self.spatial()
        kind, extra = self.choose([
            ("LRN", "lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL alpha: 0.5 }"),
            ("LRN", "lrn_param { local_size: 3 alpha: 0.5 }"),
            ("Tile", "tile_param { axis: 2 tiles: 2 }"),
            ("Tile", "tile_param { axis: 1 tiles: 2 }"),
            ("Power", "power_param { power: 2 shift: 1 }"),
            ("Reduction", "reduction_param { axis: 3 }"),
            ("Reshape", "reshape_param { axis: 1 num_axes: 1 shape { dim: 2 dim: -1 } }"),
            ("Reshape", "reshape_param { axis: 2 shape { dim: 1 dim: -1 } }"),
            ("Flatten", "flatten_param { axis: 2 }"),
            ("InnerProduct", f"inner_product_param {{ num_output: 3 axis: 3 {FILLER} }}"),
            ("InnerProduct", f"inner_product_param {{ num_output: 3 {FILLER} }}"),
            ("Pooling", "pooling_param { pool: AVE global_pooling: true }"),
            ("SPP", "spp_param { pool: AVE pyramid_height: 2 }"),
            ("Im2col", "convolution_param { kernel_size: 3 stride: 2 pad: 1 dilation: 2 }"),
            ("Bias", "bias_param { axis: 0 num_axes: 0 }"),
        ])  # fmt: skip
        return layer(kind, name, [bottom], extra=extra)


@pytest.fixture
def one_thread():
    """These nets are so small that threads only wait for each other."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def hulls_by_gradient(net, blob, position, channel):
    """The box of input pixels with a gradient other than zero, for one value of a blob, or for all its channels."""
    for other in net.blobs:
        other.diff[...] = 0
    index = (0, slice(None) if channel is None else channel, *position)
    blob.diff[index] = 1
    if channel is None:
        blob.diff[index] = np.linspace(1, 2, blob.diff[index].size)
    net.backward()
    rows, columns = np.nonzero(np.abs(net.blobs[0].diff).sum((0, 1)))
    return [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1] if len(rows) else [0] * 4


# They turn places into channels or mix axes: behind them a box may be larger than what is seen.
UNTOLD = {"Im2col", "Flatten", "Reshape", "SPP"}


def types_before(dag, index):
    """The types of a layer and of all that it depends on."""
    layer = dag.layers[index]
    return {layer.type}.union(*(types_before(dag, source) for source, _ in layer.sources))


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("seeds", [range(first, first + 20) for first in range(0, 120, 20)])
def test_clipped_boxes_are_the_hulls_of_gradients(seeds):
    n_equal = n_compared = 0
    for seed in seeds:
        made = RandomNet(seed)
        network = network_from_text(made.text)
        net = Net(network, schema.TEST)
        found = ReceptiveFields(build_dag(network))
        random = np.random.RandomState(seed)
        net.blobs[0].data[...] = random.uniform(0.5, 1.5, net.blobs[0].shape)
        net.forward()
        for blob_id, (index, _) in zip(net.output_ids, found.dag.outputs):
            blob = net.blobs[blob_id]
            spatial = list(itertools.product(*map(range, blob.shape[2:])))
            is_exact = not types_before(found.dag, index) & UNTOLD
            for _ in range(4):
                position = spatial[random.randint(len(spatial))]
                for channel in [None, random.randint(blob.shape[1])] if len(blob.shape) > 1 else [None]:
                    wanted = hulls_by_gradient(net, blob, position, channel)
                    got = found.boxes(blob.name, position, channels=channel, clipped=True).tolist()
                    where = seed, blob.name, position, channel, got, wanted, made.text
                    if is_exact:
                        assert got == wanted, where
                        n_equal += 1
                    elif any(wanted):
                        assert got[0] <= wanted[0] and got[1] <= wanted[1], where
                        assert got[2] >= wanted[2] and got[3] >= wanted[3], where
                    n_compared += 1
    assert n_equal > 100
    assert n_compared > 150


def test_unclipped_boxes_are_those_of_a_position_far_from_borders():
    # Chains of windows: in the middle of a large image, unclipped and clipped boxes are the same.
    n_compared = 0
    for seed in range(60):
        random = np.random.RandomState(seed)
        text = input_layer(1, 1, 150, 150)
        name = "data"
        for index in range(4):
            kind = "Convolution" if random.randint(2) else "Pooling"
            kernel, stride, pad = random.randint(2, 5), random.randint(1, 3), random.randint(0, 2)
            sizes = f"kernel_size: {kernel} stride: {stride} pad: {pad}"
            if kind == "Convolution":
                sizes = f"convolution_param {{ num_output: 1 {sizes} dilation: {random.randint(1, 3)} }}"
            else:
                sizes = f"pooling_param {{ {sizes} }}"
            text += layer(kind, f"l{index}", [name], extra=sizes)
            name = f"l{index}"
        found = fields(text)
        height, width = found.dag.shape((4, 0))[2:]
        middle = [height // 2, width // 2]
        box = found.boxes(name, middle)
        if box.min() >= 0 and box.max() <= 150:
            assert box.tolist() == found.boxes(name, middle, clipped=True).tolist()
            first = found.boxes(name, [0, 0])
            assert (box[2:] - box[:2]).tolist() == (first[2:] - first[:2]).tolist()
            n_compared += 1
    assert n_compared > 30
