"""`cnnvis-caffe data`: data sets and image files as Caffe's databases, and back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cnnvis_caffe.cli.bar import Bar
from cnnvis_caffe.cli.caffe_flags import CaffeCommand
from cnnvis_caffe.cli.say import say

#: Of the order in which images that come sorted by class are written for training.
SHUFFLE_SEED = 0

_overwrite = click.option("--force", is_flag=True, help="Replace a database that is there already.")


@click.group(name="data")
def command() -> None:
    """Make the databases that Caffe's networks read.

    Data sets are looked for in the folder that CNNVIS_DATA_DIR names, then in the user's cache, and are downloaded
    when they are in neither.
    """


def _make_data_set(context: click.Context, name: str, out: str, force: bool, digits: int) -> dict[str, Any]:
    """Write both parts of a data set; return what was read."""
    from cnnvis_caffe import datasets
    from cnnvis_caffe.datasets.databases import write_image_set
    from cnnvis_caffe.errors import DataFileError

    targets = {split: os.path.join(out, f"{name}_{split}_lmdb") for split in datasets.SPLITS}
    for target in (*targets.values(), os.path.join(out, f"{name}_mean.binaryproto")):
        if os.path.exists(target) and not force:  # before anything is downloaded or read
            raise DataFileError(target, "is there already; delete it, or replace it with --force")
    parts = {}
    for split, target in targets.items():
        part = parts[split] = datasets.load(name, split, progress=Bar(context))
        Path(out).mkdir(parents=True, exist_ok=True)
        seed = SHUFFLE_SEED if part.note and split == "train" else None
        write_image_set(part, target, digits=digits, shuffle_seed=seed, overwrite=force, progress=Bar(context))
        said = f" ({part.note}{', shuffled' if seed is not None else ''})" if part.note else ""
        say(f"{target}: {len(part)} images{said}")
    return parts


@command.command()
@click.argument("out", type=click.Path(file_okay=False))
@_overwrite
@click.pass_context
def mnist(context: click.Context, out: str, force: bool) -> None:
    """Write OUT/mnist_train_lmdb and OUT/mnist_test_lmdb."""
    _make_data_set(context, "mnist", out, force, 8)


@command.command()
@click.argument("out", type=click.Path(file_okay=False))
@_overwrite
@click.pass_context
def cifar10(context: click.Context, out: str, force: bool) -> None:
    """Write OUT/cifar10_train_lmdb, OUT/cifar10_test_lmdb and OUT/cifar10_mean.binaryproto.

    As in Caffe's own, channels are in the order RGB.
    """
    _make_data_set(context, "cifar10", out, force, 5)
    _write_mean(context, os.path.join(out, "cifar10_train_lmdb"), os.path.join(out, "cifar10_mean.binaryproto"))


@command.command()
@click.argument("out", type=click.Path(file_okay=False))
@_overwrite
@click.pass_context
def digits(context: click.Context, out: str, force: bool) -> None:
    """Write OUT/digits_train_lmdb and OUT/digits_test_lmdb, from scikit-learn's digits; nothing is downloaded."""
    _make_data_set(context, "digits", out, force, 8)


def _image_options(function: Callable[..., None]) -> Callable[..., None]:
    """The options of commands that read image files; Caffe's spelling with underscores is taken as well."""
    for option in (
        click.option("--gray", is_flag=True, help="One channel."),
        click.option("--resize-height", "--resize_height", type=click.IntRange(0), default=0, help="In pixels."),
        click.option("--resize-width", "--resize_width", type=click.IntRange(0), default=0, help="In pixels."),
        click.option("--encoded", is_flag=True, help="Keep image files as they are, instead of plain pixels."),
        click.option("--encode-type", "--encode_type", default="", help="Encode as png, jpg and so on."),
        click.option("--check-size", "--check_size", is_flag=True, help="Refuse images that differ in size."),
        click.option("--shuffle", is_flag=True, help="Write the images in a random order."),
        click.option("--seed", type=int, default=SHUFFLE_SEED, show_default=True, help="Seed of the random order."),
        _overwrite,
    ):
        function = option(function)
    return function


_PATHS = "[ROOT] LIST OUT"


