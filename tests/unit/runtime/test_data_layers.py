"""Data layers: bad input, the loading thread, and going on from a position. Numbers are in tests/conformance."""

from __future__ import annotations

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from helpers import programs

from cnnvis_caffe.errors import DataSourceError, LayerError, MissingDependencyError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.datum import Datum, serialize_datum
from cnnvis_caffe.formats.images import encode_image
from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.formats.resume import read_resume, write_resume
from cnnvis_caffe.runtime import ranks
from cnnvis_caffe.runtime.net import Net
from cnnvis_caffe.runtime.rng import set_random_seed
from cnnvis_caffe.runtime.solvers import whereabouts

pytestmark = pytest.mark.usefixtures("mode")
#: Of views that were taken before a pass, which on a GPU do not show it.
on_the_cpu = pytest.mark.parametrize("mode", ["cpu"], indirect=True)

SHAPE = (3, 4, 5)


def image(index, shape=SHAPE):
    return (np.arange(np.prod(shape)) * 7 + index * 11).astype(np.uint8).reshape(shape)


def raw(index, shape=SHAPE, data=None):
    return serialize_datum(Datum(*shape, image(index, shape).tobytes() if data is None else data, index))


def write(path, values):
    with LmdbWriter(path, overwrite=True) as writer:
        for index, value in enumerate(values):
            writer.put(b"%08d" % index, value)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Seven images as a database and as files, and where one runs."""
    write(tmp_path / "db", [raw(index) for index in range(7)])
    lines = []
    for index in range(7):
        (tmp_path / f"{index}.png").write_bytes(encode_image(image(index).transpose(1, 2, 0), "png"))
        lines.append(f"{index}.png {index}\n")
    (tmp_path / "images.txt").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def data_net(transform="", more="", batch_size=3, source="db", phase=schema.TRAIN, run=True):
    text = f"""layer {{ name: "d" type: "Data" top: "data" top: "label" transform_param {{ {transform} }}
      data_param {{ source: "{source}" batch_size: {batch_size} backend: LMDB {more} }} }}"""
    return Net(network_from_text(text, "net.prototxt"), phase, run=run)


def image_net(param="", transform="", batch_size=3):
    text = f"""layer {{ name: "d" type: "ImageData" top: "data" top: "label" transform_param {{ {transform} }}
      image_data_param {{ source: "images.txt" batch_size: {batch_size} {param} }} }}"""
    return Net(network_from_text(text, "net.prototxt"), schema.TRAIN)


def labels(net):
    net.forward()
    return net.blobs[1].data.astype(int).tolist()


def loaders():
    return [thread for thread in threading.enumerate() if thread.name == "cnnvis_caffe data"]


def wait_for_no_loaders():
    deadline = time.monotonic() + 5
    while loaders() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not loaders()


# -- bad input -----------------------------------------------------------------------------------------------------

SAYS_WHERE = r"^net\.prototxt:1: layer 'd' \(Data\): "


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "none"}, r"none: there is no such database in "),
        ({"batch_size": 0}, r"batch_size must be given and at least 1, got 0"),
        ({"more": "prefetch: 0"}, r"data_param.prefetch must be at least 1"),
        ({"transform": "crop_size: 5"}, r"crop_size 5 is larger than an image of height 4 and width 5"),
        ({"transform": 'mean_file: "no"'}, r"transform_param.mean_file: no: there is no such file"),
        ({"transform": 'mean_file: "mean"'}, r"mean_file mean is of 3x5x4 .* but the images are of 3x4x5"),
        ({"transform": 'mean_file: "mean" mean_value: 3'}, r"transform_param has both mean_file and mean_value"),
        ({"transform": "mean_value: 3 mean_value: 4"}, r"transform_param has 2 mean_value for images of 3 channels"),
        ({"transform": 'mean_file: "images.txt"'}, r"transform_param.mean_file: images.txt: is not a mean image"),
    ],
)
def test_what_is_wrong_is_said_when_the_net_is_built(folder, arguments, message):
    write_mean("mean", np.zeros((3, 5, 4), np.float32))
    with pytest.raises(LayerError, match=SAYS_WHERE + message):
        data_net(**arguments)


def test_a_database_that_is_cut_off(folder):
    os.truncate(folder / "db" / "data.mdb", 8192)
    with pytest.raises(DataSourceError, match=SAYS_WHERE + r"db: (is cut off|is not an LMDB|holds no records)"):
        data_net()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (raw(3, data=b"short"), r"holds 5 values for channels x height x width = 3x4x5"),
        (raw(3)[:-5], r"is cut off or damaged"),
        (raw(3, (3, 4, 4)), r"gives values of shape \(3, 4, 4\), but the first image of its batch \(3, 4, 5\)"),
        (serialize_datum(Datum(0, 0, 0, b"no image", 3, None, True)), r"is not an image that OpenCV can decode"),
        (b"", r"holds 0 values"),
    ],
)
def test_a_bad_record_is_named_by_the_forward_that_needs_it(folder, value, message):
    write("db", [*(raw(index) for index in range(4)), value, raw(5), raw(6)])
    net = data_net()
    assert labels(net) == [0, 1, 2]
    for _ in range(2):  # it does not go away, and nothing hangs
        with pytest.raises(DataSourceError, match=SAYS_WHERE + r"db: the record with key '00000004' " + message):
            net.forward()
    assert net.blobs[1].data.tolist() == [0, 1, 2]


def test_an_image_that_goes_missing(folder):
    (folder / "4.png").unlink()
    net = image_net()
    assert labels(net) == [0, 1, 2]
    with pytest.raises(DataSourceError, match=r"layer 'd' \(ImageData\): .*images\.txt, image 5: 4\.png: there is no"):
        net.forward()
    (folder / "4.png").write_bytes((folder / "5.png").read_bytes())
    assert labels(net) == [3, 4, 5]


def test_without_the_library(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises((LayerError, MissingDependencyError), match="needs the package 'lmdb'"):
        data_net()
    net = data_net(run=False)
    assert "needs the package 'lmdb'" in net.problems[0]


def test_a_net_that_is_only_looked_at_does_without_data(folder):
    before = loaders()
    assert data_net(run=False).blobs[0].shape == (3, *SHAPE)
    assert data_net(run=False, transform='mean_file: "not here"').problems == []
    net = data_net(run=False, source="none")
    assert len(net.problems) == 1
    assert "there is no such database" in net.problems[0]
    assert set(loaders()) <= set(before)


def test_images_forced_to_colour_that_are_not_encoded(folder, caplog):
    net = data_net("force_color: true")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            net.forward()
    assert len([record for record in caplog.records if "force_color" in record.message]) == 1


# -- the thread ----------------------------------------------------------------------------------------------------


def test_the_thread_starts_with_the_first_forward_and_ends_with_the_net(folder):
    gc.collect()
    wait_for_no_loaders()
    net = data_net()
    assert not loaders()
    assert labels(net) == [0, 1, 2]
    assert len(loaders()) == 1
    del net
    gc.collect()
    wait_for_no_loaders()


def test_no_more_is_loaded_than_asked_for(folder):
    net = data_net(more="prefetch: 2")
    net.forward()
    loader = net.layers[0]._loader
    deadline = time.monotonic() + 5
    while loader._loaded.qsize() < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)
    assert loader._loaded.qsize() == 2


def test_many_nets_come_and_go(folder):
    for _ in range(50):
        net = data_net("mirror: true", more="prefetch: 1")
        assert labels(net) == [0, 1, 2]
        del net
    gc.collect()
    wait_for_no_loaders()


@on_the_cpu
def test_views_stay_live(folder):
    net = data_net()
    net.forward()
    view = net.blobs[1].data
    for expected in ([3, 4, 5], [6, 0, 1], [2, 3, 4]):
        net.forward()
        assert view.tolist() == expected


SCRIPT = """
import sys, time, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it otherwise
from cnnvis_caffe.formats.prototxt import network_from_text
from cnnvis_caffe.runtime.net import Net
net = Net(network_from_text('''layer {{ name: "d" type: "Data" top: "data" transform_param {{ mirror: true }}
  data_param {{ source: "db" batch_size: 500 backend: LMDB }} }}'''), 0)
