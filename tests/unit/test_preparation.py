"""What files beside a deploy network say about preprocessing: found, said and done; else said and left."""

from __future__ import annotations

import logging

import cv2
import numpy as np
import pytest

from cnnvis_caffe.datasets.opening import open_source
from cnnvis_caffe.errors import MeanFileError
from cnnvis_caffe.formats.mean import read_any_mean, write_mean
from cnnvis_caffe.formats.prototxt import read_network
from cnnvis_caffe.preparation.settings import PreparationOptions, prepare

BODY = """
layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 3 } }
layer { name: "ip" type: "InnerProduct" bottom: "conv1" top: "ip" inner_product_param { num_output: 5 } }
"""
DEPLOY = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 6 dim: 7 } } }' + BODY
DATA = """layer {{ name: "{name}" type: "Data" top: "data" top: "label" include {{ phase: {phase} }}
  transform_param {{ {transform} }} data_param {{ source: "gone_lmdb" batch_size: 3 }} }}"""


def train_val(train, test):
    data = DATA.format(name="train", phase="TRAIN", transform=train) + DATA.format(
        name="test", phase="TEST", transform=test
    )
    return data + BODY


@pytest.fixture
def deploy(tmp_path, monkeypatch):
    """A deploy network alone in a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "deploy.prototxt").write_text(DEPLOY)
    return read_network("deploy.prototxt")


def prepared(deploy, caplog, **options):
    caplog.clear()
    with caplog.at_level(logging.WARNING, "cnnvis_caffe"):
        return prepare(deploy, None, (), PreparationOptions(**options))


def test_the_training_network_beside_says_it(deploy, tmp_path, caplog):
    (tmp_path / "net_train.prototxt").write_text(train_val("mirror: true scale: 0.5", "scale: 0.25 mean_value: 104"))
    found = prepared(deploy, caplog)
    assert (found.settings.scale, found.settings.mean_values, found.is_known) == (0.25, (104.0,), True)
    assert (
        "it was trained with --scale 0.25 --mean 104, as net_train.prototxt, layer 'test' says: the same is done here; "
        "--scale 1 feeds the images as they are"
    ) in caplog.text
    asked = prepared(deploy, caplog, scale=1.0)
    assert (asked.settings.scale, asked.settings.mean_values, caplog.text) == (1.0, (), "")


def test_a_solver_names_the_network_elsewhere(deploy, tmp_path, caplog):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "a.txt").write_text(train_val("scale: 0.5", "scale: 0.5"))
    (tmp_path / "solver.prototxt").write_text('net: "nets/a.txt" base_lr: 1')
    assert prepared(deploy, caplog).settings.scale == 0.5


def test_networks_that_disagree_or_are_others_say_nothing(deploy, tmp_path, caplog):
    (tmp_path / "a.prototxt").write_text(train_val("", "scale: 0.25"))
    (tmp_path / "b.prototxt").write_text(train_val("", "scale: 0.5"))
    (tmp_path / "bad.prototxt").write_text("layer { name: ")
    assert not prepared(deploy, caplog).is_known
    (tmp_path / "b.prototxt").unlink()
    (tmp_path / "a.prototxt").write_text(train_val("", "scale: 0.25").replace('"conv1"', '"c"').replace('"ip"', '"i"'))
    found = prepared(deploy, caplog)
    assert (found.settings.scale, found.is_known) == (1.0, False)
    assert "says nothing about preprocessing: the images are fed as they are; give --scale and --mean" in caplog.text


def test_as_they_are_can_be_known(deploy, tmp_path, caplog):
    (tmp_path / "a.prototxt").write_text(train_val("", ""))
    found = prepared(deploy, caplog)
    assert (found.is_known, found.settings.words()) == (True, "as they are")
    assert "it was trained on images as they are, as a.prototxt, layer 'test' says" in caplog.text


def test_a_mean_image_that_is_there_and_one_that_is_not(deploy, tmp_path, caplog):
    (tmp_path / "a.prototxt").write_text(train_val("", 'mean_file: "far/mean.binaryproto"'))
    found = prepared(deploy, caplog)
    assert not found.is_known
    assert "a.prototxt, layer 'test' was trained with --mean far/mean.binaryproto: give these options" in caplog.text
    (tmp_path / "far").mkdir()
    write_mean(tmp_path / "far" / "mean.binaryproto", np.ones((3, 6, 7), np.float32))
    found = prepared(deploy, caplog)
    assert found.is_known and found.settings.mean_image is not None


def test_a_mean_file_alone_is_named(deploy, tmp_path, caplog):
    np.save(tmp_path / "ilsvrc_mean.npy", np.ones((3, 9, 9)))
    assert not prepared(deploy, caplog).is_known
    assert "beside it lies ilsvrc_mean.npy: perhaps --mean ilsvrc_mean.npy" in caplog.text


def test_means_of_numpy(deploy, tmp_path, caplog):
    np.save(tmp_path / "m.npy", np.array([104.0, 117.0, 123.0]))
    assert prepared(deploy, caplog, mean="m.npy").settings.mean_values == (104.0, 117.0, 123.0)
    image = np.random.default_rng(1).uniform(0, 255, (1, 3, 9, 8)).astype(np.float32)
    np.save(tmp_path / "image.npy", image)
    np.testing.assert_array_equal(read_any_mean("image.npy"), image[0])
    # Larger than the input: images are brought to its size, and both are cropped.
    settings = prepared(deploy, caplog, mean="image.npy").settings
    photo = np.random.default_rng(2).integers(0, 256, (9, 8, 3), np.uint8)
    cv2.imwrite("a.png", photo)
    found = open_source("a.png", input_shape=(3, 6, 7), preprocessing=settings).inputs(np.array([0]))[0]
    np.testing.assert_array_equal(found, (photo.transpose(2, 0, 1).astype(np.float32) - image[0])[:, 1:7, 0:7])
    for wrong in (np.ones((2, 2)), np.array(["a"])):
        np.save(tmp_path / "wrong.npy", wrong)
        with pytest.raises(MeanFileError, match=r"wrong\.npy: "):
            read_any_mean("wrong.npy")
