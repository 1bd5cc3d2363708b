"""MNIST: 70,000 grey handwritten digits of 28×28 pixels."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from pathlib import Path

import numpy as np

from cnnvis_caffe.datasets.find import download, find
from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.files.limits import allowed_bytes
from cnnvis_caffe.formats.images import read_bytes
from cnnvis_caffe.progress import Progress
from cnnvis_caffe.records.image_set import ImageSet

_URLS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_SHA256 = {  # of the packed files
    "train-images-idx3-ubyte": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
_IMAGES_MAGIC, _LABELS_MAGIC = 2051, 2049
_PREFIXES = {"train": "train", "test": "t10k"}


def load_mnist(split: str, progress: Progress) -> ImageSet:
    """Load MNIST from the four original files, packed or unpacked.

    Parameters
    ----------
    split : str
        "train" (60,000) or "test" (10,000).
    progress : Progress

    Returns
    -------
    ImageSet
    """
    prefix = _PREFIXES[split]
    images_path = _find(f"{prefix}-images-idx3-ubyte", progress)
    labels_path = _find(f"{prefix}-labels-idx1-ubyte", progress)
    images = read_idx(images_path, _IMAGES_MAGIC)
    labels = read_idx(labels_path, _LABELS_MAGIC)
    if len(images) != len(labels):
        raise DataFileError(str(labels_path), f"holds {len(labels)} labels for {len(images)} images in {images_path}")
    if labels.max() > 9:
        raise DataFileError(str(labels_path), f"has the label {labels.max()}; 0 to 9 are allowed")
    digits = tuple(map(str, range(10)))
    return ImageSet("mnist", split, images[:, np.newaxis], labels.astype(np.int64), digits, "grey")


def read_idx(path: Path, magic: int) -> np.ndarray:
    """Read an idx file of bytes.

    Parameters
    ----------
    path : Path
        Unpacked if its name ends in .gz.
    magic : int
        What the file must begin with; its last byte is the number of axes.

    Returns
    -------
    ndarray, uint8
        As many axes as `magic` says.

    Raises
    ------
    DataFileError
        If it is something else, or cut off.
    """
    content = read_bytes(path)
    if path.suffix == ".gz":
        allowed = allowed_bytes(len(content))
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                content = file.read(allowed + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataFileError(str(path), f"cannot be unpacked: {error}") from error
        if len(content) > allowed:
            raise DataFileError(str(path), f"becomes more than {allowed} bytes, which no data set does")
    n_axes = magic & 0xFF
    header = np.frombuffer(content[: 4 * (1 + n_axes)], ">u4") if len(content) >= 4 * (1 + n_axes) else None
    if header is None or header[0] != magic:
        raise DataFileError(str(path), f"is no idx file with magic number {magic}")
    shape = tuple(int(length) for length in header[1:])
    values = np.frombuffer(content, np.uint8, offset=4 * (1 + n_axes))
    if values.size != math.prod(shape) or not values.size:
        raise DataFileError(str(path), f"holds {values.size} values, but says that its shape is {shape}")
    return values.reshape(shape)


def _find(name: str, progress: Progress) -> Path:
    """One of the four files."""
    dotted = name.replace("-idx", ".idx")  # as some unpack it
    found = find(f"mnist/{file}" for file in (f"{name}.gz", name, dotted))
    urls = [f"{url}{name}.gz" for url in _URLS]
    files = [f"{file}.gz" for file in _SHA256]
    return found or download(urls, _SHA256[name], f"mnist/{name}.gz", progress, files=files)