net.forward()
print("ready", flush=True)
{end}
"""


@pytest.mark.parametrize(
    ("end", "code"), [("", 0), ("sys.exit(3)", 3), ("while True: net.forward()", None), ("time.sleep(60)", None)]
)
def test_the_process_ends_when_it_should(folder, end, code):
    words = [sys.executable, "-c", SCRIPT.format(end=end)]
    process = programs.start(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        check_the_end(process, code)
    finally:
        process.kill()
        process.communicate()


def check_the_end(process, code):
    """What comes of a process that is interrupted where no exit code is expected."""
    assert process.stdout.readline() == "ready\n"
    if code is None:
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    if code is None:
        assert process.returncode not in (0, -signal.SIGSEGV, -signal.SIGABRT)
        assert errors.rstrip().endswith("KeyboardInterrupt")
    else:
        assert (process.returncode, errors) == (code, "")


def test_an_interrupted_forward_can_be_repeated(folder, monkeypatch):
    gc.collect()
    wait_for_no_loaders()
    net = data_net()
    assert labels(net) == [0, 1, 2]
    loader = net.layers[0]._loader

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(loader, "take", interrupted)
    with pytest.raises(KeyboardInterrupt):
        net.forward()
    assert labels(net) == [3, 4, 5]
    wait = time.monotonic() + 5
    while len(loaders()) > 1 and time.monotonic() < wait:
        time.sleep(0.005)
    assert len(loaders()) == 1


# -- positions -----------------------------------------------------------------------------------------------------

HDF5 = """layer { name: "d" type: "HDF5Data" top: "data" top: "label"
  hdf5_data_param { source: "%s/three_files.txt" batch_size: 3 shuffle: true } }"""
WINDOWS = """layer { name: "d" type: "WindowData" top: "data" top: "label"
  transform_param { crop_size: 6 mirror: true }
  window_data_param { source: "%s/windows.txt" batch_size: 3 root_folder: "%s/" } }"""
FILES = "tests/conformance/data"


def any_net(kind, repository, monkeypatch):
    set_random_seed(5)
    if kind == "Data":
        return data_net("mirror: true crop_size: 2")
    if kind == "ImageData":
        return image_net("shuffle: true rand_skip: 4", "mirror: true crop_size: 3")
    monkeypatch.chdir(repository)
    text = HDF5 % FILES if kind == "HDF5Data" else WINDOWS % (FILES, FILES)
    return Net(network_from_text(text), schema.TRAIN)


@pytest.mark.parametrize("kind", ["Data", "ImageData", "HDF5Data", "WindowData"])
@pytest.mark.parametrize("n_before", [0, 1, 4])
def test_a_position_is_a_place_to_go_on_from(folder, repository, monkeypatch, kind, n_before):
    net = any_net(kind, repository, monkeypatch)
    for _ in range(n_before):
        net.forward()
    position = net.layers[0].get_position()
    assert all(isinstance(value, (str, int, np.ndarray)) for value in position.values())
    position = {key: np.copy(value) if isinstance(value, np.ndarray) else value for key, value in position.items()}

    def batches(net):
        result = []
        for _ in range(7):
            net.forward()
            result.append([blob.data.copy() for blob in net.blobs])
        return result

    expected = batches(net)
    net.layers[0].set_position(position)
    for again in (net, any_net(kind, repository, monkeypatch)):
        again.layers[0].set_position(position)
        for found, wanted in zip(batches(again), expected):
            np.testing.assert_array_equal(found[0], wanted[0])
            np.testing.assert_array_equal(found[1], wanted[1])


@pytest.fixture
def rank():
    """Sets the place among several solvers, until the test is over."""

    def set_rank(number, count):
        ranks.set_solver_rank(number)
        ranks.set_solver_count(count)

    yield set_rank
    set_rank(0, 1)


@pytest.mark.parametrize("kind", ["Data", "HDF5Data"])
@pytest.mark.parametrize("n_ranks", [2, 3])
def test_solvers_that_train_together_deal_out_one_stream(folder, repository, monkeypatch, rank, kind, n_ranks):
    """Record i goes to rank i % n, over all passes; all stand at the same place behind a batch."""
    monkeypatch.chdir(folder if kind == "Data" else repository)

    def read(phase=schema.TRAIN):
        net = data_net(phase=phase) if kind == "Data" else Net(network_from_text(HDF5 % FILES), phase)
        found = []
        for _ in range(5):
            net.forward()
            found.append(net.blobs[1].data.copy())
        return np.concatenate(found), net.layers[0].get_position()

    stream, _ = read()
    places = []
    for number in range(n_ranks):
        rank(number, n_ranks)
        share, place = read()
        places.append({name: np.asarray(value).tolist() for name, value in place.items() if name != "shuffle_random"})
        expected = stream[number::n_ranks]
        np.testing.assert_array_equal(share[: len(expected)], expected)
        np.testing.assert_array_equal(read(schema.TEST)[0], stream)
    assert all(place == places[0] for place in places)


def test_a_run_of_two_devices_goes_on_on_three(folder, rank, tmp_path):
    """Shared data go on where they stood; nobody repeats another one's random numbers."""
    rank(0, 2)
    set_random_seed(5)
    net = data_net("mirror: true")
    net.forward()
    root = whereabouts.collect({"train": net}, 1)
    write_resume(tmp_path / "x.resume", replace(root, others=(replace(root, iter=1),)))
    state = read_resume(tmp_path / "x.resume")
    assert len(state.others) == 1
    rank(2, 3)
    net = data_net("mirror: true")
    before = net.layers[0].get_position()
    whereabouts.restore({"train": net}, state)
    found, wanted = net.layers[0].get_position(), root.positions["train"]["d"]
    assert found["after"] == wanted["after"] != before["after"]
    assert not np.array_equal(found["transform_random"], wanted["transform_random"])
    np.testing.assert_array_equal(found["transform_random"], before["transform_random"])


