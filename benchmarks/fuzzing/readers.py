"""Every reader of this package: what it reads, and which modules it goes through.

A module that opens files and is in no row fails `tests/property/test_damaged_files.py`, so that nobody forgets one.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.fuzzing import seeds
from cnnvis_caffe.progress import SILENT


class Reader(NamedTuple):
    """A reader of one kind of file.

    Attributes
    ----------
    read : callable
        Reads a file and looks at everything in it.
    seeds : callable
        Writes sound files of that kind into a folder.
    modules : tuple of str
        Modules of the package that it goes through and that open files.
    weight : float
        How many mutations it gets, beside others; fewer where one takes long.
    room : int
        Addresses that it takes beside memory, in bytes: LMDB maps more than there is.
    """

    read: Callable[[str], Any]
    seeds: Callable[[Path], None]
    modules: tuple[str, ...]
    weight: float = 1.0
    room: int = 0


def _weights(path: str) -> None:
    from cnnvis_caffe.formats.weights import read_weights

    for layer in read_weights(path).layers:
        for blob in layer.blobs:
            if blob is not None:
                np.isfinite(blob.data).sum()


def _solver_state(path: str) -> None:
    from cnnvis_caffe.formats.solverstate import read_solverstate

    for blob in read_solverstate(path).history:
        np.isfinite(blob.data).sum()


def _resume(path: str) -> None:
    from cnnvis_caffe.formats.resume import read_resume

    read_resume(path)


def _mean(path: str) -> None:
    from cnnvis_caffe.formats.mean import read_mean

    read_mean(path)


def _network(path: str) -> None:
    from cnnvis_caffe.formats.prototxt import read_network

    read_network(path)


def _solver(path: str) -> None:
    from cnnvis_caffe.network.report import inspect_file

    inspect_file(path)


def _inspected(path: str) -> None:
    from cnnvis_caffe.network.report import inspect_file
    from cnnvis_caffe.text.report import render

    render(inspect_file(path))


def _run_net(path: str) -> None:
    from cnnvis_caffe.formats.prototxt import read_network
    from cnnvis_caffe.runtime.net import Net

    net = Net(read_network(path), 1)
    net.forward()


def _arrays(path: str) -> None:
    from cnnvis_caffe.datasets.array_files import read_array_file

    read_array_file(path, ("data", "label"))


def _npy(path: str) -> None:
    from cnnvis_caffe.formats.npy import read_npy

    read_npy(path)


def _image(path: str) -> None:
    from cnnvis_caffe.formats.images import read_image

    read_image(path)


def _loaded_image(path: str) -> None:
    from cnnvis_caffe.pycaffe.io import load_image

    load_image(path)


def _database(path: str) -> None:
    from cnnvis_caffe.datasets.readers import DatabaseReader
    from cnnvis_caffe.formats.database import open_database

    folder = Path(path + ".db")
    folder.mkdir()
    try:
        shutil.move(path, folder / "data.mdb")
        database = open_database(folder)
        for _ in database:
            pass
        reader = DatabaseReader(database, None)
        reader.read(np.arange(len(reader.labels)))
    finally:
        shutil.rmtree(folder)


def _record(path: str) -> None:
    from cnnvis_caffe.datasets.readers import DatabaseReader
    from cnnvis_caffe.formats.database import open_database
    from cnnvis_caffe.formats.lmdb import LmdbWriter

    value, sound = Path(path).read_bytes(), (Path(path).parent / "sound").read_bytes()
    folder = Path(path + ".db")
    try:
        with LmdbWriter(folder) as writer:
            for number in range(4):
                writer.put(b"%d" % number, value if number == 2 else sound)
        reader = DatabaseReader(open_database(folder), None)
        reader.read(np.arange(len(reader.labels)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _image_list(path: str) -> None:
    from cnnvis_caffe.datasets.annotate import annotate
    from cnnvis_caffe.errors import CnnvisError
    from cnnvis_caffe.formats.clip_list import read_clip_list
    from cnnvis_caffe.formats.image_list import read_image_list
    from cnnvis_caffe.formats.image_table import read_image_table

    with contextlib.suppress(CnnvisError):
        read_clip_list(path)
    read_image_list(path)
    annotate(read_image_table(path))


def _file_list(path: str) -> None:
    from cnnvis_caffe.formats.hdf5_data import read_file_list

    read_file_list(path)


def _class_names(path: str) -> None:
    from cnnvis_caffe.datasets.class_names import read_class_names

    read_class_names(path)


def _mask(path: str) -> None:
    from cnnvis_caffe.datasets.readers import read_mask

    read_mask(path)


def _parts(path: str) -> None:
    from cnnvis_caffe.explanation.correspondence import read_part_boxes

    read_part_boxes(path)


def _ablation(path: str) -> None:
    from cnnvis_caffe.explanation.ablation import read_result

    read_result(Path(path))


def _windows(path: str) -> None:
    from cnnvis_caffe.formats.window_file import read_window_file

    read_window_file(path)


def _log(path: str) -> None:
    from cnnvis_caffe.formats.training_log import read_training_log

    read_training_log(path)


def _idx(path: str) -> None:
    from cnnvis_caffe.datasets.mnist import read_idx

    read_idx(Path(path), 2051)


def _python_batch(path: str) -> None:
    from cnnvis_caffe.datasets.cifar10 import _read_pickle

    _read_pickle(Path(path).read_bytes(), path)


def _archive(path: str) -> None:
    from cnnvis_caffe.datasets.cifar10 import _batches

    for split in ("train", "test"):
        list(_batches(Path(path), split, ".bin", SILENT))


def _analysis(path: str) -> None:
    from cnnvis_caffe.store.reader import read_analysis

    analysis = read_analysis(path)
    for snapshot in analysis.snapshots:
        for features in snapshot.features.values():
            features.mean.sum(), features.top_image.sum(), features.top_box.sum()
        for connections in snapshot.connections.values():
            connections.weight.sum()
        for thumbnails in snapshot.thumbnails.values():
            list(thumbnails)
        for name in (*snapshot.similarity, *snapshot.correlation, *snapshot.scale):
            snapshot.similarity.get(name), snapshot.correlation.get(name), snapshot.scale.get(name)
        list(snapshot.kernels.values()), list(snapshot.weight_counts.values())
    list(analysis.images.values())


def _picture(path: str) -> None:
    from cnnvis_caffe.drawing.pictures import ViewDrawer
    from cnnvis_caffe.records.view import View
    from cnnvis_caffe.store.reader import read_analysis

    ViewDrawer(read_analysis(path)).draw(View())


def _state(path: str) -> None:
    from cnnvis_caffe.store.state import read_state

    for sums in read_state(path).sums.values():
        dict(sums)


def _session(path: str) -> None:
    from cnnvis_caffe.edits.sessions import load_session, session_text

    session_text(load_session(path))


def _kind(path: str) -> None:
    from cnnvis_caffe.formats.file_kind import guess_kind

    guess_kind(path)


READERS: dict[str, Reader] = {
    "caffemodel": Reader(_weights, seeds.caffemodels, ("formats.caffemodel", "formats.weights", "formats.mapped")),
    "caffemodel in HDF5": Reader(
        _weights, seeds.hdf5_weights, ("formats.hdf5", "files.plain_hdf5.content", "files.plain_hdf5.file")
    ),
    "HDF5 of other libraries": Reader(_weights, seeds.other_hdf5, ("files.plain_hdf5.copy_by_library",), 0.02),
    "solver state": Reader(_solver_state, seeds.solver_states, ("formats.solverstate",)),
    "solver state in HDF5": Reader(_solver_state, seeds.hdf5_solver_states, ()),
    "resume file": Reader(_resume, seeds.resume_states, ("formats.resume",)),
    "mean image": Reader(_mean, seeds.means, ("formats.mean", "runtime.layers.infogain_loss")),
    "network": Reader(_network, seeds.networks, ("formats.prototxt", "cli.upgrade")),
    "network, inspected": Reader(_inspected, seeds.layers, ()),
    "network, run": Reader(_run_net, seeds.layers, (), 0.5),
    "solver": Reader(_solver, seeds.solvers, ()),
    "arrays in HDF5": Reader(_arrays, seeds.data_arrays, ("formats.hdf5_data", "datasets.source")),
    "arrays in npz": Reader(_arrays, seeds.npz, ("formats.npy",)),
    "array in npy": Reader(_npy, seeds.npy, ()),
    "image": Reader(_image, seeds.images, ("formats.images", "datasets.databases", "cli.caffe_examples")),
    "image, as pycaffe reads it": Reader(_loaded_image, seeds.images, ("pycaffe.io",), 0.3),
    "LMDB": Reader(_database, seeds.databases, ("formats.lmdb",), 0.7, 2 << 30),
    "record of a database": Reader(_record, seeds.records, (), 0.3, 2 << 30),
    "mask": Reader(_mask, seeds.images, ("datasets.readers",), 0.3),
    "list of images": Reader(
        _image_list, seeds.lists, ("formats.image_list", "formats.image_table", "formats.clip_list", "datasets.opening")
    ),
    "names of classes": Reader(_class_names, seeds.class_names, ("datasets.class_names",), 0.3),
    "table of parts": Reader(_parts, seeds.part_tables, ("explanation.correspondence",), 0.3),
    "result of an ablation": Reader(_ablation, seeds.ablations, ("explanation.ablation",), 0.3),
    "list of HDF5 files": Reader(_file_list, seeds.lists, (), 0.3),
    "window file": Reader(_windows, seeds.windows, ("formats.window_file", "runtime.layers.window_data")),
    "training log": Reader(_log, seeds.logs, ("formats.training_log",)),
    "MNIST": Reader(_idx, seeds.idx, ("datasets.mnist",)),
    "CIFAR-10, python batch": Reader(_python_batch, seeds.python_batches, ()),
    "CIFAR-10, archive": Reader(_archive, seeds.archives, ("datasets.cifar10",), 0.5),
    "analysis file": Reader(_analysis, seeds.analyses, ("store.h5", "store.reader", "store.pictures"), 0.2),
    "analysis file, drawn": Reader(_picture, seeds.analyses, (), 0.02),
    "part of an analysis": Reader(_state, seeds.analysis_states, ("store.state",)),
    "session": Reader(_session, seeds.sessions, ("edits.sessions",)),
    "kind of a file": Reader(_kind, seeds.networks, ("formats.file_kind",), 0.5),
}

#: Modules that open files and need no row, and why.
NO_READERS = {
    "formats.leveldb": "opens a database by its library, which checks its own sums; seldom installed",
    "formats.schema": "a file of this package",
    "files.atomic": "writes",
    "files.opening": "opens for others",
    "files.temporary": "a file of the system",
    "real_caffe": "writes",
    "scene.lettering": "a file of this package",
    "render.svg": "a file of this package",
    "runtime.solvers.training_log": "writes",
    "store.migration": "a copy that was just made",
    "viewer.model.export": "writes",
    "cli.analyze": "names of classes, one a line",
    "analysis.request": "checksums of files",
    "pycaffe.draw": "writes",
    "pycaffe.python2.names": "scripts that are run",
    "pycaffe.python2.files": "the files of scripts that are run",
    "pycaffe.python2.run": "scripts that are run",
    "pycaffe.python2.old_pictures": "the files of scripts that are run",
    "cli.main": "writes",
}
