"""Sources of images: the same images from arrays, databases, folders, lists and files; geometry and values."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest

from cnnvis_caffe.datasets import load
from cnnvis_caffe.datasets.ahead import read_ahead
from cnnvis_caffe.datasets.databases import write_image_set
from cnnvis_caffe.datasets.opening import DataOptions, open_source
from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.errors import DataFileError, MeanFileError, ShapeError
from cnnvis_caffe.formats.datum import Datum, serialize_datum
from cnnvis_caffe.formats.hdf5_data import write_arrays
from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.records.image_set import ImageSet

N, H, W = 23, 9, 7


@pytest.fixture
def pictures():
    """Colour images (RGB planes) in five classes, one of them without images."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, N)
    labels[labels == 2] = 4
    return ImageSet("made", "up", rng.integers(0, 256, (N, 3, H, W), np.uint8), labels, tuple("abcde"), "RGB")


def check(source, images, labels):
    """Everything that a source gives, against its images in the network's channel order."""
    assert source.n_images == len(labels)
    np.testing.assert_array_equal(source.labels, labels)
    some = np.array([3, 4, 5, 19, 0])
    np.testing.assert_array_equal(source.patch_images(some), images[some])
    np.testing.assert_array_equal(source.inputs(some), images[some].astype(np.float32))
    found = list(source.batches(np.arange(1, N), 5))
    assert [len(part) for part, _, _ in found] == [5, 5, 5, 5, 2]
    np.testing.assert_array_equal(np.concatenate([part for part, _, _ in found]), images[1:])
    np.testing.assert_array_equal(np.concatenate([part for _, part, _ in found]), labels[1:])
    np.testing.assert_array_equal(np.concatenate([part for _, _, part in found]), np.arange(1, N))


def test_an_lmdb(tmp_path, pictures):
    write_image_set(pictures, tmp_path / "db")
    source = open_source(str(tmp_path / "db"), input_shape=(3, H, W))
    check(source, pictures.images, pictures.labels)
    assert (source.class_names, source.channel_order) == ((), "BGR")
    rgb = open_source(str(tmp_path / "db"), preprocessing=Preprocessing(channel_order="RGB"))
    check(rgb, pictures.images, pictures.labels)
    shown = rgb.shown_images(np.array([2]))[0]
    np.testing.assert_array_equal(shown, pictures.images[2].transpose(1, 2, 0))
    np.testing.assert_array_equal(source.shown_images(np.array([2]))[0], shown[..., ::-1])


def test_an_lmdb_of_encoded_images(tmp_path, pictures):
    with LmdbWriter(tmp_path / "db") as writer:
        for index, (image, label) in enumerate(zip(pictures.images, pictures.labels)):
            content = cv2.imencode(".png", np.ascontiguousarray(image[::-1].transpose(1, 2, 0)))[1].tobytes()
            writer.put(b"%05d" % index, serialize_datum(Datum(0, 0, 0, content, int(label), None, True)))
    source = open_source(str(tmp_path / "db"), input_shape=(3, H, W))
    check(source, pictures.images[:, ::-1], pictures.labels)
    assert source.channel_order == "BGR"


def write_files(folder, pictures):
    """A folder of class folders; returns the order in which it is read."""
    for name in pictures.class_names:
        (folder / name).mkdir(parents=True)
    for index, (image, label) in enumerate(zip(pictures.images, pictures.labels)):
        path = folder / pictures.class_names[label] / f"{index:03d}.png"
        assert cv2.imwrite(str(path), np.ascontiguousarray(image[::-1].transpose(1, 2, 0)))
    (folder / "a" / "notes.txt").write_text("no image")
    (folder / "readme").write_text("no folder")
    return np.argsort(pictures.labels, kind="stable")


def test_a_folder_of_class_folders(tmp_path, pictures):
    order = write_files(tmp_path / "images", pictures)
    source = open_source(str(tmp_path / "images"), input_shape=(3, H, W))
    check(source, pictures.images[order][:, ::-1], pictures.labels[order])
    assert (source.class_names, source.channel_order) == (pictures.class_names, "BGR")
    source = open_source(
        str(tmp_path / "images"), input_shape=(3, H, W), preprocessing=Preprocessing(channel_order="RGB")
    )
    check(source, pictures.images[order], pictures.labels[order])
    assert source.preprocessing == f"resized to {H}x{W} where they differ, channels turned to RGB, as they are"


