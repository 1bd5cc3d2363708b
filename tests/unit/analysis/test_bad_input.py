"""Everything that does not fit is said in one error, before the work begins, and nothing is written."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from cnnvis_caffe import pipeline
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.errors import (
    CaffemodelError,
    CnnvisError,
    DataFileError,
    DataNotFoundError,
    DeviceError,
    EngineError,
    MeanFileError,
    NetError,
    ParamMismatchError,
    ShapeError,
    StoreError,
    UnknownLayerError,
    UnknownNameError,
)
from cnnvis_caffe.runtime import devices


@pytest.fixture
def bad(small, tmp_path, monkeypatch):
    """Makes the inputs of the tests, and says what analyze does with them."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (6, 28, 28), np.uint8), np.arange(6)
    np.savez(tmp_path / "grey.npz", images=images, labels=labels)
    np.savez(tmp_path / "colour.npz", images=np.stack([images] * 3, 1), labels=labels)
    np.savez(tmp_path / "tiny.npz", images=images[:, :20, :20], labels=labels)
    np.savez(tmp_path / "eleven.npz", images=images, labels=labels * 2)
    np.savez(tmp_path / "unlabelled.npz", images=images)
    np.savez(tmp_path / "halves.npz", images=images, labels=labels / 2)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "grey.npz").read_bytes()[:400])
    (tmp_path / "empty").mkdir()
    shutil.copy(small.train_val, tmp_path)
    (tmp_path / "list.txt").write_text("missing.png 3\n")
    other = small.folder / "other.prototxt"
    other.write_text(Path(small.deploy).read_text().replace("num_output: 6", "num_output: 5"))
    from cnnvis_caffe import pycaffe

    pycaffe.Net(str(other), pycaffe.TEST).save(str(tmp_path / "other.caffemodel"))
    (tmp_path / "cut.caffemodel").write_bytes(Path(small.weights[0]).read_bytes()[:500])
    monkeypatch.chdir(tmp_path)

    def run(**options):
        asked = {"model": small.deploy, "weights": small.weights, "data": "grey.npz", "out": "a.h5", "scale": 1.0}
        before = sorted(os.listdir())
        with pytest.raises(CnnvisError) as caught:
            pipeline.analyze(**{**asked, **options})
        assert sorted(os.listdir()) == before, "something is left behind"
        return caught.value

    return run