def test_a_position_in_other_data(folder):
    net = data_net()
    net.layers[0].set_position({"after": b"99".hex()})
    with pytest.raises(DataSourceError, match=SAYS_WHERE + "db: has no record with key b'99'"):
        net.forward()
    images = image_net("shuffle: true")
    position = images.layers[0].get_position()
    (folder / "images.txt").write_text("0.png 0\n")
    shorter = image_net("shuffle: true")
    shorter.layers[0].set_position(position)
    with pytest.raises(DataSourceError, match="has another length now"):
        shorter.forward()


# -- what has no recording -----------------------------------------------------------------------------------------


def test_hdf5_output_writes_four_axes(tmp_path):
    text = f"""layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ dim: 3 dim: 2 }} }} }}
      layer {{ name: "y" type: "Input" top: "y" input_param {{ shape {{ dim: 3 }} }} }}
      layer {{ name: "o" type: "HDF5Output" bottom: "x" bottom: "y"
               hdf5_output_param {{ file_name: "{tmp_path}/out.h5" }} }}"""
    net = Net(network_from_text(text), schema.TEST)
    assert not (tmp_path / "out.h5").exists()
    net.blobs[0].data[...] = np.arange(6).reshape(3, 2)
    net.blobs[1].data[...] = [7, 8, 9]
    net.forward()
    from cnnvis_caffe.formats.hdf5_data import read_arrays

    data, label = read_arrays(tmp_path / "out.h5", ["data", "label"])
    assert (data.shape, label.shape) == ((3, 2, 1, 1), (3, 1, 1, 1))
    assert (data.ravel().tolist(), label.ravel().tolist()) == ([0, 1, 2, 3, 4, 5], [7, 8, 9])


