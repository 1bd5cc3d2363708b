"""caffe.io against recordings of real Caffe."""

from __future__ import annotations

import io as standard_io
import sys

import io_cases
import numpy as np
import pytest

from cnnvis_caffe.errors import DataNotFoundError, FileFormatError, MissingDependencyError
from cnnvis_caffe.pycaffe import io
from cnnvis_caffe.pycaffe.proto import caffe_pb2


@pytest.fixture(scope="module")
def recorded(recordings):
    with np.load(recordings / "io.npz") as file:
        return dict(file)


# -- messages and arrays --------------------------------------------------------------------------------


def test_blobproto_round_trip():
    array, diff = np.arange(6.0).reshape(2, 3), -np.arange(6.0).reshape(2, 3)
    blob = io.array_to_blobproto(array, diff)
    assert list(blob.shape.dim) == [2, 3]
    assert io.blobproto_to_array(blob).dtype == np.float64
    np.testing.assert_array_equal(io.blobproto_to_array(blob), array)
    np.testing.assert_array_equal(io.blobproto_to_array(blob, return_diff=True), diff)
    assert not io.array_to_blobproto(array).diff


def test_blobproto_legacy_shape_wins_and_lacks_are_zero():
    blob = io.array_to_blobproto(np.arange(6.0))
    blob.num, blob.channels, blob.height, blob.width = 1, 2, 3, 1
    assert io.blobproto_to_array(blob).shape == (1, 2, 3, 1)
    blob.ClearField("width")
    with pytest.raises(ValueError, match="reshape"):
        io.blobproto_to_array(blob)


def test_blobproto_without_shape_is_a_scalar():
    assert io.blobproto_to_array(caffe_pb2.BlobProto(data=[123])) == 123
    with pytest.raises(ValueError, match="reshape"):
        io.blobproto_to_array(caffe_pb2.BlobProto(data=[1, 2]))


def test_blobprotovector_round_trip():
    arrays = [np.arange(4.0), np.ones((2, 1, 3)), np.array(5.0)]
    back = io.blobprotovector_str_to_arraylist(io.arraylist_to_blobprotovector_str(arrays))
    assert [array.shape for array in back] == [(4,), (2, 1, 3), ()]
    for array, expected in zip(back, arrays):
        np.testing.assert_array_equal(array, expected)


def test_datum_round_trip():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    datum = io.array_to_datum(pixels, label=7)
    assert (datum.channels, datum.height, datum.width, datum.label) == (2, 3, 4, 7)
    assert (len(datum.data), len(datum.float_data)) == (24, 0)
    back = io.datum_to_array(datum)
    assert back.dtype == np.uint8 and back.flags.writeable
    np.testing.assert_array_equal(back, pixels)

    datum = io.array_to_datum(pixels / 8)
    assert not datum.HasField("label")
    assert not datum.data
    back = io.datum_to_array(datum)
    assert back.dtype == np.float64
    np.testing.assert_array_equal(back, pixels / 8)


def test_datum_takes_three_axes():
    with pytest.raises(ValueError, match=r"Incorrect array shape.*\(3, 4\)"):
        io.array_to_datum(np.zeros((3, 4)))


# -- transformer --------------------------------------------------------------------------------


def test_transformer_is_equal_to_the_bit(recorded):
    random = np.random.RandomState(0)
    image = io_cases.image_of(random)
    transformers = [io_cases.make_transformer(io, values) for values in io_cases.combinations(random)]
    blobs = random.uniform(-100, 100, io_cases.SHAPE).astype(np.float32)
    assert len(transformers) == len(recorded["preprocess"]) == 120
    for index, transformer in enumerate(transformers):
        data = transformer.preprocess("data", image.copy())
        assert data.dtype == np.float32
        np.testing.assert_array_equal(data, recorded["preprocess"][index])
        for name, given in (("deprocess", blobs), ("deprocess_double", blobs.astype(np.float64))):
            back = transformer.deprocess("data", given)
            assert back.dtype == given.dtype
            np.testing.assert_array_equal(back, recorded[name][index])


def test_transformer_works_in_place_as_in_caffe():
    transformer = io_cases.make_transformer(io, {"set_transpose": (2, 0, 1), "set_raw_scale": 2.0})
    image = np.ones((7, 5, 3), np.float32)
    transformer.preprocess("data", image)
    assert (image == 2).all()
    blob = np.ones(io_cases.SHAPE, np.float32)
    transformer.deprocess("data", blob)
    assert (blob == 1).all()


def test_transformer_resizes():
    transformer = io.Transformer({"data": io_cases.SHAPE})
    transformer.set_transpose("data", (2, 0, 1))
    image = np.random.RandomState(0).uniform(size=(9, 9, 3)).astype(np.float32)
    expected = io.resize_image(image, (7, 5)).transpose(2, 0, 1)
    np.testing.assert_array_equal(transformer.preprocess("data", image), expected)


