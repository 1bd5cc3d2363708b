"""Databases made as Caffe's own converters make them, and taken apart again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.files.atomic import atomic_folder
from cnnvis_caffe.formats.database import Database, Record, open_database
from cnnvis_caffe.formats.datum import Datum, RawLayout, parse_datum, serialize_datum
from cnnvis_caffe.formats.image_list import write_image_list
from cnnvis_caffe.formats.images import encode_image, read_bytes, read_image
from cnnvis_caffe.formats.lmdb import LmdbWriter
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.image_set import ImageSet

_MAGICS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"BM": "bmp", b"GIF8": "gif", b"II*\0": "tif", b"MM\0*": "tif"}


def write_image_set(
    images: ImageSet,
    path: str | os.PathLike[str],
    *,
    digits: int = 8,
    shuffle_seed: int | None = None,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> None:
    """Write arrays of images as an LMDB.

    Parameters
    ----------
    images : ImageSet
    path : str or path-like
        Folder to make.
    digits : int, default=8
        Of the keys, which count from 0.
    shuffle_seed : int or None, default=None
        Write them in an order drawn with this seed; None keeps the order.
    overwrite : bool, default=False
        Replace a database that is there already.
    progress : Progress, default=SILENT

    Raises
    ------
    DataFileError
        If the database is there already or cannot be written.

    Notes
    -----
    ``examples/mnist/convert_mnist_data.cpp`` (8 digits), ``examples/cifar10/convert_cifar_data.cpp`` (5 digits).
    """
    order = np.arange(len(images))
    if shuffle_seed is not None:
        np.random.default_rng(shuffle_seed).shuffle(order)
    channels, height, width = images.images.shape[1:]
    with LmdbWriter(path, overwrite=overwrite) as writer:
        progress.start(len(order), f"writing {os.fspath(path)}")
        for index, image in enumerate(order):
            datum = Datum(channels, height, width, images.images[image].tobytes(), int(images.labels[image]))
            writer.put(f"{index:0{digits}d}".encode(), serialize_datum(datum))
            progress.step()
        progress.done()


@dataclass(frozen=True)
class ImageOptions:
    """How image files are put into a database.

    Attributes
    ----------
    color : bool
        Three channels, or one.
    height, width : int
        Size that all are brought to; 0 keeps theirs.
    encode : str
        Kind of image file that the database holds, such as "png"; empty for plain pixels.
    keep_files : bool
        Hold each file in the kind that its name says.
    check_size : bool
        Refuse images of another size than the first.
    """

    color: bool = True
    height: int = 0
    width: int = 0
    encode: str = ""
    keep_files: bool = False
    check_size: bool = False


def write_image_files(
    entries: Sequence[tuple[str, int]],
    root: str,
    path: str | os.PathLike[str],
    options: ImageOptions,
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> None:
    """Write image files as an LMDB.

    Parameters
    ----------
    entries : sequence of (str, int)
        Name and label of each, in the order of the database.
    root : str
        Put before each name.
    path : str or path-like
        Folder to make.
    options : ImageOptions
    overwrite : bool, default=False
        Replace a database that is there already.
    progress : Progress, default=SILENT

    Raises
    ------
    DataNotFoundError
        If an image is not there. (Caffe leaves it out.)
    DataFileError
        If an image cannot be read, or the database is there already or cannot be written.

    Notes
    -----
    ``tools/convert_imageset.cpp``.
    """
    shape: tuple[int, ...] | None = None
    with LmdbWriter(path, overwrite=overwrite) as writer:
        progress.start(len(entries), f"writing {os.fspath(path)}")
        for index, (name, label) in enumerate(entries):
            datum, size = _datum_of_file(root + name, label, options)
            if options.check_size and shape not in (None, size):
                raise DataFileError(root + name, f"is of size {size}, but the images before it of {shape}")
            shape = size
            writer.put(os.fsencode(f"{index:08d}_{name}"), serialize_datum(datum, say_raw=True))
            progress.step()
        progress.done()


def _datum_of_file(path: str, label: int, options: ImageOptions) -> tuple[Datum, tuple[int, ...]]:
    """One image file as a datum, and its height, width and channels."""
    image = read_image(path, options.color, options.height, options.width)
    own_kind = Path(path).suffix[1:].lower()
    kind = options.encode or (own_kind if options.keep_files else "")
    if not kind:
        height, width, channels = image.shape
        return Datum(channels, height, width, image.transpose(2, 0, 1).tobytes(), label), image.shape
    same = kind.lower() == own_kind or (kind, own_kind) == ("jpg", "jpeg")
    if same and options.color and not (options.height and options.width):
        content = read_bytes(path)  # as it is: nothing is lost
    else:
        try:
            content = encode_image(image, kind)
        except ValueError as error:
            raise DataFileError(path, str(error)) from error
    return Datum(0, 0, 0, content, label, None, True), image.shape


def folder_entries(folder: str | os.PathLike[str]) -> tuple[list[tuple[str, int]], list[str]]:
    """List a folder with one folder of images for each class.

    Parameters
    ----------
    folder : str or path-like

    Returns
    -------
    (list of (str, int), list of str)
        Name below the folder and label of each image; the names of the classes, in byte order.

    Raises
    ------
    DataFileError
        If there are no such folders, or no images in them.
    """
    top = Path(folder)
    classes = sorted((entry.name for entry in top.iterdir() if entry.is_dir()), key=os.fsencode)
    entries = []
    for label, name in enumerate(classes):
        files = sorted((file.name for file in (top / name).iterdir() if file.is_file()), key=os.fsencode)
        entries += [(f"{name}/{file}", label) for file in files]
    if not entries:
        raise DataFileError(os.fspath(folder), "has no folders with images in them, one for each class")
    return entries, classes


def mean_image(path: str | os.PathLike[str], *, progress: Progress = SILENT) -> np.ndarray:
    """Compute the mean of all images of a database.

    Parameters
    ----------
    path : str or path-like
        Of an LMDB or LevelDB.
    progress : Progress, default=SILENT

    Returns
    -------
    ndarray of shape (channels, height, width), float32

    Raises
    ------
    DataFileError
        If the database or a record is damaged, or the images differ in size.

    Notes
    -----
    ``tools/compute_image_mean.cpp``, bit for bit: one float for each pixel, to which image after image is added.
    """
    database = open_database(path)
    total: np.ndarray | None = None
    count = 0
    layout: RawLayout | None = None
    progress.start(len(database), f"averaging {database.path}")
    for record in database:
        if layout is None:
            _pixels(database, record)  # which says what is wrong with a record
            layout = RawLayout(record[1])
        alike = layout.read([record[1]])
        pixels = alike[0][0] if alike is not None else _pixels(database, record)[1]
        if total is None:
            total = np.zeros(pixels.shape, np.float32)
        elif pixels.shape != total.shape:
            raise DataFileError(
                database.path, f"{_key(record)!r} is of shape {pixels.shape}, but those before it of {total.shape}"
            )
        total += pixels
        count += 1
        progress.step()
    progress.done()
    assert total is not None
    return total / np.float32(count)


def export_images(
    path: str | os.PathLike[str], folder: str | os.PathLike[str], *, rgb: bool = False, progress: Progress = SILENT
) -> int:
    """Write the images of a database as files, with a list of them and their labels.

    Parameters
    ----------
    path : str or path-like
        Of an LMDB or LevelDB.
    folder : str or path-like
        To make, whole or not at all: ``images.txt``, and the files by label.
    rgb : bool, default=False
        Whether plain pixels are in the order RGB, as Caffe's CIFAR-10 has them, and not BGR.
    progress : Progress, default=SILENT

    Returns
    -------
    int
        Number of images.

    Raises
    ------
    DataFileError
        If the folder is there and not empty, or a record cannot be read.
    """
    database = open_database(path)
    target = Path(folder)
    if target.exists() and any(target.iterdir()):
        raise DataFileError(os.fspath(folder), "is not empty; nothing is overwritten")
    entries = []
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(target) as made:
        progress.start(len(database), f"exporting {database.path}")
        for record in database:
            name, label, content = _image_file(database, record, rgb)
            (made / str(label)).mkdir(exist_ok=True)
            (made / str(label) / name).write_bytes(content)
            entries.append((f"{label}/{name}", label))
            progress.step()
        progress.done()
        (made / "images.txt").write_text(write_image_list(entries), "utf-8", "surrogateescape")
    return len(entries)


def _image_file(database: Database, record: Record, rgb: bool) -> tuple[str, int, bytes]:
    """Name, label and content of the file that a record becomes."""
    datum, pixels = _pixels(database, record, decode=False)
    name = _key(record).replace("/", "_").replace("\0", "_")
    if datum.encoded:
        content = bytes(datum.data)
        kind = next((kind for magic, kind in _MAGICS.items() if content.startswith(magic)), "img")
    else:
        if pixels.shape[0] not in (1, 3) or pixels.dtype != np.uint8:
            reason = f"{name!r} holds {pixels.shape[0]} channels of {pixels.dtype}, which makes no image"
            raise DataFileError(database.path, reason)
        image = pixels.transpose(1, 2, 0)
        kind, content = "png", encode_image(image[..., ::-1] if rgb else image, "png")
    stem, dot, suffix = name.rpartition(".")
    return f"{stem if dot and suffix.lower() in (*_MAGICS.values(), 'jpeg') else name}.{kind}", datum.label, content


def copy_database(
    path: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: Progress = SILENT,
) -> int:
    """Copy all records of a database into a new LMDB.

    Parameters
    ----------
    path : str or path-like
        Of an LMDB or LevelDB.
    target : str or path-like
        Folder to make.
    overwrite : bool, default=False
        Replace a database that is there already.
    progress : Progress, default=SILENT

    Returns
    -------
    int
        Number of records.
    """
    database = open_database(path)
    n_records = len(database)
    with LmdbWriter(target, overwrite=overwrite) as writer:
        progress.start(n_records, f"writing {os.fspath(target)}")
        for key, value in database:
            writer.put(key, bytes(value))
            progress.step()
        progress.done()
    return n_records


def _pixels(database: Database, record: Record, decode: bool = True) -> tuple[Datum, np.ndarray]:
    """The datum of a record and its pixels, none if it is encoded and shall not be decoded."""
    try:
        datum = parse_datum(record[1])
        return datum, datum.pixels() if decode or not datum.encoded else np.empty(0, np.uint8)
    except ValueError as error:
        raise DataFileError(database.path, f"the record with key {_key(record)!r} {error}") from error


def _key(record: Record) -> str:
    """A record's key as text."""
    return os.fsdecode(record[0])
