"""Lists of images, window files and HDF5 lists, and the images themselves."""

from __future__ import annotations

import sys

import h5py
import numpy as np
import pytest

from cnnvis_caffe.errors import DataFileError, DataNotFoundError, MissingDependencyError
from cnnvis_caffe.formats.hdf5_data import read_arrays, read_file_list, write_arrays
from cnnvis_caffe.formats.image_list import read_image_list, write_image_list
from cnnvis_caffe.formats.images import decode_image, encode_image, read_image
from cnnvis_caffe.formats.window_file import LabelledWindow, WindowImage, read_window_file


def test_the_label_follows_the_last_space(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"a b.png 3\nc.png -2\r\nd.png x\n7\n\nlast.png +12tail")
    entries = [("a b.png", 3), ("c.png", -2), ("d.png", 0), ("7", 7), ("last.png", 12)]
    assert read_image_list(path) == entries


def test_names_that_are_no_utf_8_survive(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xff\xfe.png 3\n")
    entries = read_image_list(path)
    assert write_image_list(entries).encode("utf-8", "surrogateescape") == b"\xff\xfe.png 3\n"


def test_a_list_that_is_not_there(tmp_path):
    for read in (read_image_list, read_window_file, read_file_list):
        with pytest.raises(DataNotFoundError, match=r"none\.txt: there is no such file"):
            read(tmp_path / "none.txt")


def test_window_file(tmp_path):
    path = tmp_path / "windows.txt"
    path.write_text("# 0\nimg.png\n3\n40\n50\n2\n1 0.75 5 4 24 33\n0 0 1 2 3 4\n# 1 b.png 3 7 8 0")
    assert read_window_file(path) == [
        WindowImage(0, "img.png", 3, 40, 50, (LabelledWindow(1, 0.75, 5, 4, 24, 33), LabelledWindow(0, 0, 1, 2, 3, 4))),
        WindowImage(1, "b.png", 3, 7, 8, ()),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("# 0 a.png 3 4 5 1 1 0.5 1 2 3", "from image 1 on: it is cut off"),
        ("# 0 a.png 3 4 5 0\n# 1 b.png 3", "from image 2 on: it is cut off"),
        ("0 a.png", "expected '#', found '0'"),
        ("# 0 a.png three 4 5 0", "invalid literal"),
    ],
)
def test_damaged_window_files(tmp_path, text, reason):
    path = tmp_path / "windows.txt"
    path.write_text(text)
    with pytest.raises(DataFileError, match=reason):
        read_window_file(path)


def test_arrays_of_one_number_of_rows(tmp_path):
    path = tmp_path / "a.h5"
    write_arrays(path, {"x": np.arange(6.0).reshape(3, 2), "y": np.array([1, 2, 3], np.uint8)})
    x, y = read_arrays(path, ["x", "y"])
    assert (x.dtype, y.dtype) == (np.float32, np.float32)
    assert (x.tolist(), y.tolist()) == ([[0, 1], [2, 3], [4, 5]], [1, 2, 3])


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("y", None, "has no dataset 'y', the name of a top; it has x"),
        ("y", np.zeros(4), "dataset 'y' has 4 rows, but 'x' has 3"),
        ("y", np.zeros(3, bool), "is of type bool"),
        ("y", np.float32(3), r"shape \(\)"),
        ("x", np.zeros((0, 2)), "dataset 'x' has no rows"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, name, values, reason):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        arrays = {"x": np.zeros((3, 2)), **({} if values is None else {name: values})}
        for key, array in arrays.items():
            file[key] = array
    with pytest.raises(DataFileError, match=reason):
        read_arrays(path, ["x"] if name == "x" else ["x", "y"])


def test_an_hdf5_file_that_is_none(tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(b"<html>404")
    with pytest.raises(DataFileError, match="is not an HDF5 file or is damaged"):
        read_arrays(path, ["x"])


def test_images_are_blue_green_red(tmp_path):
    image = np.zeros((2, 3, 3), np.uint8)
    image[..., 0] = 255  # blue
    (tmp_path / "blue.png").write_bytes(encode_image(image, "png"))
    np.testing.assert_array_equal(read_image(tmp_path / "blue.png"), image)
    assert read_image(tmp_path / "blue.png", color=False).shape == (2, 3, 1)
    assert read_image(tmp_path / "blue.png", height=5, width=4).shape == (5, 4, 3)


def test_images_that_are_none(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(DataFileError, match=r"x\.png: is not an image that OpenCV can decode"):
        read_image(tmp_path / "x.png")
    with pytest.raises(ValueError, match="is not an image"):
        decode_image(b"")
    deep = encode_image(np.zeros((2, 3, 1), np.uint16), "png")
    with pytest.raises(ValueError, match="pixels of type uint16"):
        decode_image(deep, None)
    with pytest.raises(ValueError, match="cannot encode"):
        encode_image(np.zeros((2, 3, 1), np.uint8), "xyz")


def test_without_opencv(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(MissingDependencyError, match="opencv-python-headless"):
        read_image(tmp_path / "x.png")
