"""Hidden parts beside a plain loop, and features on another data set, on a LeNet without training."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from cnnvis_caffe import api
from cnnvis_caffe import pycaffe as caffe
from cnnvis_caffe.cli.main import group
from cnnvis_caffe.datasets.opening import OpenedData, as_source
from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.datasets.readers import ArrayReader
from cnnvis_caffe.errors import CnnvisError, DataFileError
from cnnvis_caffe.explanation.correspondence import correspondence, read_part_boxes
from cnnvis_caffe.explanation.options import subject_request
from cnnvis_caffe.explanation.retrain import retrained_accuracy
from cnnvis_caffe.explanation.subject import open_subject
from cnnvis_caffe.explanation.transfer import averaged
from cnnvis_caffe.features.explain.correspondence import random_boxes
from cnnvis_caffe.records.annotations import without_labels

PARTS = "image,part,y0,x0,y1,x1\n" + "".join(
    f"{image},{part},{y},{4 + image},{y + 7},{15 + image}\n"
    for image in (1, 4, 6)
    for part, y in (("top", 2), ("foot", 19))
)


@pytest.fixture(scope="module")
def deploy(repository):
    return str(repository / "prototxt" / "lenet" / "deploy.prototxt")


def call(*words):
    return CliRunner().invoke(group, [str(word) for word in words])


def test_hidden_parts_beside_a_plain_loop(deploy, tmp_path):
    path = tmp_path / "parts.csv"
    path.write_text(PARTS)
    parts = read_part_boxes(path)
    assert parts.images == (1, 4, 6) and parts.parts == ("top", "foot") and parts.boxes.shape == (3, 2, 4)
    subject = open_subject(subject_request(deploy, None, "digits:test", {"scale": 0.00390625}), parts.images)
    found = correspondence(subject, parts, layers=("conv1", "relu1"), n_random=2)
    net, grey = subject.net, 127.5 * 0.00390625

    def features(image, layer):
        subject.scorer().input(1)[...] = image
        net.forward()
        return net.blobs[layer].data[0].astype(np.float64).ravel()

    for number, layer in enumerate(("conv1", "relu1")):
        for part in range(2):
            changes = []
            for image, (y0, x0, y1, x1) in zip(subject.inputs, parts.boxes[:, part]):
                hidden = image.copy()
                hidden[:, y0:y1, x0:x1] = grey
                # What rounding alone changes has no sign.
                change = features(image, layer) - features(hidden, layer)
                changes.append(np.sign(np.where(np.abs(change) > 1e-6, change, 0)))
            expected = [np.mean(changes[i] != changes[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
            np.testing.assert_allclose(found.distance[number, part], expected, atol=0.02)
    assert [row[1] for row in found.rows] == ["top", "foot", "random"] * 2


def test_boxes_in_pixels_of_the_original_images(deploy, tmp_path):
    """Images of twice and three times the network's size, with the same parts: the same numbers."""
    for number, factor in enumerate((2, 3)):
        pixels = np.random.RandomState(number).randint(0, 256, (28, 28)).astype(np.uint8)
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.kron(pixels, np.ones((factor, factor), np.uint8)))
    head = "image,part,y0,x0,y1,x1\n"
    (tmp_path / "input.csv").write_text(head + "0,top,2,4,9,16\n1,top,3,5,11,18\n")
    (tmp_path / "files.csv").write_text(head + "0,top,4,8,18,32\n1,top,9,15,33,54\n")
    by_input = api.correspondence(deploy, None, tmp_path, tmp_path / "input.csv", layers=["conv1"]).found[0]
    options = {"layers": ["conv1"], "original_pixels": True}
    by_files = api.correspondence(deploy, None, tmp_path, tmp_path / "files.csv", **options).found[0]
    assert (by_files.distance == by_input.distance).all() and (by_files.control == by_input.control).all()
    (tmp_path / "wrong.csv").write_text(head + "0,top,4,8,57,32\n1,top,9,15,33,54\n")
    with pytest.raises(CnnvisError, match="which has 56 x 56 pixels"):
        api.correspondence(deploy, None, tmp_path, tmp_path / "wrong.csv", **options)
    with pytest.raises(CnnvisError, match="--original-pixels"):
        api.correspondence(deploy, None, tmp_path, tmp_path / "files.csv", layers=["conv1"])


