"""CIFAR-10 as the databases that the study's nets read, and which CIFAR-10 it is."""

from __future__ import annotations

from pathlib import Path

#: Says which images the databases hold; written last, so that what is there with it is whole.
NOTE = "images.txt"


def prepare(folder: Path) -> str:
    """Make the databases and the mean image if they are missing.

    Parameters
    ----------
    folder : Path
        Where they are to be.

    Returns
    -------
    str
        What the images are: "CIFAR-10", or "JPEG copies of CIFAR-10".
    """
    if not (folder / NOTE).exists():
        _make(folder)
    return (folder / NOTE).read_text().strip()


def _make(folder: Path) -> None:
    """Write all of them; copies come sorted by class and are shuffled, so that the first so many are of all classes."""
    from cnnvis_caffe import datasets
    from cnnvis_caffe.datasets.databases import mean_image, write_image_set
    from cnnvis_caffe.formats.mean import write_mean

    folder.mkdir(parents=True, exist_ok=True)
    for split in datasets.SPLITS:
        images = datasets.load("cifar10", split)
        seed = 0 if images.note else None
        write_image_set(images, folder / f"cifar10_{split}_lmdb", digits=5, shuffle_seed=seed, overwrite=True)
    write_mean(folder / "cifar10_mean.binaryproto", mean_image(str(folder / "cifar10_train_lmdb")))
    (folder / NOTE).write_text((images.note or "CIFAR-10") + "\n")
