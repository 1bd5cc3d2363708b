"""The data sets of the papers: found or fetched, checked, and given as arrays.

`load("mnist", "train")` returns an `ImageSet`. Files are looked for in the folder that `CNNVIS_DATA_DIR` names, then
in the user's cache, and downloaded into the cache when they are in neither.
"""

from __future__ import annotations

from cnnvis_caffe.datasets.cifar10 import load_cifar10
from cnnvis_caffe.datasets.digits import load_digits
from cnnvis_caffe.datasets.mnist import load_mnist
from cnnvis_caffe.errors import UnknownNameError
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.image_set import ImageSet

#: A loader takes the part ("train" or "test") and a `Progress`.
LOADERS = {"mnist": load_mnist, "cifar10": load_cifar10, "digits": load_digits}
NAMES = tuple(LOADERS)
SPLITS = ("train", "test")


def load(name: str, split: str, *, progress: Progress = SILENT) -> ImageSet:
    """Load one part of a data set.

    Parameters
    ----------
    name : str
        "mnist", "cifar10" or "digits".
    split : str
        "train" or "test".
    progress : Progress, default=SILENT
        Told of downloads and of what takes long.

    Returns
    -------
    ImageSet

    Raises
    ------
    UnknownNameError
        If there is no such data set or part.
    DataNotFoundError
        If the files are not here and cannot be downloaded.
    DataFileError
        If a file is damaged.
    """
    if name not in LOADERS:
        raise UnknownNameError("data set", name, tuple(LOADERS))
    if split not in SPLITS:
        raise UnknownNameError(f"part of {name}", split, SPLITS)
    return LOADERS[name](split, progress)


__all__ = ["NAMES", "SPLITS", "ImageSet", "load"]