CASES = [
    ({"data": "colour.npz"}, ShapeError, "has images of 3x28x28 .*but the network takes 1x28x28"),
    ({"data": "colour.npz", "model": "train_val.prototxt"}, ShapeError,
     "colour.npz has images of 3 channels, but .*small_iter_10.caffemodel was trained on images of 1$"),
    ({"data": "tiny.npz"}, ShapeError, r"has images of 1x20x20 .*smaller than .*resize them \(--resize\)"),
    ({"data": "eleven.npz"}, DataFileError, "has labels up to 10, but the network gives scores for 10 classes"),
    ({"data": "halves.npz"}, DataFileError,
     r"has numbers for each image, but the task .* is 'classes' .* takes one class .* or no labels; .* --task"),
    ({"task": "score"}, NetError, "gives 10 for each image, but the task 'score' takes one number an image"),
    ({"task": "pixels"}, NetError, "the task 'pixels' takes scores for many positions"),
    ({"until": "conv7"}, UnknownLayerError, "no layer 'conv7'"),
    ({"data": "cut.npz"}, DataFileError, "cut.npz"),
    ({"data": "empty"}, DataFileError, "has no images and is not a database"),
    ({"data": "list.txt"}, DataNotFoundError, "missing.png"),
    ({"data": "digits"}, DataNotFoundError, "did you mean digits:train"),
    ({"data": "digits:all"}, UnknownNameError, "no part of digits 'all'"),
    ({"data": "mnits:train"}, UnknownNameError, "no data set 'mnits'; did you mean 'mnist'"),
    ({"data": "nowhere"}, DataNotFoundError, "nowhere: there is no such data; give a data set"),
    ({"weights": "nowhere.caffemodel"}, DataNotFoundError, "nowhere.caffemodel: there is no such file"),
    ({"weights": "other.caffemodel"}, ParamMismatchError,
     r"these are not the weights of .*layer 'ip1': parameter 0 is 5x.* in the file, 6x.* in the network, and 1 more"),
    ({"weights": "cut.caffemodel"}, CaffemodelError, "cut.caffemodel"),
    ({"model": "nowhere.prototxt"}, DataNotFoundError, "nowhere.prototxt: there is no such file"),
    ({"classes": ["a", "b"]}, NetError, "2 class names are given, but the network has 10 classes; name all 10 in"),
    ({"layers": ["conv1", "conv7"]}, UnknownLayerError, "no layer 'conv7'"),
    ({"score": "nothing"}, CnnvisError, "'nothing'"),
    ({"mean": "nowhere.binaryproto"}, DataFileError, "is neither a mean file nor numbers"),
    ({"mean": "grey.npz"}, MeanFileError, "is not a mean image"),
    ({"mean": [1, 2]}, DataFileError, "has 2 values for 1 channels"),
    ({"log": "list.txt"}, DataFileError, "has no line of a training log"),
    ({"log": "nowhere.log"}, DataNotFoundError, "nowhere.log: there is no such file"),
    ({"out": "nowhere/a.h5"}, StoreError, "cannot be written: there is no folder"),
    ({"out": "empty"}, StoreError, "is a folder; name a file"),
    ({"engine": "theano"}, EngineError, "there is no engine 'theano'"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("options", "kind", "pattern"), CASES, ids=lambda value: str(value)[:50])
def test_one_error(bad, options, kind, pattern):
    error = bad(**options)
    assert isinstance(error, kind), repr(error)
    assert re.search(pattern, str(error)), str(error)


def test_nothing_but_an_analysis_is_overwritten(bad, small, tmp_path):
    for name in ("grey.npz", "other.caffemodel", "list.txt"):
        before = Path(name).read_bytes()
        assert "is not an analysis file; it is not overwritten" in str(bad(out=name))
        assert Path(name).read_bytes() == before
    pipeline.analyze(small.deploy, small.weights, "grey.npz", "a.h5", scale=1.0)
    before = Path("a.h5").read_bytes()
    os.chmod("a.h5", 0o444)
    assert "is write-protected" in str(bad())  # root could
    assert Path("a.h5").read_bytes() == before
    os.chmod("a.h5", 0o644)
    pipeline.analyze(small.deploy, small.weights, "grey.npz", "a.h5", scale=1.0, limit=3)
    assert Path("a.h5").read_bytes() != before


def test_a_mean_that_lies_elsewhere(bad, small, tmp_path):
    text = Path(small.train_val).read_text().replace("mean_value: 3", 'mean_file: "gone.binaryproto"')
    (tmp_path / "train_val.prototxt").write_text(text)
    assert "where the network looks for its mean; say where it is (--mean)" in str(bad(model="train_val.prototxt"))


def test_two_snapshots_of_one_iteration(bad, small):
    shutil.copy(small.weights[0], "x_iter_10.caffemodel")
    assert "both of iteration 10" in str(bad(weights=[small.weights[0], "x_iter_10.caffemodel"]))


def test_no_gpu(bad):
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    error = bad(device="cuda")
    assert isinstance(error, DeviceError)
    assert str(error) == f"no GPU can be used: {devices.why_not(devices.look(torch))}; analyse with --device cpu"


@pytest.mark.parametrize(
    "options",
    [{"batch": 0}, {"top": 0}, {"limit": 0}, {"shard": (3, 2)}, {"channel_order": "GRB"}, {"device": "tpu"},
     {"task": "clases"}],
)  # fmt: skip
def test_options_that_mean_nothing(small, tmp_path, options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name} cannot be"):
        pipeline.analyze(small.deploy, None, "digits:test", tmp_path / "a", **options)


def test_networks_that_cannot_be_analysed(bad, tmp_path):
    text = 'layer { name: "a" type: "Input" top: "a" input_param { shape { dim: 2 dim: 1 dim: 28 dim: 28 } } }\n'
    two = text + text.replace('"a"', '"b"')
    ip = 'layer { name: "ip" type: "InnerProduct" bottom: "a" top: "ip" inner_product_param { num_output: 3 } }\n'
    flat = text.replace("dim: 28 dim: 28", "")
    for network, problem in (
        (two + ip, "has no images for the second input, 'b'; give a list with two images a line"),
        (flat + ip, "takes no images"),
    ):
        (tmp_path / "net.prototxt").write_text(network)
        assert problem in str(bad(model="net.prototxt", weights=None)), problem


def test_a_class_without_images_is_one_warning(small, tmp_path, caplog):
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)
    np.savez(tmp_path / "grey.npz", images=images, labels=np.arange(6))
    found = pipeline.analyze(small.deploy, small.weights[0], tmp_path / "grey.npz", tmp_path / "a")
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2
    assert "says nothing about preprocessing" in warnings[0]
    assert "no images of classes '6', '7', '8', '9'; their columns stay empty" in warnings[1]
    mean = found.snapshots[0].features["conv1"].mean
    assert np.isfinite(mean[:, :6]).all() and np.isnan(mean[:, 6:]).all()


def test_on_the_command_line(small, tmp_path):
    from click.testing import CliRunner

    result = CliRunner().invoke(
        group, ["analyze", "--model", small.deploy, "--weights", *small.weights, "--data", "nowhere", "--out",
                str(tmp_path / "a")],
    )  # fmt: skip
    assert result.exit_code == 1
    assert "Error: nowhere: there is no such data" in result.output and "Traceback" not in result.output
