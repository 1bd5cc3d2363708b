"""Mean images."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from helpers.recordings import WEIGHTS
from helpers.same import assert_same_array

from cnnvis_caffe.errors import DataNotFoundError, MeanFileError
from cnnvis_caffe.formats import schema
from cnnvis_caffe.formats.mean import read_mean, write_mean


def test_mean_of_real_caffe(tmp_path: Path) -> None:
    mean = read_mean(WEIGHTS / "mean.binaryproto")
    assert_same_array(mean, (np.arange(24, dtype=np.float32) / 8).reshape(3, 2, 4))
    assert mean.flags.writeable
    write_mean(tmp_path / "copy", mean)
    assert (tmp_path / "copy").read_bytes() == (WEIGHTS / "mean.binaryproto").read_bytes()


@pytest.mark.parametrize("dims", [(1, 3, 2, 1), (3, 2, 1)])
def test_mean_with_a_shape(dims: tuple[int, ...], tmp_path: Path) -> None:
    message = schema.BlobProto(shape=schema.BlobShape(dim=dims), double_data=range(6))
    (tmp_path / "m").write_bytes(message.SerializeToString())
    mean = read_mean(tmp_path / "m")
    assert (mean.shape, mean.dtype, mean.ravel().tolist()) == ((3, 2, 1), np.float32, [0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\x93NUMPY\x01\x00v\x00", "it looks like a NumPy .npy array"),
        (schema.BlobProto(num=2, channels=1, height=1, width=1, data=[1, 2]), "an array 2x1x1x1, but a mean"),
        (schema.BlobProto(num=1, channels=1, height=1, width=2, data=[1]), "that is 2 numbers, but its data holds 1"),
        (schema.SolverState(iter=7, learned_net="a.caffemodel"), "an array 7x0x0x0, but a mean image is 1xCxHxW"),
    ],
)
def test_refused(content, reason: str, tmp_path: Path) -> None:
    data = content if isinstance(content, bytes) else content.SerializeToString()
    (tmp_path / "m").write_bytes(data)
    with pytest.raises(MeanFileError, match=re.escape(reason)):
        read_mean(tmp_path / "m")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError):
        read_mean(tmp_path / "nowhere.binaryproto")


def test_only_images_are_written(tmp_path: Path) -> None:
    with pytest.raises(MeanFileError, match="the array is 4x4, not CxHxW"):
        write_mean(tmp_path / "m", np.zeros((4, 4)))


def test_zoo(zoo_dir: Path) -> None:
    mean = read_mean(zoo_dir / "cifar10_mean.binaryproto")
    # The zoo's README gives these channel means.
    np.testing.assert_allclose(mean.mean((1, 2)), [125.3, 123.0, 113.9], atol=0.06)
