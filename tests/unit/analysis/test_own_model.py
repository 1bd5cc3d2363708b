"""A model and images of one's own: folders that name classes, images in any shape, the mean that a network needs."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe import pipeline
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.errors import DataFileError, DataNotFoundError, ParamMismatchError
from cnnvis_caffe.formats.caffemodel import read_caffemodel, write_caffemodel
from cnnvis_caffe.formats.mean import write_mean
from cnnvis_caffe.network.report import inspect_file

NAMES = ("owl", "eel", "cat", "ant", "fox", "dog", "bee", "cow", "elk", "hen")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with images in class folders; grey, of several shapes."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(2)
    for name, n in (("cat", 3), ("dog", 2)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(n):
            picture = rng.integers(0, 256, (30 + index, 41, 1), np.uint8)
            cv2.imwrite(str(tmp_path / "images" / name / f"{index}.png"), picture)
    return tmp_path


def call(*words):
    """What a command prints."""
    result = CliRunner().invoke(group, [*words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def analyze(small, model=None, **options):
    return pipeline.analyze(model or small.deploy, small.weights, "images", "a.h5", **options)


def test_folders_are_classes_by_their_names(folder, small):
    data = analyze(small, classes=NAMES, scale=1.0).data
    assert data.class_names == NAMES
    assert data.class_count.tolist() == [0, 0, 3, 0, 0, 2, 0, 0, 0, 0]


def test_folders_with_other_names_are_classes_by_their_order(folder, small, caplog):
    with caplog.at_level(logging.WARNING, "cnnvis_caffe"):
        data = analyze(small, scale=1.0).data
    assert data.class_names[:3] == ("cat", "dog", "2")
    assert data.class_count.tolist() == [3, 2, 0, 0, 0, 0, 0, 0, 0, 0]
    assert "cat, dog taken for the first 2 of the network's 10 classes" in caplog.text


def test_folders_that_are_not_the_named_classes_are_groups(folder, small, caplog):
    found = analyze(small, classes=list("abcdefghij"), scale=1.0)
    assert "its 2 folders or names (cat, dog) are other names than" in caplog.text
    assert (found.data.class_names, found.data.column) == (("cat", "dog"), "group")
    assert found.data.class_count.tolist() == [3, 2]
    assert np.isnan(found.snapshots[0].error) and np.isnan(found.snapshots[0].loss)


def test_more_folders_than_classes_are_groups(folder, small):
    for name in NAMES:
        Path("images", name).mkdir(exist_ok=True)
    Path("images/gnu").mkdir()
    found = analyze(small, scale=1.0)
    assert (found.data.n_classes, found.data.columns, found.data.columns_are_scores) == (11, "groups", False)
    assert np.isnan(found.snapshots[0].error) and not found.snapshots[0].measures
    cat = found.data.class_index("cat")
    assert np.isfinite(found.snapshots[0].features["conv1"].contribution[:, cat]).all()  # to the class it names
    assert found.snapshots[0].connections["conv1"].gradient is None


def test_a_file_of_names_beside_the_network_names_the_classes(folder, small):
    Path("net.prototxt").write_text(Path(small.deploy).read_text())
    Path("labels.txt").write_text("".join(f"{name}\n" for name in NAMES))
    data = analyze(small, "net.prototxt", scale=1.0).data
    assert data.class_names == NAMES
    assert data.class_count.tolist() == [0, 0, 3, 0, 0, 2, 0, 0, 0, 0]


def test_damaged_images_are_left_out_where_this_is_asked_for(folder, small, caplog):
    Path("images/cat/broken.png").write_bytes(b"no image")
    with pytest.raises(DataFileError, match=r"broken\.png: is not an image"):
        analyze(small, scale=1.0)
    with caplog.at_level(logging.WARNING, "cnnvis_caffe"):
        analysis = analyze(small, scale=1.0, skip_damaged=True)
    assert "1 of 6 images are damaged and left out: images/cat/broken.png: is not an image" in caplog.text
    assert (analysis.data.n_images, analysis.provenance["note"]) == (5, "1 of 6 images are damaged and left out")


def test_a_folder_that_is_no_class_while_others_are(folder, small):
    Path("images/dgo").mkdir()
    with pytest.raises(DataFileError, match="folder 'dgo', which is none of the named classes.*did you mean 'dog'"):
        analyze(small, classes=NAMES, scale=1.0)


def test_the_summary_counts_the_classes_that_have_images(folder, small):
    words = ["analyze", "--model", small.deploy, "--weights", small.weights[0], "--data", "images", "--out", "a.h5"]
    assert "5 images of 2 of 10 classes, " in call(*words, "--scale", "1")
    for path in Path("images/dog").iterdir():
        path.unlink()
    assert "3 images of 1 of 10 classes, " in call(*words, "--scale", "1")


def test_weights_tell_the_shape_that_image_files_are_brought_to(folder, small):
    analysis = analyze(small, small.train_val)
    assert analysis.data.input_shape == (1, 28, 28)
    assert "resized to 28x28" in analysis.data.preprocessing


def test_a_deploy_network_is_told_what_its_weights_were_trained_with(folder, small, caplog):
    weights = read_caffemodel(small.weights[0])
    data = weights.network.layer.add(name="data", type="Data", top=["data"])
    data.transform_param.mean_file, data.transform_param.scale = "far/mean.binaryproto", 0.5
    write_caffemodel("w.caffemodel", weights.network, [*(layer.blobs for layer in weights.layers), ()])
    with caplog.at_level(logging.WARNING, "cnnvis_caffe"):
        pipeline.analyze(small.deploy, "w.caffemodel", "images", "a.h5")
    assert "w.caffemodel was trained with --scale 0.5 --mean far/mean.binaryproto: give these options" in caplog.text
    assert "cnnvis-caffe data mean DATABASE mean.binaryproto" in caplog.text


def test_inspect_says_which_mean_is_needed_and_whether_it_is_there(folder, repository):
    model = repository / "prototxt/cifar10_full/train_val.prototxt"

    def notes():
        found = inspect_file(model)["network"]["notes"]
        return [note for note in found if "mean image" in note]

    (note,) = notes()
    assert note.startswith("cifar: needs the mean image data/cifar10_mean.binaryproto, which is not there in ")
    Path("data").mkdir()
    Path("data/cifar10_mean.binaryproto").write_bytes(b"")
    assert notes() == ["cifar: subtracts the mean image data/cifar10_mean.binaryproto, which is there"]


def test_a_mean_beside_the_prototxt_is_found_from_elsewhere(folder, small, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    model = tmp_path / "model/train_val.prototxt"
    model.write_text(Path(small.train_val).read_text().replace("mean_value: 3", 'mean_file: "mean.binaryproto"'))
    write_mean(tmp_path / "model/mean.binaryproto", np.full((1, 28, 28), 5, np.float32))
    notes = inspect_file(model)["network"]["notes"]
    assert f"digits: subtracts the mean image {tmp_path}/model/mean.binaryproto, which is there" in notes
    assert f"minus the mean image {tmp_path}/model/mean.binaryproto" in analyze(small, model).data.preprocessing
    # Caffe's own place comes first.
    write_mean(tmp_path / "mean.binaryproto", np.full((1, 28, 28), 6, np.float32))
    assert "minus the mean image mean.binaryproto" in analyze(small, model).data.preprocessing


def test_a_mean_that_is_not_there(folder, repository, small):
    with pytest.raises(DataNotFoundError, match=r"say where it is \(--mean\); it is made from the training data by"):
        pipeline.analyze(repository / "prototxt/cifar10_full/train_val.prototxt", None, "images", "a.h5")


def test_the_command_that_compares_weights_can_be_typed(folder, small, zoo_dir):
    other = zoo_dir / "lenet/lenet_iter_10000.caffemodel"
    with pytest.raises(ParamMismatchError) as caught:
        pipeline.analyze(small.deploy, str(other), "images", "a.h5", scale=1.0)
    command = re.search(r"cnnvis-caffe (inspect .*)", str(caught.value)).group(1)
    assert "Weights" in call(*command.split())