def test_an_image_list(tmp_path, pictures, monkeypatch):
    write_files(tmp_path / "images", pictures)
    lines = [f"{pictures.class_names[label]}/{i:03d}.png {label}\n" for i, label in enumerate(pictures.labels)]
    (tmp_path / "list.txt").write_text("".join(lines))
    root = f"{tmp_path}/images/"
    source = open_source(str(tmp_path / "list.txt"), input_shape=(3, H, W), options=DataOptions(root_folder=root))
    check(source, pictures.images[:, ::-1], pictures.labels)
    (tmp_path / "images" / "list.txt").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    check(open_source("images/list.txt", input_shape=(3, H, W)), pictures.images[:, ::-1], pictures.labels)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_an_npz_file(tmp_path, pictures, layout):
    images = pictures.images if layout == "NCHW" else pictures.images.transpose(0, 2, 3, 1)
    np.savez(tmp_path / "a.npz", images=images, labels=pictures.labels, class_names=np.array(list("abcde")))
    source = open_source(str(tmp_path / "a.npz"), input_shape=(3, H, W))
    check(source, pictures.images, pictures.labels)
    assert (source.class_names, source.channel_order) == (tuple("abcde"), "RGB")


def test_floats_of_an_hdf5_file_are_fed_as_they_are(tmp_path, pictures):
    values = (pictures.images.astype(np.float32) - 128) / 64
    write_arrays(tmp_path / "a.h5", {"data": values, "label": pictures.labels.astype(np.float32)[:, None]})
    source = open_source(str(tmp_path / "a.h5"), input_shape=(3, H, W))
    np.testing.assert_array_equal(source.inputs(np.arange(N)), values)
    shown = source.patch_images(np.arange(N))
    assert shown.dtype == np.uint8 and shown.min() == 0 and shown.max() == 255
    np.testing.assert_allclose(shown, pictures.images, atol=1), "they cover the range"


def test_known_data_sets():
    digits = load("digits", "test")
    source = open_source("digits:test", input_shape=(1, 28, 28), preprocessing=Preprocessing(scale=1 / 256))
    np.testing.assert_array_equal(source.patch_images(np.arange(5)), digits.images[:5])
    np.testing.assert_array_equal(source.inputs(np.arange(5)), digits.images[:5] * np.float32(1 / 256))
    assert (source.name, source.class_names, source.channel_order) == ("digits:test", digits.class_names, "grey")
    assert source.preprocessing == "times 0.00390625"


def test_what_a_data_layer_does_in_the_test_phase(tmp_path, pictures):
    """Crop in the middle, subtract the mean that lies there, scale; the same as our Data layer, which is Caffe's."""
    from cnnvis_caffe.formats import schema
    from cnnvis_caffe.formats.mean import read_mean, write_mean
    from cnnvis_caffe.runtime.layers.transform import DataTransformer

    mean = np.random.default_rng(2).uniform(0, 255, (3, H, W)).astype(np.float32)
    write_mean(tmp_path / "mean", mean)
    np.savez(tmp_path / "a.npz", images=pictures.images, labels=pictures.labels)
    param = schema.TransformationParameter(crop_size=4, scale=0.125, mean_file=str(tmp_path / "mean"))
    wanted = np.empty((N, 3, 4, 4), np.float32)
    DataTransformer(param, False, ValueError).apply(pictures.images, wanted)
    settings = Preprocessing(scale=0.125, mean_image=read_mean(tmp_path / "mean"), mean_name="mean")
    source = open_source(str(tmp_path / "a.npz"), input_shape=(3, 4, 4), preprocessing=settings)
    np.testing.assert_array_equal(source.inputs(np.arange(N)), wanted)
    np.testing.assert_array_equal(source.patch_images(np.arange(N)), pictures.images[:, :, 2:6, 1:5])
    assert source.preprocessing == "centre crop of 4x4, minus the mean image mean, times 0.125"
    cropped = Preprocessing(mean_image=mean[:, 2:6, 1:5], mean_name="mean")
    source = open_source(str(tmp_path / "a.npz"), input_shape=(3, 4, 4), preprocessing=cropped)
    np.testing.assert_allclose(source.inputs(np.arange(N)), wanted * 8, rtol=1e-6)
    wrong = Preprocessing(mean_image=mean[:, :5, :5], mean_name="mean")
    with pytest.raises(MeanFileError, match="is a mean of 5x5 pixels, but the images are of 9x7 and the network takes"):
        open_source(str(tmp_path / "a.npz"), input_shape=(3, 4, 4), preprocessing=wrong)


