"""Images as people have them: each form, against the pictures that were written."""

from __future__ import annotations

import logging

import cv2
import numpy as np
import pytest

from cnnvis_caffe.datasets.opening import DataOptions, open_data, open_source
from cnnvis_caffe.datasets.preprocessing import Preprocessing
from cnnvis_caffe.errors import DataFileError, DataNotFoundError
from cnnvis_caffe.formats.hdf5_data import write_arrays
from cnnvis_caffe.formats.palette_png import encode_indices, voc_palette

N, H, W = 5, 9, 7


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """BGR pictures (n, H, W, 3) that lie as 0.png, 1.png, ... in the folder photos."""
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(3).integers(0, 256, (N, H, W, 3), np.uint8)
    (tmp_path / "photos").mkdir()
    for index, image in enumerate(images):
        assert cv2.imwrite(f"photos/{index}.png", image)
    return images


def planes(images):
    return images.transpose(0, 3, 1, 2)


def everything(source):
    return source.patch_images(np.arange(source.n_images))


def test_a_folder_of_photos_has_no_labels(pictures):
    source = open_source("photos", input_shape=(3, H, W))
    assert (source.annotations.kind, source.class_names) == ("none", ())
    np.testing.assert_array_equal(everything(source), planes(pictures))
    assert source.name_of(3) == "photos/3.png"
    assert source.choose(2).tolist() == [0, 1]


def test_several_files_and_a_single_one(pictures):
    source = open_source(["photos/3.png", "photos/1.png"], input_shape=(3, H, W))
    np.testing.assert_array_equal(everything(source), planes(pictures[[3, 1]]))
    source = open_source("photos/2.png", input_shape=(3, H, W))
    np.testing.assert_array_equal(everything(source), planes(pictures[[2]]))
    source = open_source(["photos", "photos/2.png"], input_shape=(3, H, W))
    np.testing.assert_array_equal(everything(source), planes(pictures[[0, 1, 2, 3, 4, 2]]))
    with pytest.raises(DataNotFoundError, match=r"photos/9\.png: there is no such data"):
        open_source(["photos/0.png", "photos/9.png"], input_shape=(3, H, W))


def test_one_channel_for_a_grey_network_and_three_for_a_coloured_one(pictures):
    grey = open_source("photos", input_shape=(1, H, W))
    wanted = np.stack([cv2.imread(f"photos/{i}.png", cv2.IMREAD_GRAYSCALE) for i in range(N)])
    np.testing.assert_array_equal(everything(grey)[:, 0], wanted)
    cv2.imwrite("grey.png", wanted[0])
    coloured = open_source("grey.png", input_shape=(3, H, W))
    np.testing.assert_array_equal(everything(coloured)[0], np.stack([wanted[0]] * 3))


def test_masks_by_the_names_of_the_images(pictures, tmp_path):
    masks = np.random.default_rng(4).integers(0, 21, (N, 6, 4)).astype(np.uint8)
    masks[:, 0, 0] = 255
    (tmp_path / "masks").mkdir()
    for index, mask in enumerate(masks):
        (tmp_path / "masks" / f"{index}.png").write_bytes(encode_indices(mask, voc_palette()))
    source = open_source("photos", input_shape=(3, 12, 8), options=DataOptions(masks="masks"))
    assert source.annotations.kind == "mask"
    # Twice as large in both directions: each pixel four times.
    np.testing.assert_array_equal(source.masks(np.array([4, 1])), masks[[4, 1]].repeat(2, 1).repeat(2, 2))
    (tmp_path / "masks" / "3.png").unlink()
    with pytest.raises(DataFileError, match=r"masks: has no mask for photos/3\.png; a mask has the name of its image"):
        open_source("photos", input_shape=(3, H, W), options=DataOptions(masks="masks"))
    lines = "".join(f"photos/{i}.png masks/{i}.png\n" for i in (2, 0))
    (tmp_path / "voc.txt").write_text(lines)
    source = open_source("voc.txt", input_shape=(3, H, W))
    assert source.annotations.masks == ("masks/2.png", "masks/0.png")


