"""The test images that error rates are measured on."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import cv2
import numpy as np


def read_mnist_test(data_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images of shape (10000, 1, 28, 28), uint8, and labels."""
    images = _read_idx(data_dir / "mnist" / "t10k-images-idx3-ubyte.gz")
    labels = _read_idx(data_dir / "mnist" / "t10k-labels-idx1-ubyte.gz")
    return images[:, np.newaxis], labels


def _read_idx(path: Path) -> np.ndarray:
    """An array of bytes: two zeros, type 8, number of axes, their lengths as big-endian 32-bit numbers, values."""
    content = gzip.decompress(path.read_bytes())
    zeros, kind, n_axes = content[:2], content[2], content[3]
    assert zeros == b"\0\0" and kind == 8, f"{path} is no idx file of bytes"
    shape = np.frombuffer(content, ">i4", n_axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_axes).reshape(shape)


def read_cifar10_test(data_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images of shape (10000, 3, 32, 32), uint8, RGB, and labels in the alphabetic order of the classes."""
    images, names = [], []
    with tarfile.open(data_dir / "cifar10" / "cifar10-jpeg.tar.xz") as archive:
        for member in archive:
            parts = Path(member.name).parts
            if member.isfile() and "test" in parts and parts[-1].endswith(".jpg"):
                jpeg = np.frombuffer(archive.extractfile(member).read(), np.uint8)
                images.append(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[:, :, ::-1].transpose(2, 0, 1))
                names.append(parts[-2])
    classes = sorted(set(names))
    return np.stack(images), np.array([classes.index(name) for name in names])