def test_resizing(tmp_path, pictures):
    np.savez(tmp_path / "a.npz", images=pictures.images, labels=pictures.labels)
    with pytest.raises(ShapeError, match="--resize"):
        open_source(str(tmp_path / "a.npz"), input_shape=(3, 12, 20))
    settings = Preprocessing(resize_to_fit=True)
    source = open_source(str(tmp_path / "a.npz"), input_shape=(3, 12, 20), preprocessing=settings)
    wanted = cv2.resize(np.ascontiguousarray(pictures.images[3].transpose(1, 2, 0)), (20, 12))
    np.testing.assert_array_equal(source.patch_images(np.array([3]))[0], wanted.transpose(2, 0, 1))
    assert source.preprocessing == "resized to 12x20, as they are"


def test_a_limit_keeps_the_shares_of_the_classes(tmp_path):
    labels = np.repeat([0, 1, 2, 3], [50, 30, 15, 5])
    np.random.default_rng(0).shuffle(labels)
    np.savez(tmp_path / "a.npz", images=np.zeros((100, 2, 2), np.uint8), labels=labels)
    source = open_source(str(tmp_path / "a.npz"))
    chosen = source.choose(20)
    assert np.bincount(labels[chosen]).tolist() == [10, 6, 3, 1]
    assert (np.diff(chosen) > 0).all()
    for label in range(4):
        assert set(chosen[labels[chosen] == label]) == set(np.flatnonzero(labels == label)[: (10, 6, 3, 1)[label]])
    for limit in range(1, 100):
        assert len(source.choose(limit)) == limit
    assert len(source.choose(1000)) == 100
    shards = [source.choose(50, (number, 3)) for number in (1, 2, 3)]
    assert [set(shard % 3) for shard in shards] == [{0}, {1}, {2}]
    np.testing.assert_array_equal(np.sort(np.concatenate(shards)), source.choose(50))


def test_a_damaged_image_in_the_middle_names_itself(tmp_path, pictures):
    write_files(tmp_path / "images", pictures)
    (tmp_path / "images" / "e" / "zzz.png").write_bytes(b"no image")
    source = open_source(str(tmp_path / "images"), input_shape=(3, H, W))
    n_threads = threading.active_count()
    with pytest.raises(DataFileError, match=r"zzz\.png: is not an image"):
        list(source.batches(np.arange(N + 1), 4))
    assert threading.active_count() == n_threads


def test_reading_ahead_ends_with_its_reader():
    n_threads = threading.active_count()
    made = []
    results = read_ahead(lambda item: made.append(item) or item * 2, range(1000), 3)
    assert [next(results) for _ in range(5)] == [0, 2, 4, 6, 8]
    results.close()
    assert threading.active_count() == n_threads
    assert len(made) <= 10
    assert list(read_ahead(str, [])) == []


def test_a_crop_decides_where_the_network_does_not_say(tmp_path, pictures):
    np.savez(tmp_path / "a.npz", images=pictures.images, labels=pictures.labels)
    source = open_source(str(tmp_path / "a.npz"), preprocessing=Preprocessing(crop=5))
    assert source.input_shape == (3, 5, 5)
    np.testing.assert_array_equal(source.patch_images(np.array([7])), pictures.images[7:8, :, 2:7, 1:6])
