"""`cnnvis-caffe data`: what it writes, what it says, and what it leaves alone."""

from __future__ import annotations

import contextlib
import os

import numpy as np
import pytest

from cnnvis_caffe import datasets
from cnnvis_caffe.formats.database import open_database
from cnnvis_caffe.formats.datum import parse_datum
from cnnvis_caffe.formats.images import encode_image
from cnnvis_caffe.formats.mean import read_mean

RANDOM = np.random.default_rng(1)


def write_images(folder):
    lines = []
    for index in range(6):
        name = f"{'cat' if index < 2 else 'dog'}/{index}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        image = RANDOM.integers(0, 256, (5, 4 + index % 2, 3), np.uint8)
        (folder / name).write_bytes(encode_image(image, "png"))
        lines.append(f"{name} {index + 10}\n")
    (folder.parent / "list.txt").write_text("".join(lines))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_images(tmp_path / "images")
    return tmp_path


def labels(path):
    return [parse_datum(value).label for _, value in open_database(path)]


def keys(path):
    return [bytes(key).decode() for key, _ in open_database(path)]


def test_digits(call, folder):
    result = call("data", "digits", "made/data")
    lines = ["made/data/digits_train_lmdb: 1500 images", "made/data/digits_test_lmdb: 297 images"]
    assert result.output.splitlines() == lines
    assert keys("made/data/digits_train_lmdb")[1499] == "00001499"
    assert labels("made/data/digits_test_lmdb") == datasets.load("digits", "test").labels.tolist()


def test_a_database_is_replaced_only_by_force(call, folder):
    call("data", "digits", "data")
    before = os.stat("data/digits_train_lmdb/data.mdb").st_ino
    result = call("data", "digits", "data", code=1)
    assert "data/digits_train_lmdb: is there already; delete it, or replace it with --force" in result.output
    assert os.stat("data/digits_train_lmdb/data.mdb").st_ino == before
    call("data", "digits", "data", "--force")
    assert os.stat("data/digits_train_lmdb/data.mdb").st_ino != before


def test_jpeg_copies_are_shuffled_and_called_so(call, folder, monkeypatch):
    pixels = np.zeros((40, 3, 2, 2), np.uint8)
    pixels[:, 0] = 64
    sorted_labels = np.repeat(np.arange(10), 4)

    def load(name, split, progress):
        return datasets.ImageSet(name, split, pixels, sorted_labels, tuple("abcdefghij"), "RGB", "JPEG copies of it")

    monkeypatch.setattr(datasets, "load", load)
    result = call("data", "cifar10", "data")
    assert result.output.splitlines() == [
        "data/cifar10_train_lmdb: 40 images (JPEG copies of it, shuffled)",
        "data/cifar10_test_lmdb: 40 images (JPEG copies of it)",
        "data/cifar10_mean.binaryproto: mean_value of each channel  64  0  0",
    ]
    assert keys("data/cifar10_train_lmdb")[:2] == ["00000", "00001"]
    train = labels("data/cifar10_train_lmdb")
    assert train != sorted(train)
    assert sorted(train) == labels("data/cifar10_test_lmdb") == sorted_labels.tolist()
    np.testing.assert_array_equal(read_mean("data/cifar10_mean.binaryproto"), pixels[0])
    for name in ("cifar10_train_lmdb", "cifar10_test_lmdb"):
        os.rename(f"data/{name}", f"data/old_{name}")
    assert "cifar10_mean.binaryproto: is there already" in call("data", "cifar10", "data", code=1).output


def test_without_network_one_line_says_what_to_get(call, folder, monkeypatch):
    monkeypatch.delenv("CNNVIS_DATA_DIR", raising=False)
    monkeypatch.setattr("cnnvis_caffe.datasets.mnist._URLS", ("http://127.0.0.1:9/mnist/",))
    (said,) = call("data", "mnist", "data", code=1).stderr.splitlines()
    assert "t10k-labels-idx1-ubyte.gz from http://127.0.0.1:9/mnist/ and put them into " in said
    assert said.endswith(f"{folder}/cache/cnnvis_caffe/mnist")
    assert not os.path.exists("data")


def test_the_real_mnist(call, folder, data_dir):
    result = call("data", "mnist", "data")
    lines = ["data/mnist_train_lmdb: 60000 images", "data/mnist_test_lmdb: 10000 images"]
    assert result.output.splitlines() == lines
    assert labels("data/mnist_test_lmdb")[:10] == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_images_of_a_list(call, folder):
    assert call("data", "images", "list.txt", "db", "--root", "images/").output == "db: 6 images\n"
    assert keys("db")[2] == "00000002_dog/2.png"
    assert labels("db") == [10, 11, 12, 13, 14, 15]
    call("data", "images", "list.txt", "grey", "--root", "images/", "--gray", "--resize_height=3", "--resize-width", 7)
    assert {parse_datum(value).pixels().shape for _, value in open_database("grey")} == {(1, 3, 7)}
    shuffle = ("--root", "images/", "--shuffle", "--seed", 3)
    call("data", "images", "list.txt", "shuffled", *shuffle)
    assert labels("shuffled") != labels("db")
    assert sorted(labels("shuffled")) == labels("db")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list.txt", "db"], "cat/0.png: there is no such file"),
        (["list.txt", "db", "--root", "images/", "--check_size"], "cat/1.png: is of size (5, 5, 3)"),
        (["empty.txt", "db"], "empty.txt: names no images"),
        (["list.txt", "images", "--root", "images/"], "images: is there already"),
        (["list.txt", "images", "--root", "images/", "--force"], "images: is not an LMDB and is not overwritten"),
        (["list.txt", "nowhere/db", "--root", "images/"], "nowhere/db: cannot be written"),
    ],
)
def test_lists_that_cannot_be_written(call, folder, arguments, message):
    (folder / "empty.txt").write_text("")
    result = call("data", "images", *arguments, code=1)
    assert message in result.output
    assert len(result.output.splitlines()) == 1
    assert not (folder / "db").exists()


def test_mean(call, folder):
    call("data", "images", "list.txt", "db", "--root", "images/", "--resize_height=3", "--resize_width=2")
    images = np.stack([parse_datum(value).pixels() for _, value in open_database("db")])
    result = call("data", "mean", "db", "mean.binaryproto")
    np.testing.assert_allclose(read_mean("mean.binaryproto"), images.mean(axis=0), rtol=1e-6)
    found = [float(word) for word in result.output.split()[-3:]]
    np.testing.assert_allclose(found, images.mean(axis=(0, 2, 3)), rtol=1e-5)
    assert "db: mean_value" in call("data", "mean", "db").output
    assert "none: there is no such database" in call("data", "mean", "none", code=1).output


def test_export_and_convert_are_each_others_way_back(call, folder):
    assert call("data", "convert", "images", "db").output == "0 cat\n1 dog\ndb: 6 images\n"
    assert labels("db") == [0, 0, 1, 1, 1, 1]
    assert call("data", "export", "db", "out").output == "out: 6 images, listed in images.txt\n"
    call("data", "images", "out/images.txt", "again", "--root", "out/")
    for (_, first), (_, second) in zip(open_database("db"), open_database("again")):
        np.testing.assert_array_equal(parse_datum(first).pixels(), parse_datum(second).pixels())


def test_convert_a_leveldb(call, folder):
    plyvel = pytest.importorskip("plyvel")
    with contextlib.closing(plyvel.DB("level", create_if_missing=True)) as handle:
        handle.put(b"1", b"one")
    assert call("data", "convert", "level", "db").output == "db: 1 records\n"
    assert keys("db") == ["1"]