def test_a_part_in_the_border_that_is_cropped(tmp_path):
    """A mean image larger than the input: 8 of 36 pixels are cut off, 4 at each side."""
    reader = ArrayReader(np.zeros((1, 1, 72, 72), np.uint8), "grey")
    opened = OpenedData("x", (reader,), without_labels(1), are_files=True)
    settings = Preprocessing(mean_image=np.zeros((1, 36, 36), np.float32), mean_name="m")
    source = as_source(opened, reader, (1, 28, 28), settings)
    boxes = np.array([[8, 10, 20, 30], [0, 0, 6, 6]])
    assert source.in_input(boxes, (72, 72)).tolist() == [[0, 1, 6, 11], [-4, -4, -1, -1]]


def test_random_parts_lie_inside():
    boxes = np.array([[[0, 0, 5, 9], [2, 3, 4, 4]], [[1, 1, 20, 30], [0, 0, 1, 1]]])
    found = random_boxes(boxes, 20, 30, 50, seed=1)
    assert found.shape == (2, 50, 4) and (found[..., :2] >= 0).all() and (found[..., 2:] <= (20, 30)).all()
    sizes = {tuple(size) for size in (found[0, :, 2:] - found[0, :, :2]).tolist()}
    assert sizes == {(5, 9), (2, 1)}
    assert (found == random_boxes(boxes, 20, 30, 50, seed=1)).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,part\n1,top\n", "has no column 'y0'"),
        ("image,part,y0,x0,y1,x1\n1,top,2,2,a,4\n", "line 2: image and box must be whole numbers"),
        ("image,part,y0,x0,y1,x1\n1,top,2,2,2,4\n", "line 2: the box 2,2 to 2,4 is empty"),
        ("image,part,y0,x0,y1,x1\n1,top,2,2,3,4\n", "has one image"),
        ("image,part,y0,x0,y1,x1\n1,top,2,2,3,4\n2,foot,2,2,3,4\n", "no box of 'foot' for image 1"),
    ],
)
def test_a_table_of_parts_that_is_wrong(text, said, tmp_path):
    path = tmp_path / "parts.csv"
    path.write_text(text)
    with pytest.raises(DataFileError, match=said):
        read_part_boxes(path)


def test_large_maps_are_averaged_over_parts():
    values = np.arange(2 * 3 * 6 * 8, dtype=np.float32).reshape(2, 3, 6, 8)
    found = averaged(values, 12)
    assert found.shape == (2, 12)
    np.testing.assert_allclose(found[1].reshape(3, 2, 2)[2, 0, 1], values[1, 2, :3, 4:].mean())
    assert (averaged(values, 144) == values.reshape(2, -1)).all()


def test_features_on_another_data_set(deploy, tmp_path):
    words = ["transfer", "--model", deploy, "--random-weights", "--scale", "0.00390625", "--data", "digits:train"]
    few = ["--per-class", "2,5", "--limit", "40", "--repeats", "2", "--layers", "conv1,relu1"]
    out = tmp_path / "transfer.svg"
    result = call(*words, "--test", "digits:test", *few, "--json", "--out", out)
    assert result.exit_code == 0, result.output
    found = json.loads(result.output.splitlines()[-1])
    assert [(row["layer"], row["images per class"]) for row in found] == [
        (layer, count) for layer in ("data", "conv1", "relu1") for count in (2, 5)
    ]
    assert all(0.2 < row["least"] <= row["accuracy"] <= row["most"] <= 1 for row in found)
    assert "accuracy" in out.read_text()
    few_options = {"per_class": [2, 5], "n_test": 40, "n_repeats": 2, "layers": ["conv1", "relu1"], "scale": 0.00390625}
    by_api = api.transfer(deploy, None, "digits:train", "digits:test", **few_options).found[0]
    assert by_api.accuracy.mean(2).ravel().tolist() == [row["accuracy"] for row in found]
    for more, said in (
        (["--per-class", "9999"], "9999 are asked for"),
        (["--layers", "conv9"], "conv9"),
        (["--size", "30,30"], "takes images of 28x28 pixels, not 30x30"),
        (["--per-class", "0,3"], "not a list of numbers above 0"),
    ):
        result = call(*words, "--test", "digits:test", *more)
        assert result.exit_code in (1, 2) and said in result.output