@command.command(cls=CaffeCommand)
@click.argument("paths", nargs=-1, metavar=_PATHS, type=click.Path())
@click.option("--root", default="", help="Text before each path of LIST, such as a folder with a slash at its end.")
@click.option("--backend", type=click.Choice(["lmdb", "leveldb"]), default="lmdb", help="New databases are LMDBs.")
@_image_options
@click.pass_context
def images(context: click.Context, paths: tuple[str, ...], root: str, backend: str, **options: Any) -> None:
    """Write the images that LIST names (a path and a label on each line) as the LMDB OUT, as convert_imageset does.

    Takes the arguments and flags of convert_imageset as they are, ROOT first.
    """
    from cnnvis_caffe.errors import DataFileError
    from cnnvis_caffe.formats.image_list import read_image_list

    if len(paths) not in (2, 3):
        raise click.UsageError(f"expected {_PATHS}, got {len(paths)} arguments", context)
    if len(paths) == 3 and root:
        raise click.UsageError("the root is given twice: as an argument and by --root", context)
    if backend != "lmdb":
        raise click.UsageError("a LevelDB can be read but not written; write an LMDB, with --backend lmdb", context)
    root = paths[0] if len(paths) == 3 else root
    list, out = paths[-2:]
    entries = read_image_list(list)
    if not entries:
        raise DataFileError(list, "names no images")
    _write_files(context, entries, root, out, options)


def _write_files(
    context: click.Context, entries: list[tuple[str, int]], root: str, out: str, options: dict[str, Any]
) -> None:
    """Write image files as an LMDB."""
    import numpy as np

    from cnnvis_caffe.datasets.databases import ImageOptions, write_image_files

    if options["shuffle"]:
        order = np.random.default_rng(options["seed"]).permutation(len(entries))
        entries = [entries[index] for index in order]
    how = ImageOptions(
        color=not options["gray"],
        height=options["resize_height"],
        width=options["resize_width"],
        encode=options["encode_type"],
        keep_files=options["encoded"],
        check_size=options["check_size"],
    )
    write_image_files(entries, root, out, how, overwrite=options["force"], progress=Bar(context))
    say(f"{out}: {len(entries)} images")


@command.command(cls=CaffeCommand)
@click.argument("database", type=click.Path())
@click.argument("out", type=click.Path(dir_okay=False), required=False)
@click.option("--backend", type=click.Choice(["lmdb", "leveldb"]), help="Accepted as in Caffe, and not needed.")
@click.pass_context
def mean(context: click.Context, database: str, out: str | None, backend: str | None) -> None:
    """Write the mean image of DATABASE to OUT (.binaryproto), and print the mean of each channel."""
    _write_mean(context, database, out)


def _write_mean(context: click.Context, database: str, out: str | None) -> None:
    """Compute and write a mean image."""
    from cnnvis_caffe.datasets.databases import mean_image
    from cnnvis_caffe.formats.mean import write_mean

    image = mean_image(database, progress=Bar(context))
    if out:
        write_mean(out, image)
    values = "  ".join(f"{value:.6g}" for value in image.mean(axis=(1, 2), dtype=float))
    say(f"{out or database}: mean_value of each channel  {values}")


@command.command()
@click.argument("database", type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@click.option("--rgb", is_flag=True, help="Pixels are in the order RGB, as Caffe's CIFAR-10 has them, and not BGR.")
@click.pass_context
def export(context: click.Context, database: str, out: str, rgb: bool) -> None:
    """Write the images of DATABASE as files OUT/LABEL/KEY.png, with the list OUT/images.txt."""
    from cnnvis_caffe.datasets.databases import export_images

    n_images = export_images(database, out, rgb=rgb, progress=Bar(context))
    say(f"{out}: {n_images} images, listed in images.txt")


@command.command(cls=CaffeCommand)
@click.argument("source", type=click.Path(exists=True, file_okay=False))
@click.argument("out", type=click.Path())
@_image_options
@click.pass_context
def convert(context: click.Context, source: str, out: str, **options: Any) -> None:
    """Write SOURCE as the LMDB OUT: a LevelDB, or a folder with one folder of images for each class.

    Classes are numbered in byte order of their folders' names. The options are for image files only.
    """
    from cnnvis_caffe.datasets.databases import copy_database, folder_entries
    from cnnvis_caffe.formats.database import kind_of_database

    if kind_of_database(source):
        n_records = copy_database(source, out, overwrite=options["force"], progress=Bar(context))
        say(f"{out}: {n_records} records")
        return
    entries, classes = folder_entries(source)
    for label, name in enumerate(classes):
        say(f"{label} {name}")
    _write_files(context, entries, os.path.join(source, ""), out, options)