@pytest.mark.parametrize("name", ["mean_double", "mean_float", "mean_bytes"])
def test_mean_is_resized(name, recorded):
    transformer = io.Transformer({"data": io_cases.SHAPE})
    transformer.set_mean("data", recorded[name])
    mean, expected = transformer.mean["data"], recorded[name + "_resized"]
    assert mean.dtype == expected.dtype == np.float32
    np.testing.assert_allclose(mean, expected, rtol=0, atol=1e-4)


def test_means_that_real_caffe_cannot_resize():
    transformer = io.Transformer({"data": io_cases.SHAPE})
    transformer.set_mean("data", np.full((3, 2, 2), 120.5))
    np.testing.assert_array_equal(transformer.mean["data"], np.full((3, 7, 5), 120.5))
    transformer.set_mean("data", np.arange(4.0).reshape(2, 2))
    assert transformer.mean["data"].shape == (1, 7, 5)


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        ("set_transpose", ("data", (1, 0)), "Transpose order.*3 for 'data', got 2"),
        ("set_channel_swap", ("data", (1, 0)), "Channel swap.*3 for 'data', got 2"),
        ("set_mean", ("data", np.zeros(2)), "Mean channels.*has 3, the mean 2"),
        ("set_mean", ("data", np.zeros((1, 3, 7, 5))), "Mean shape invalid"),
        ("set_mean", ("date", np.zeros(3)), "date is not one of the net inputs"),
        ("preprocess", ("date", np.zeros((7, 5, 3))), "date is not one of the net inputs"),
        ("deprocess", ("date", np.zeros((3, 7, 5))), "date is not one of the net inputs"),
    ],
)
def test_transformer_refuses(call, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(io.Transformer({"data": io_cases.SHAPE}), call)(*arguments)


# -- images --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", io_cases.RESIZES)
def test_resize(name, recorded):
    _, size, order, dtype = io_cases.RESIZES[name]
    image = io_cases.resize_input(name)
    resized, expected = io.resize_image(image, size, order), recorded[f"resize_{name}"]
    assert resized.dtype == np.float32
    # Values span 130. scikit-image 0.18 computes float32 images in float32, positions included.
    tolerance = 2e-4 if dtype == np.float32 else 1e-5
    np.testing.assert_allclose(resized, expected, rtol=0, atol=tolerance)


def test_resize_by_hand():
    image = np.array([[0.0, 1.0], [2.0, 3.0]])[:, :, np.newaxis]
    resized = io.resize_image(image, (4, 4))[:, :, 0]
    # Centres lie at -0.25, 0.25, 0.75, 1.25; beyond the border lies the least value, here 0.
    np.testing.assert_allclose(resized[0], [0, 0.1875, 0.5625, 0.5625])
    np.testing.assert_allclose(resized[1], [0.375, 0.75, 1.25, 1.125])


def test_resize_of_a_constant_image():
    resized = io.resize_image(np.full((4, 5, 3), 7.5), (2, 3))
    assert resized.dtype == np.float32
    np.testing.assert_array_equal(resized, np.full((2, 3, 3), 7.5))


@pytest.mark.parametrize(("name", "size"), [("odd", (5, 7)), ("even", (4, 6)), ("mixed", (9, 5))])
def test_oversample(name, size, recorded):
    crops = io.oversample(recorded["oversample_images"], size)
    assert crops.dtype == np.float32
    np.testing.assert_array_equal(crops, recorded[f"oversample_{name}"])
    np.testing.assert_array_equal(io.oversample(list(recorded["oversample_images"]), np.array(size)), crops)


IMAGES = [
    "rgb.png",
    "grey.png",
    "rgba.png",
    "grey_alpha.png",
    "palette.png",
    "bits.png",
    "grey16.png",
    "rgb.bmp",
    "smooth.jpg",
]


@pytest.mark.parametrize("name", IMAGES)
def test_load_image(name, recordings, recorded):
    expected = recorded["image_" + name]
    if expected.ndim == 2:
        expected = np.tile(expected[:, :, np.newaxis], (1, 1, 3))
    image = io.load_image(str(recordings / name))
    assert (image.dtype, image.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(image, expected[:, :, :3])


@pytest.mark.parametrize("name", [name for name in IMAGES if "a" not in name[-9:-4]])
def test_load_grey_image(name, recordings, recorded):
    expected = recorded["image_grey_" + name]
    image = io.load_image(recordings / name, color=False)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, expected[:, :, np.newaxis], rtol=0, atol=1e-7)


def test_load_image_from_an_open_file(recordings):
    content = (recordings / "rgb.png").read_bytes()
    expected = io.load_image(str(recordings / "rgb.png"))
    np.testing.assert_array_equal(io.load_image(standard_io.BytesIO(content)), expected)


def test_load_image_refuses(tmp_path, monkeypatch):
    with pytest.raises(DataNotFoundError, match="nowhere.png"):
        io.load_image(str(tmp_path / "nowhere.png"))
    for name, content in (("text.png", b"no image"), ("empty.png", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match=f"{name}: not an image"):
            io.load_image(str(tmp_path / name))
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependencyError, match="opencv-python-headless"):
        io.load_image(str(tmp_path / "text.png"))