def test_masks_are_cropped_as_the_images_are(pictures, tmp_path):
    mask = np.arange(H * W, dtype=np.uint8).reshape(H, W)
    (tmp_path / "m").mkdir()
    for index in range(N):
        cv2.imwrite(f"m/{index}.png", mask)
    source = open_source(
        "photos", input_shape=(3, 5, 3), preprocessing=Preprocessing(resize=(H, W)), options=DataOptions(masks="m")
    )
    np.testing.assert_array_equal(everything(source), planes(pictures)[:, :, 2:7, 2:5])
    np.testing.assert_array_equal(source.masks(np.array([0]))[0], mask[2:7, 2:5])


def test_pairs(pictures, tmp_path):
    (tmp_path / "pairs.txt").write_text("photos/0.png photos/3.png 1\nphotos/4.png photos/1.png 0\n")
    opened = open_data("pairs.txt", options=DataOptions(are_pairs=True))
    assert [reader.files for reader in opened.readers] == [
        ["photos/0.png", "photos/4.png"],
        ["photos/3.png", "photos/1.png"],
    ]
    assert opened.annotations.values.tolist() == [1, 0]
    with pytest.raises(DataFileError, match="has pairs of images with labels, but the network takes one image"):
        open_data("pairs.txt")


def test_a_list_of_hdf5_files_is_read_file_by_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(5)
    parts = [rng.normal(size=(n, 2, H, W)).astype(np.float32) for n in (3, 1, 4)]
    (tmp_path / "h").mkdir()
    labels = []
    for number, part in enumerate(parts):
        labels.append(rng.normal(size=(len(part), 6)).astype(np.float32))
        write_arrays(tmp_path / "h" / f"{number}.h5", {"data": part, "label": labels[-1]})
    (tmp_path / "h" / "all.txt").write_text("0.h5\n1.h5\n2.h5\n")
    source = open_source("h/all.txt", input_shape=(2, H, W))
    assert source.annotations.kind == "numbers"
    np.testing.assert_array_equal(source.annotations.values, np.concatenate(labels))
    some = np.array([7, 0, 3, 2, 4])
    np.testing.assert_array_equal(source.inputs(some), np.concatenate(parts)[some])
    write_arrays(tmp_path / "h" / "1.h5", {"data": parts[1]})
    with pytest.raises(DataFileError, match="lists 3 files, of which 2 have labels"):
        open_source("h/all.txt", input_shape=(2, H, W))


def test_arrays_with_several_labels_and_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = np.zeros((N, 3, H, W), np.uint8)
    np.savez("a.npz", images=images, labels=np.eye(N, 6, dtype=np.int64))
    assert open_source("a.npz").annotations.kind == "several"
    np.savez("a.npz", images=images)
    assert open_source("a.npz").annotations.kind == "none"
    np.savez("a.npz", images=images, labels=np.zeros(N - 1))
    with pytest.raises(DataFileError, match=r"has 5 images and labels of shape \(4,\); give a row for each image"):
        open_source("a.npz")


def test_damaged_images_are_counted_and_named(pictures, tmp_path, caplog):
    for name in ("0", "3"):
        (tmp_path / "photos" / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    with caplog.at_level(logging.WARNING, "cnnvis_caffe"):
        source = open_source("photos", input_shape=(3, H, W), options=DataOptions(skip_damaged=True))
    assert "photos: 2 of 5 images are damaged and left out: photos/0.png: is an image whose header is" in caplog.text
    assert "photos/3.png: is an image" in caplog.text
    assert source.note == "2 of 5 images are damaged and left out"
    np.testing.assert_array_equal(everything(source), planes(pictures[[1, 2, 4]]))
    assert [source.name_of(i) for i in range(3)] == [f"photos/{i}.png" for i in (1, 2, 4)]
    for index in (1, 2, 4):
        (tmp_path / "photos" / f"{index}.png").write_bytes(b"")
    with pytest.raises(DataFileError, match="has 5 images, and all are damaged"):
        open_source("photos", input_shape=(3, H, W), options=DataOptions(skip_damaged=True))


def test_images_beside_class_folders_are_named(pictures, tmp_path, caplog):
    (tmp_path / "photos" / "cat").mkdir()
    cv2.imwrite("photos/cat/a.png", pictures[0])
    with caplog.at_level(logging.WARNING, "cnnvis_caffe"):
        source = open_source("photos", input_shape=(3, H, W))
    assert "photos: 5 images that are in no class folder are left out" in caplog.text
    assert (source.n_images, source.class_names) == (1, ("cat",))
