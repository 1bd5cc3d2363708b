"""Images cross to a GPU as bytes, become there what they become on a CPU, and stay there where they fit."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.datum import Datum, serialize_datum
from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime import backend
from cnnvis_caffe.runtime.net import Net
from cnnvis_caffe.runtime.rng import set_random_seed

pytestmark = pytest.mark.gpu
SHAPE = (3, 6, 7)
N_IMAGES = 7


def image(index, shape=SHAPE):
    return np.random.RandomState(index).randint(0, 256, shape).astype(np.uint8)


def write(path, shapes=(SHAPE,) * N_IMAGES):
    with LmdbWriter(path, overwrite=True) as writer:
        for index, shape in enumerate(shapes):
            writer.put(b"%08d" % index, serialize_datum(Datum(*shape, image(index, shape).tobytes(), index)))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Seven images as a database, their mean, and where one runs."""
    write(tmp_path / "db")
    write_mean(tmp_path / "mean.binaryproto", np.random.RandomState(9).uniform(90, 160, SHAPE).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def data_net(transform="", batch_size=3, phase=schema.TRAIN, prefetch=2):
    set_random_seed(5)
    text = f"""layer {{ name: "d" type: "Data" top: "data" top: "label" transform_param {{ {transform} }}
      data_param {{ source: "db" batch_size: {batch_size} backend: LMDB prefetch: {prefetch} }} }}"""
    return Net(network_from_text(text, "net.prototxt"), phase)


def batches(net, n):
    result = []
    for _ in range(n):
        net.forward()
        result.append([blob.data.copy() for blob in net.blobs])
    return result


def assert_same(found, expected):
    for one, other in zip(found, expected):
        for a, b in zip(one, other):
            np.testing.assert_array_equal(a, b)


TRANSFORMS = [
    "",
    "scale: 0.00390625",
    'mirror: true scale: 0.015625 mean_file: "mean.binaryproto"',
    "mean_value: 104 mean_value: 117 mean_value: 123 mirror: true",
    'crop_size: 4 mean_file: "mean.binaryproto"',
    'crop_size: 5 mirror: true scale: 0.3 mean_file: "mean.binaryproto"',
]


@pytest.mark.parametrize("phase", [schema.TRAIN, schema.TEST])
@pytest.mark.parametrize("batch_size", [3, 7, 9])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_values_are_those_of_a_cpu(transform, batch_size, phase, folder, gpu):
    """To the bit, in the first pass and behind it, whatever the batch leaves over."""
    expected = batches(data_net(transform, batch_size, phase), 8)
    backend.require_gpu(0)
    net = data_net(transform, batch_size, phase)
    assert_same(batches(net, 8), expected)
    assert net.layers[0].kind_of_batch == "numbers"


def test_a_second_pass_needs_no_pixels(folder, pretended):
    net = data_net("mirror: true", batch_size=N_IMAGES)
    batches(net, 6)
    pixels, table = N_IMAGES * int(np.prod(SHAPE)), N_IMAGES * 5 * 4
    assert pixels + 6 * table <= pretended.counts.bytes_there <= pixels + 9 * table  # some were loaded ahead


def test_what_does_not_fit_crosses_each_time(folder, gpu, monkeypatch):
    expected = batches(data_net("mirror: true"), 8)
    backend.require_gpu(0)
    monkeypatch.setattr("cnnvis_caffe.runtime.layers.staging.SHARE_FOR_DATA", 0.0)
    net = data_net("mirror: true")
    assert_same(batches(net, 8), expected)
    assert net.layers[0].kind_of_batch == "pixels"


def test_a_run_goes_on_where_it_stopped(folder, gpu):
    """From a place in the first pass, and from one behind it."""
    expected = batches(data_net("mirror: true crop_size: 4"), 9)
    backend.require_gpu(0)
    for n_before in (1, 5):
        net = data_net("mirror: true crop_size: 4")
        batches(net, n_before)
        position = net.layers[0].get_position()
        again = data_net("mirror: true crop_size: 4")
        again.layers[0].set_position(position)
        assert_same(batches(again, 4), expected[n_before:])


def test_images_of_many_sizes_are_cropped_by_the_cpu(folder, gpu):
    write(folder / "db", [(3, 6, 7), (3, 6, 7), (3, 8, 5), (3, 9, 9), (3, 6, 7)])
    expected = batches(data_net("crop_size: 4 mirror: true", batch_size=2), 7)
    backend.require_gpu(0)
    assert_same(batches(data_net("crop_size: 4 mirror: true", batch_size=2), 7), expected)


def test_a_batch_that_was_not_shown_is_shown_next(folder, gpu):
    """Ctrl-C may come between a batch's arrival and the pass over it."""
    expected = batches(data_net(), 4)
    backend.require_gpu(0)
    net = data_net()
    found = batches(net, 2)
    net.layers[0].fetch()
    net.layers[0].fetch()
    assert_same(found + batches(net, 2), expected)