def test_the_last_layer_is_retrained_and_what_is_kept_is_not_done_again(deploy, tmp_path):
    options = {"per_class": [5], "n_test": 60, "n_repeats": 1, "layers": ["conv1"], "scale": 0.00390625}
    keep = tmp_path / "kept"
    found = api.transfer(deploy, None, "digits:train", "digits:test", retrains=True, keep=keep, **options).found[0]
    assert found.layers == ("data", "conv1", "ip2, retrained")
    assert found.accuracy[2, 0, 0] > 0.6  # of ten classes, on the features of a network that was never trained
    files = {path: path.stat().st_mtime_ns for path in keep.iterdir()}
    again = api.transfer(deploy, None, "digits:train", "digits:test", retrains=True, keep=keep, **options).found[0]
    assert (again.accuracy == found.accuracy).all()
    assert {path: path.stat().st_mtime_ns for path in keep.iterdir()} == files and files
    # Other weights are other work.
    api.transfer(deploy, None, "digits:train", "digits:test", retrains=True, keep=keep, seed=9, **options)
    assert len(list(keep.iterdir())) == 2 * len(files)


def test_a_retrained_layer_learns_what_is_there_to_learn():
    random = np.random.default_rng(3)
    classes = np.arange(90) % 3 + 4
    middles = random.normal(size=(3, 17))
    learned, tried = (middles[classes - 4] + random.normal(size=(90, 17)) * 0.1 for _ in range(2))
    assert retrained_accuracy(learned.astype(np.float32), classes, tried.astype(np.float32), classes) == 1


def test_hidden_and_moved_images_go_on_where_they_stopped(deploy, tmp_path):
    hidden = {"at": [1, 4], "size": 12, "stride": 8, "scale": 0.00390625}
    moved = {"at": [1, 4, 6], "transformations": ["rotation"], "amounts": range(0, 70, 10), "scale": 0.00390625}
    for work, options in ((api.occlude, hidden), (api.invariance, moved)):
        keep = tmp_path / work.__name__
        plain = work(deploy, None, "digits:test", **options)
        first = work(deploy, None, "digits:test", keep=keep, **options)
        files = sorted(keep.iterdir())
        assert len(files) == 2  # a file for each image, or for five amounts
        files[0].unlink()
        files[1].write_bytes(files[1].read_bytes()[:100])  # as a full disk leaves it
        third = work(deploy, None, "digits:test", keep=keep, **options)
        fourth = work(deploy, None, "digits:test", keep=keep, **options)
        assert sorted(keep.iterdir()) == files
        for other in (first, third, fourth):
            for a, b in zip(plain.found, other.found):
                a, b = getattr(a, "occlusion", a), getattr(b, "occlusion", b)
                np.testing.assert_allclose(a.probability, b.probability, rtol=1e-4, atol=1e-6)
                assert type(vars(a).get("label")) is type(vars(b).get("label"))
                np.testing.assert_allclose(vars(a).get("distance", 0), vars(b).get("distance", 0), rtol=1e-3, atol=1e-5)


def test_the_command_of_parts(deploy, tmp_path):
    path = tmp_path / "parts.csv"
    path.write_text(PARTS)
    words = ["correspondence", "digits:test", "--parts", path, "--model", deploy, "--random-weights"]
    result = call(*words, "--scale", "0.00390625", "--layers", "conv1", "--csv", tmp_path / "out.csv")
    assert result.exit_code == 0 and "foot" in result.output
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 4
    by_api = api.correspondence(deploy, None, "digits:test", path, scale=0.00390625, layers=["conv1"])
    assert by_api.found[0].parts == ("top", "foot") and by_api._repr_svg_().startswith("<svg")
    assert "leave --at out" in call(*words, "--at", 1).output
    path.write_text(PARTS.replace("19,", "29,").replace("26,", "36,"))
    assert "outside of the image" in call(*words).output


def test_a_network_that_does_not_say_its_size(deploy, repository, tmp_path):
    """Its data layer reads from disk: the weights tell, else --size does."""
    model = repository / "prototxt" / "lenet" / "train_val.prototxt"
    words = ["transfer", "--model", model, "--data", "digits:train", "--test", "digits:test", "--scale", "0.00390625"]
    words += ["--per-class", "2", "--limit", "10", "--repeats", "1", "--layers", "conv1"]
    without = call(*words, "--random-weights")
    assert without.exit_code == 1 and "(--size 28,28)" in without.output
    with_size = call(*words, "--random-weights", "--size", "28")
    assert with_size.exit_code == 0, with_size.output
    weights = tmp_path / "lenet.caffemodel"
    caffe.Net(deploy, caffe.TEST).save(str(weights))
    assert call(*words, "--weights", weights).exit_code == 0
