"""Writing an analysis file, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

import h5py
import numpy as np

from cnnvis_caffe.errors import StoreError
from cnnvis_caffe.progress import SILENT, Progress
from cnnvis_caffe.records.analysis import (
    Analysis,
    Connections,
    Curve,
    DataSummary,
    LayerDebug,
    LayerFeatures,
    Node,
    Snapshot,
)
from cnnvis_caffe.records.preparation import PreparationTrial
from cnnvis_caffe.store import schema
from cnnvis_caffe.store.h5 import create, create_group, is_of_format, write_array, write_json, write_text
from cnnvis_caffe.store.pictures import PicturePool
from cnnvis_caffe.store.schema import connection_key, escape
from cnnvis_caffe.store.state import FORMAT as STATE_FORMAT

#: Images up to this height and width are kept to the bit.
_LARGEST_PNG_IMAGE = 64
#: Thumbnails likewise: there are many more of them.
_LARGEST_PNG_THUMBNAIL = 32


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise if a file cannot be written, before the work that it is to hold begins.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    StoreError
        If its folder is missing or cannot be written to, or there is something at its place that is no analysis or is
        write-protected.
    """
    path = os.fspath(path)
    folder = os.path.dirname(os.path.realpath(path))
    if os.path.isdir(path):
        raise StoreError(path, "", "is a folder; name a file")
    if not os.path.isdir(folder):
        raise StoreError(path, "", f"cannot be written: there is no folder {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StoreError(path, "", f"cannot be written: the folder {folder} is read-only")
    if os.path.isfile(path) and os.path.getsize(path):
        # Somebody's weights or images, perhaps: one slip on the command line must not cost them.
        if not is_of_format(path, (schema.FORMAT, STATE_FORMAT)):
            raise StoreError(path, "", "is there already and is not an analysis file; it is not overwritten")
        if not os.stat(path).st_mode & 0o222:
            raise StoreError(path, "", "is there already and is write-protected; it is not overwritten")


def write_analysis(path: str | os.PathLike[str], analysis: Analysis, *, progress: Progress = SILENT) -> None:
    """Write an analysis file.

    Parameters
    ----------
    path : str or path-like
    analysis : Analysis
        Its mappings are asked for one entry at a time.
    progress : Progress, default=SILENT
        Told of nodes.

    Raises
    ------
    StoreError
        If it cannot be written; nothing is left behind and what was there before still is.
    """
    with writing(path, analysis.nodes, len(analysis.snapshots), progress) as writer:
        for snapshot in analysis.snapshots:
            writer.add(snapshot)
        writer.finish(
            title=analysis.title, data=analysis.data, images=analysis.images, image_class=analysis.image_class,
            curves=analysis.curves, provenance=analysis.provenance, preparation=analysis.preparation,
        )  # fmt: skip


@contextmanager
def writing(
    path: str | os.PathLike[str], nodes: Sequence[Node], n_snapshots: int, progress: Progress = SILENT
) -> Iterator[AnalysisWriter]:
    """Write an analysis file snapshot after snapshot, so that no more than one is in memory.

    Parameters
    ----------
    path : str or path-like
    nodes : sequence of Node
    n_snapshots : int
    progress : Progress, default=SILENT
        Told of nodes.

    Yields
    ------
    AnalysisWriter

    Raises
    ------
    StoreError
        If it cannot be written; nothing is left behind and what was there before still is.
    """
    path = os.fspath(path)
    check_writable(path)
    progress.start(len(nodes) * n_snapshots, f"writing {os.path.basename(path)}")
    with create(path) as root:
        root.attrs["format"], root.attrs["schema_version"] = schema.FORMAT, schema.VERSION
        write_json(root, "nodes", [vars(node) for node in nodes])
        with closing(PicturePool(create_group(root, "pictures"), _LARGEST_PNG_THUMBNAIL)) as thumbnails:
            yield AnalysisWriter(root, nodes, thumbnails, progress)
    progress.done()


class AnalysisWriter:
    """Writes the parts of an analysis; `writing` makes it.

    Parameters
    ----------
    root : h5py.File
    nodes : sequence of Node
    thumbnails : PicturePool
        Of all snapshots.
    progress : Progress
    """

    def __init__(self, root: h5py.File, nodes: Sequence[Node], thumbnails: PicturePool, progress: Progress) -> None:
        self._root, self._nodes, self._thumbnails, self._progress = root, nodes, thumbnails, progress
        self._snapshots = create_group(root, "snapshots")
        self._keys: list[str] = []
        self._debug: list[Mapping[str, LayerDebug]] = []

    def add(self, snapshot: Snapshot) -> None:
        """Write the next snapshot.

        Parameters
        ----------
        snapshot : Snapshot
        """
        key = _snapshot_key(snapshot, self._keys)
        group = create_group(self._snapshots, key)
        group.attrs["position"] = len(self._keys)
        _write_snapshot(group, snapshot, self._nodes, self._thumbnails, self._progress)
        group["pictures"] = self._root["pictures"]
        self._keys.append(key)
        self._debug.append(snapshot.debug)

    def finish(
        self,
        *,
        title: str,
        data: DataSummary,
        images: Mapping[int, np.ndarray],
        image_class: Mapping[int, int],
        curves: Sequence[Curve],
        provenance: Mapping[str, str],
        preparation: PreparationTrial | None = None,
    ) -> None:
        """Write everything that is not of one snapshot.

        Parameters
        ----------
        title : str
        data : DataSummary
        images, image_class : mapping of int to ndarray, mapping of int to int
            Images are asked for one at a time.
        curves : sequence of Curve
        provenance : mapping of str to str
        preparation : PreparationTrial, optional
        """
        root = self._root
        self._thumbnails.finish()
        write_text(root, "title", title)
        write_json(root, "provenance", dict(provenance))
        _write_data(root, data)
        if preparation is not None:
            write_json(root["data"], "preparation", preparation.to_json())
        _write_images(root, images, image_class)
        _write_curves(root, curves)
        _write_debug(root, self._debug)
        last = self._snapshots[self._keys[-1]]
        root["layers"], root["connections"] = last["layers"], last["connections"]


def _snapshot_key(snapshot: Snapshot, taken: Sequence[str]) -> str:
    """The name of a snapshot's group, where some are taken."""
    name = escape(snapshot.label) if snapshot.iteration is None else str(snapshot.iteration)
    key, number = name, 2
    while key in taken:
        key, number = f"{name}#{number}", number + 1
    return key


def _write_data(root: h5py.File, data: DataSummary) -> None:
    """Write what was analysed."""
    group = create_group(root, "data")
    for name in ("source", "channel_order", "input_name", "preprocessing", "task", "column", "columns", "score_name"):
        write_text(group, name, getattr(data, name))
    group.attrs["n_images"], group.attrs["columns_are_scores"] = data.n_images, int(data.columns_are_scores)
    if data.item != "image":
        write_text(group, "item", data.item)
    if data.scale is not None:
        group.attrs["scale"] = data.scale
    if data.mean is not None:
        write_array(group, "mean", data.mean, "<f4")
    write_json(group, "class_names", data.class_names)
    write_array(group, "class_count", data.class_count, "<i8")
    write_array(group, "input_shape", np.array(data.input_shape), "<i8")


def _write_images(root: h5py.File, images: Mapping[int, np.ndarray], image_class: Mapping[int, int]) -> None:
    """Write the images that patches come from."""
    group = create_group(root, "images")
    indices = sorted(images)
    with closing(PicturePool(create_group(group, "pictures"), _LARGEST_PNG_IMAGE)) as pool:
        numbers = [pool.add(images[index]) for index in indices]
        pool.finish()
    write_array(group, "index", np.array(indices, np.int64), "<i8")
    write_array(group, "class", np.array([image_class[index] for index in indices], np.int64), "<i8")
    write_array(group, "picture", np.array(numbers, np.int64), "<i8")


def _write_curves(root: h5py.File, curves: Sequence[Curve]) -> None:
    """Write what a training log says."""
    group = create_group(root, "curves")
    for number, curve in enumerate(curves):
        row = create_group(group, str(number))
        for name in ("name", "unit", "source"):
            write_text(row, name, getattr(curve, name))
        write_array(row, "iterations", curve.iterations, "<i8")
        write_array(row, "values", curve.values, "<f8")


def _write_debug(root: h5py.File, debug: Sequence[Mapping[str, LayerDebug]]) -> None:
    """Write tables of layers by snapshots."""
    group = create_group(root, "debug")
    layers = list(dict.fromkeys(name for of_snapshot in debug for name in of_snapshot))
    known = [[name in of_snapshot for of_snapshot in debug] for name in layers]
    write_json(group, "layers", layers)
    shape = (len(layers), len(debug))
    write_array(group, "known", np.array(known, np.uint8).reshape(shape), "|u1")
    nothing = LayerDebug()
    for quantity in schema.DEBUG:
        table = [[getattr(of_snapshot.get(name, nothing), quantity) for of_snapshot in debug] for name in layers]
        write_array(group, quantity, np.array(table, np.float64).reshape(shape), "<f8")


def _write_snapshot(
    group: h5py.Group, snapshot: Snapshot, nodes: Sequence[Node], pool: PicturePool, progress: Progress
) -> None:
    """Write what was found out about one snapshot."""
    for name in ("label", "path", "sha256"):
        write_text(group, name, getattr(snapshot, name))
    if snapshot.iteration is not None:
        group.attrs["iteration"] = snapshot.iteration
    group.attrs["loss"], group.attrs["error"] = float(snapshot.loss), float(snapshot.error)
    _write_measures(group, snapshot)
    layers, connections = create_group(group, "layers"), create_group(group, "connections")
    for node in nodes:
        name = node.name
        tables = (
            *(snapshot.features, snapshot.similarity, snapshot.correlation, snapshot.scale, snapshot.thumbnails),
            *(snapshot.kernels, snapshot.weight_counts),
        )
        if any(name in table for table in tables):
            row = create_group(layers, escape(name))
            write_text(row, "name", name)
            _write_layer(row, snapshot, name, pool)
        if name in snapshot.connections:
            row = create_group(connections, connection_key(node.sources[0], name))
            write_text(row, "from", node.sources[0])
            write_text(row, "to", name)
            _write_connections(row, snapshot.connections[name])
        progress.step()


def _write_measures(group: h5py.Group, snapshot: Snapshot) -> None:
    """Write how right the answers are."""
    if snapshot.measures:
        names = ("name", "unit", "is_better_high")
        write_json(group, "measures", [{name: getattr(one, name) for name in names} for one in snapshot.measures])
        rows = [[[one.overall, *one.values], [one.guess, *one.guesses]] for one in snapshot.measures]
        write_array(group, "measure_values", np.array(rows, np.float64), "<f8")
    if snapshot.confusion is not None:
        write_array(group, "confusion", snapshot.confusion, "<f8")
    if snapshot.cell_images is not None:
        cells = snapshot.cell_images
        write_array(group, "cell_images", np.column_stack([cells.row, cells.column, cells.image]), "<i8")
        write_array(group, "cell_leads", cells.lead, "<f4")


def _write_layer(group: h5py.Group, snapshot: Snapshot, name: str, pool: PicturePool) -> None:
    """Write what the neurons of one node do."""
    if name in snapshot.features:
        _write_features(group, snapshot.features[name])
    for table in ("similarity", "correlation"):
        matrices = getattr(snapshot, table)
        if name in matrices:
            write_array(group, table, pack_triangle(matrices[name]), "<i2")
    if name in snapshot.scale:
        write_array(group, "scale", snapshot.scale[name], "<f4")
    if name in snapshot.kernels:
        write_array(group, "kernels", snapshot.kernels[name], "<f4")
    if name in snapshot.weight_counts:
        counts = snapshot.weight_counts[name]
        write_array(group, "weight_counts", counts.counts, "<i8")
        write_array(group, "weight_range", np.array([counts.low, counts.high]), "<f8")
    if name in snapshot.thumbnails:
        numbers = [pool.add(picture) for picture in snapshot.thumbnails[name]]
        write_array(group, "thumbnail", np.array(numbers, np.int32), "<i4")


def _write_connections(group: h5py.Group, connections: Connections) -> None:
    """Write the tables of a connection; mean absolute values only where they are not those of the mean."""
    for quantity in ("weight", "gradient"):
        signed, absolute = getattr(connections, quantity), getattr(connections, f"abs_{quantity}")
        if signed is not None:
            write_array(group, quantity, signed, "<f4")
        # With a kernel of 1x1 they are.
        if absolute is not None and not (signed is not None and np.array_equal(absolute, np.abs(signed))):
            write_array(group, f"abs_{quantity}", absolute, "<f4")


def _write_features(group: h5py.Group, features: LayerFeatures) -> None:
    """Write activations, top images and contributions."""
    activation, top = create_group(group, "activation"), create_group(group, "top")
    for name in schema.ACTIVATION + schema.OVERALL:
        write_array(activation, name, getattr(features, name), "<f4")
    for name, attribute, dtype, _ in schema.TOP:
        write_array(top, name, getattr(features, attribute), dtype)
    write_array(group, "contribution", features.contribution, "<f4")
    if features.contribution_all is not None:
        write_array(group, "contribution_all", features.contribution_all, "<f4")


def pack_triangle(matrix: np.ndarray) -> np.ndarray:
    """Return the upper triangle of a symmetric matrix as whole numbers.

    Parameters
    ----------
    matrix : ndarray of shape (n, n), float32
        In [-1, 1], or NaN.

    Returns
    -------
    ndarray of shape (n (n + 1) / 2,), int16
        In units of 1/10000.
    """
    values = matrix[~np.tri(len(matrix), k=-1, dtype=bool)]  # indices would take 16 times the memory
    packed = np.rint(np.clip(np.nan_to_num(values), -3, 3) * schema.TRIANGLE_UNITS).astype(np.int16)
    packed[np.isnan(values)] = schema.TRIANGLE_NAN
    return packed
