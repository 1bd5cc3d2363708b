"""Folders of image files: plain ones, and those with a folder for each class or group."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np

from cnnvis_caffe.errors import DataFileError
from cnnvis_caffe.formats.image_table import IMAGE_SUFFIXES
from cnnvis_caffe.records.annotations import MASK, Annotations, of_classes, without_labels

logger = logging.getLogger(__name__)


def image_files(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the image files of a folder, in byte order.

    Parameters
    ----------
    folder : str or path-like
    """
    return [Path(name) for name in _image_names(folder)]


def _image_names(folder: str | os.PathLike[str]) -> list[str]:
    """The same as texts, which take a tenth of the memory: there may be millions."""
    top = os.fspath(Path(folder))
    with os.scandir(top) as entries:
        names = [entry.name for entry in entries if os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES]
    names.sort(key=os.fsencode)
    return names if top == os.curdir else [os.path.join(top, name) for name in names]


def read_folder(folder: str) -> tuple[list[str], Annotations]:
    """Find the images of a folder, and what the folders in it say about them.

    Parameters
    ----------
    folder : str

    Returns
    -------
    (list of str, Annotations)
        With folders inside: a class for each, numbered in byte order. Else images without labels.

    Raises
    ------
    DataFileError
        If there are no images.
    """
    folders = sorted((entry for entry in Path(folder).iterdir() if entry.is_dir()), key=os.fsencode)
    loose = _image_names(folder)
    inside = [_image_names(one) for one in folders]
    if not any(inside):
        if loose:
            return loose, without_labels(len(loose))
        if folders:
            raise DataFileError(
                folder,
                f"has {len(folders)} class folders, but no images in them; images are {', '.join(IMAGE_SUFFIXES)}",
            )
        raise DataFileError(
            folder, "has no images and is not a database; give a folder of images, or one with a folder of images for "
            f"each class; images are {', '.join(IMAGE_SUFFIXES)}"
        )  # fmt: skip
    if loose:
        logger.warning("%s: %d images that are in no class folder are left out", folder, len(loose))
    labels = np.repeat(np.arange(len(folders)), [len(files) for files in inside]).astype(np.int64)
    return [file for files in inside for file in files], of_classes(labels, tuple(one.name for one in folders))


def with_masks(files: list[str], folder: str) -> Annotations:
    """Find the mask of each image in a folder of masks.

    Parameters
    ----------
    files : list of str
        Image files.
    folder : str
        With a file of the same name, but for its ending, for each image.

    Returns
    -------
    Annotations
        Of the kind "mask".

    Raises
    ------
    DataFileError
        If it is not a folder, or an image has no mask.
    """
    if not os.path.isdir(folder):
        raise DataFileError(folder, "is not a folder; give the folder with the masks, named as the images are")
    known = {path.stem: os.fspath(path) for path in image_files(folder)}
    missing = [file for file in files if Path(file).stem not in known]
    if missing:
        more = f", nor for {len(missing) - 1} more images" if len(missing) > 1 else ""
        raise DataFileError(
            folder, f"has no mask for {missing[0]}{more}; a mask has the name of its image and any ending of an image"
        )
    return Annotations(MASK, len(files), masks=tuple(known[Path(file).stem] for file in files))
