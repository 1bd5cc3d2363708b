"""CIFAR-10: 60,000 colour images of 32×32 pixels in ten classes."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cnnvis_caffe.datasets.find import download, find
from cnnvis_caffe.datasets.python_batch import read_python_batch
from cnnvis_caffe.errors import CnnvisError, DataFileError
from cnnvis_caffe.files.limits import allowed_bytes
from cnnvis_caffe.files.opening import check_file
from cnnvis_caffe.formats.images import decode_image, read_bytes
from cnnvis_caffe.progress import Progress
from cnnvis_caffe.records.image_set import ImageSet

CLASS_NAMES = tuple(["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"])
JPEG_NOTE = "JPEG copies of CIFAR-10"

_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32  # a label, then the pixels
_BIN, _PY = "cifar-10-batches-bin", "cifar-10-batches-py"
_ARCHIVES = {"cifar-10-binary.tar.gz": _BIN, "cifar-10-python.tar.gz": _PY}
_BATCHES = {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
_FOLDERS = ("", "cifar10/", "cifar-10/")
_ARCHIVE_ERRORS = (
    tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError, OverflowError, TypeError, IndexError,
)  # fmt: skip
_LARGEST_ARCHIVE = 400_000_000  # bytes; CIFAR-10 has 180 MB of pixels


def load_cifar10(split: str, progress: Progress) -> ImageSet:
    """Load CIFAR-10 from the official files, folders or archives, or from an archive of JPEG copies.

    Parameters
    ----------
    split : str
        "train" (50,000) or "test" (10,000).
    progress : Progress

    Returns
    -------
    ImageSet
        Channels in the order RGB, as the official files have them; the JPEG copies are sorted by class, and
        its `note` says that they are copies.
    """
    names = [*_ARCHIVES.values(), *_ARCHIVES, "cifar10-jpeg.tar.xz"]
    path = find(folder + name for name in names for folder in _FOLDERS)
    if path is None:
        path = download([_URL], _SHA256, "cifar10/cifar-10-binary.tar.gz", progress)
    if path.name == "cifar10-jpeg.tar.xz":
        images, labels = _read_jpegs(path, split, progress)
        return ImageSet("cifar10", split, images, labels, CLASS_NAMES, "RGB", JPEG_NOTE)
    is_binary = path.name in (_BIN, "cifar-10-binary.tar.gz")
    read = _read_binary if is_binary else _read_pickle
    suffix = ".bin" if is_binary else ""
    parts = [read(content, where) for content, where in _batches(path, split, suffix, progress)]
    images = np.concatenate([images for images, _ in parts])
    labels = np.concatenate([labels for _, labels in parts]).astype(np.int64)
    if labels.min() < 0 or labels.max() >= len(CLASS_NAMES):
        raise DataFileError(str(path), f"has labels from {labels.min()} to {labels.max()}; 0 to 9 are allowed")
    return ImageSet("cifar10", split, images, labels, CLASS_NAMES, "RGB")


def _batches(path: Path, split: str, suffix: str, progress: Progress) -> Iterator[tuple[bytes, str]]:
    """The content of each official file of a part, and its name for messages."""
    wanted = [name + suffix for name in _BATCHES[split]]
    if path.is_dir():
        for name in wanted:
            yield read_bytes(path / name), str(path / name)
        return
    found = {}
    for name, content in _members(path, lambda name: name.rpartition("/")[2] in wanted):
        found[name.rpartition("/")[2]] = content
    for name in wanted:
        if name not in found:
            raise DataFileError(str(path), f"has no {name}")
        yield found[name], f"{path}: {name}"


def _members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Name and content of the wanted files in an archive, in its order."""
    try:
        check_file(path)
        with tarfile.open(path, "r|*") as archive:
            most = left = min(_LARGEST_ARCHIVE, allowed_bytes(path.stat().st_size))
            for member in archive:
                left -= member.size + tarfile.BLOCKSIZE
                if left < 0:
                    raise DataFileError(str(path), f"unpacks to more than {most} bytes; CIFAR-10 does not")
                file = archive.extractfile(member) if member.isfile() and wanted(member.name) else None
                if file is not None:
                    yield member.name, file.read()
    except CnnvisError:
        raise
    except _ARCHIVE_ERRORS as error:
        raise DataFileError(str(path), f"is damaged or cut off: {error}") from error


def _read_binary(content: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a file of the binary version."""
    if not content or len(content) % _RECORD:
        raise DataFileError(where, f"has {len(content)} bytes, which is no whole number of images of {_RECORD} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    return records[:, 1:].reshape(-1, *_SHAPE), records[:, 0]


def _read_pickle(content: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a file of the Python version."""
    try:
        batch = read_python_batch(content)
        pixels, numbers = batch[b"data"], batch[b"labels"]
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
            raise ValueError("its data are no array of bytes")
        images = pixels.reshape(-1, *_SHAPE)
        labels = np.asarray(numbers, np.int64)
        if labels.ndim != 1:
            raise ValueError("its labels are no list of numbers")
    except KeyError as error:
        raise DataFileError(where, f"is not a batch of CIFAR-10: it has no {error}") from error
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataFileError(where, f"is not a batch of CIFAR-10 or is damaged: {error}") from error
    if len(images) != len(labels) or not len(images):
        raise DataFileError(where, f"holds {len(images)} images and {len(labels)} labels")
    return images, labels


def _read_jpegs(path: Path, split: str, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """Read the archive of JPEG copies: <split>/<class>/<number>.jpg."""
    n = 50_000 if split == "train" else 10_000
    images = np.empty((n, *_SHAPE), np.uint8)
    labels = np.empty(n, np.int64)
    progress.start(n, f"reading {split} images of {path.name}")
    index = 0
    for name, content in _members(path, lambda name: name.startswith(f"{split}/") and name.endswith(".jpg")):
        try:
            labels[index] = CLASS_NAMES.index(name.split("/")[1])
            images[index] = decode_image(content)[..., ::-1].transpose(2, 0, 1)  # from BGR
        except (ValueError, IndexError) as error:
            raise DataFileError(str(path), f"{name} is not one of {n} images of 32x32 pixels: {error}") from error
        index += 1
        progress.step()
    progress.done()
    if index != n:
        raise DataFileError(str(path), f"has {index} {split} images; there should be {n}")
    return images, labels