MEMORY = """layer { name: "d" type: "MemoryData" top: "data" top: "label" transform_param { %s }
  memory_data_param { batch_size: 2 channels: 3 height: %d width: %d } }"""


def test_images_added_to_memory_data_are_transformed():
    net = Net(network_from_text(MEMORY % ("crop_size: 2 scale: 0.5 mean_value: 10", 2, 2)), schema.TEST)
    images = np.stack([image(index) for index in range(4)])
    net.layers[0].add_images(images, np.arange(4))
    for start in (0, 2):
        net.forward()
        # The middle of 4 x 5 begins at row 1 and column 1.
        expected = (images[start : start + 2, :, 1:3, 1:3].astype(np.float32) - 10) / 2
        np.testing.assert_array_equal(net.blobs[0].data, expected)
        assert net.blobs[1].data.ravel().tolist() == [start, start + 1]


def test_mirrors_in_memory_data_come_from_one_seed():
    set_random_seed(4)
    net = Net(network_from_text(MEMORY % ("mirror: true", 4, 5)), schema.TEST)
    words = np.random.RandomState(np.random.RandomState(4).randint(0, 2**32, dtype=np.uint32))  # noqa: NPY002
    flips = words.randint(0, 2**32, 4, dtype=np.uint32) % 2
    assert set(flips) == {0, 1}
    images = np.stack([image(index) for index in range(4)])
    net.layers[0].add_images(images, np.arange(4))
    for start in (0, 2):
        net.forward()
        for found, original, flip in zip(net.blobs[0].data, images[start:], flips[start:]):
            np.testing.assert_array_equal(found, original[..., ::-1] if flip else original)


def test_images_that_memory_data_refuses():
    net = Net(network_from_text(MEMORY % ("", 4, 5)), schema.TEST)
    layer = net.layers[0]
    images = np.stack([image(index) for index in range(4)])
    with pytest.raises(LayerError, match="multiple of batch_size 2"):
        layer.add_images(images[:3], np.arange(3))
    with pytest.raises(LayerError, match="memory_data_param says"):
        layer.add_images(images[..., :4], np.arange(4))
    with pytest.raises(LayerError, match="uint8 or float32"):
        layer.add_images(images.astype(int), np.arange(4))
    layer.add_images(images, np.arange(4))
    net.forward()
    with pytest.raises(LayerError, match="not yet shown all images"):
        layer.add_images(images, np.arange(4))
    net.forward()
    layer.add_images(images, np.arange(4))
