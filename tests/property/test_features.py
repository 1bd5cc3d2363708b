"""Shards in any order are one pass; boxes hold all that matters to a response, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnvis_caffe.network.receptive_field import ReceptiveFields
from cnnvis_caffe.runtime.backend import torch
from tests.helpers.extractions import BRANCHES, CHAIN, ENGINES, Analysed, assert_same, feed, rounded, whole_numbers

N = 30


@pytest.fixture(autouse=True)
def one_thread():
    """These nets are so small that threads only wait for each other."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def passes():
    """Nets, images, labels, and what one pass over them finds."""
    result = {}
    for name, text in (("chain", CHAIN), ("branches", BRANCHES)):
        for engine in ENGINES:
            analysed = Analysed(text, engine)
            rounded(analysed.net)
            images = whole_numbers((N, *analysed.net.blobs["data"].shape[1:]))
            images[5] = images[21]  # equal responses, to be put in order by the image
            labels = np.random.RandomState(2).randint(0, 4, N)
            whole = feed(analysed.extraction(contributions="all", top=4), images, labels, batch=N).finish()
            result[name, engine] = analysed, images, labels, whole
    return result


@given(data=st.data())
@settings(max_examples=6)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["chain", "branches"])
def test_shards_in_any_order_are_one_pass(passes, name, engine, data):
    analysed, images, labels, whole = passes[name, engine]
    n_shards = data.draw(st.integers(1, 4))
    owner = np.array(data.draw(st.lists(st.integers(0, n_shards - 1), min_size=N, max_size=N)))
    shards = []
    for shard in range(n_shards):
        indices = data.draw(st.permutations(np.flatnonzero(owner == shard).tolist()))
        extraction = analysed.extraction(contributions="all", top=4)
        cut = data.draw(st.integers(0, len(indices)))
        feed(extraction, images, labels, np.array(indices[:cut], int), data.draw(st.integers(1, 9)))
        if data.draw(st.booleans()):  # interrupted, and gone on with in another process
            state = {key: array.copy() for key, array in extraction.state().items()}
            extraction = analysed.extraction(contributions="all", top=4)
            extraction.restore(state)
        shards.append(feed(extraction, images, labels, np.array(indices[cut:], int), data.draw(st.integers(1, 9))))
    order = data.draw(st.permutations(range(n_shards)))
    first = shards[order[0]]
    for other in order[1:]:
        first.merge(shards[other])
    assert_same(whole, first.finish(), rtol=1e-6)


def window_net(random, is_branching):
    """A net of windows with positive weights in general position."""
    text = "layer { name: 'in' type: 'Input' top: 'data' input_param { shape { dim: 1 dim: 2 dim: 17 dim: 15 } } }\n"
    fill = "weight_filler { type: 'uniform' min: 0.5 max: 1 }"

    def convolution(name, bottom, kernel, stride, pad):
        window = f"kernel_size: {kernel} stride: {stride} pad: {pad}"
        return (
            f"layer {{ name: '{name}' type: 'Convolution' bottom: '{bottom}' top: '{name}' "
            f"convolution_param {{ num_output: 3 {window} {fill} }} }}\n"
        )

    bottom = "data"
    for number in range(random.randint(1, 4)):
        kernel, pad = random.randint(1, 4), random.randint(0, 2)
        stride = random.randint(1, min(kernel, 2) + 1)
        text += convolution(f"c{number}", bottom, kernel, stride, min(pad, kernel - 1))
        bottom = f"c{number}"
        if random.rand() < 0.5:
            window = f"kernel_size: {random.randint(2, 4)} stride: {random.randint(1, 3)}"
            text += f"layer {{ name: 'p{number}' type: 'Pooling' bottom: '{bottom}' top: 'p{number}' "
            text += f"pooling_param {{ pool: AVE {window} }} }}\n"
            bottom = f"p{number}"
    if is_branching:
        text += convolution("left", bottom, 1, 1, 0) + convolution("right", bottom, 3, 1, 1)
        joint = random.choice(["Concat", "Eltwise"])
        text += f"layer {{ name: 'joint' type: '{joint}' bottom: 'left' bottom: 'right' top: 'joint' }}\n"
        bottom = "joint"
    text += f"layer {{ name: 'last' type: 'TanH' bottom: '{bottom}' top: 'last' }}\n"
    text += "layer { name: 'fc' type: 'InnerProduct' bottom: 'last' top: 'fc' "
    return text + f"inner_product_param {{ num_output: 3 {fill} }} }}\n"


@given(seed=st.integers(0, 10**6), is_branching=st.booleans())
@settings(max_examples=12)
def test_boxes_hold_what_matters_and_no_more(seed, is_branching):
    random = np.random.RandomState(seed)
    analysed = Analysed(window_net(random, is_branching), seed=seed % 1000 + 1)
    images = random.uniform(0.001, 0.002, (6, 2, 17, 15)).astype(np.float32)
    found = feed(analysed.extraction(top=1, contributions="none", gradients=False), images, np.arange(6) % 3).finish()
    net = analysed.net
    for blob in (net.blobs["data"], net.blobs["label"]):
        blob.reshape(1, *blob.shape[1:])
    net.reshape()

    def response(image):
        net.blobs["data"].data[0] = image
        net.forward()
        plane = net.blobs[name].data[0, neuron]
        return plane[row, column] if plane.ndim else plane

    fields = ReceptiveFields(analysed.dag)
    for name in ("c0", "last", "fc"):
        features = found.features[name]
        for neuron in range(features.n_neurons):
            image = images[features.top_image[neuron, 0]]
            row, column = features.top_position[neuron, 0]
            box = features.top_box[neuron, 0]
            start, end = np.maximum(box[:2], 0), np.maximum(box[2:], 0)
            inside = np.zeros(image.shape, bool)
            inside[:, start[0] : end[0], start[1] : end[1]] = True
            before = response(image)
            outside = np.where(inside, image, random.uniform(-5, 5, image.shape).astype(np.float32))
            assert response(outside) == before, (name, neuron)

            # A box lies as if every blob went on beyond its borders. Where a window hangs over the border of a blob
            # in between, nothing is seen there: such a side is not one of the clipped box.
            where = [row, column] if analysed.node(name).positions else []
            clipped = fields.boxes(name, where, channels=neuron, clipped=True)
            for number in np.flatnonzero((box == clipped) & (end > start).all()):
                axis, is_end = number % 2 + 1, number >= 2
                side = np.arange(image.shape[axis]) == box[number] - is_end
                on_side = inside & np.expand_dims(side, (0, 3 - axis))
                assert response(np.where(on_side, image + 1, image)) != before, (name, neuron, number)
