"""Makes what leaves the window: pictures, tables and patches of what is shown or selected."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cnnvis_caffe import pipeline
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.progress import Progress
from cnnvis_caffe.readings.tables import Table, classes_of_neuron, clusters_of_gap, neurons_by_class, neurons_for_class
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.render.write import check_picture_path
from cnnvis_caffe.scene.page import cut_patch
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.table_files import Part, as_csv, as_json, as_npz
from cnnvis_caffe.viewer.model.lookup import column_of, gap_between

#: Of a picture on paper or in a document.
PNG_SCALE = 2.0
#: What a file dialog offers.
PICTURE_FILTER = "Pictures (*.svg *.png *.pdf *.html);;SVG (*.svg);;PNG (*.png);;PDF (*.pdf);;HTML (*.html)"
PATCH_PX = 64
PATCH_GAP_PX = 4


def write_picture(path: str, analysis: Analysis, view: View, selection: Target | None, progress: Progress) -> str:
    """Write the picture with title and legend; the file's name says in which of `render.write.FORMATS`.

    SVG and PDF are light, whatever the window looks like: they go to paper.
    """
    check_picture_path(path)
    if os.path.splitext(path)[1].lower() in (".svg", ".pdf"):
        view = replace(view, theme="light")
    progress.start(2, "drawing")
    scene = pipeline.draw(analysis, view, selection=selection).scene
    progress.step()
    pipeline.save(scene, path, scale=PNG_SCALE)
    progress.step()
    progress.done()
    return path


def table_of(analysis: Analysis, aggregation: Aggregation | None, view: View, target: Target) -> Table:
    """Return the numbers of what is selected.

    A neuron has a row for each class; a cluster or layer a row for each neuron; a bundle or curve a row for each pair
    of clusters.
    """
    snapshot, node = analysis.snapshot(view.snapshot), target.node
    if target.kind in ("edge", "bicluster"):
        return clusters_of_gap(gap_between(aggregation, node, target.other_node))
    if target.kind == "class":
        layers = [column.node for column in aggregation.columns] if aggregation is not None else []
        return neurons_for_class(analysis, snapshot, layers, target.members[0])
    if node not in snapshot.features:
        return Table(("layer", "neuron"), [(node, neuron) for neuron in target.members])
    if target.kind == "neuron" and len(target.members) == 1:
        return classes_of_neuron(analysis, snapshot, node, target.members[0])
    neurons = target.members or tuple(range(snapshot.features[node].n_neurons))
    return neurons_by_class(analysis, snapshot, node, neurons, column_of(aggregation, node))


def table_file(path: str, parts: Sequence[Part]) -> bytes:
    """Return a large table as the bytes of a file, as its name says: CSV, JSON or npz.

    Raises
    ------
    CnnvisError
        If the name says none of them.
    """
    kind = os.path.splitext(path)[1].lower()
    writers = {".csv": as_csv, ".json": as_json, ".npz": as_npz}
    if kind not in writers:
        raise CnnvisError(f"{path}: tables are written as {', '.join(writers)}; give the name one of these endings")
    return writers[kind](parts)


def patches_of(analysis: Analysis, view: View, target: Target) -> np.ndarray | None:
    """Return the learned features of what is selected as one picture, (h, w, 3) uint8; None where there are none.

    A neuron gives all its strongest patches, cut from their images; more neurons give one each.
    """
    snapshot = analysis.snapshot(view.snapshot)
    features = snapshot.features.get(target.node)
    if features is None:
        return None
    if target.kind == "neuron" and len(target.members) == 1:
        i = target.members[0]
        pairs = zip(features.top_image[i].tolist(), features.top_box[i])
        patches = [cut_patch(analysis.images[image], box) for image, box in pairs if image in analysis.images]
    else:
        members = target.members or tuple(range(features.n_neurons))
        thumbnails = snapshot.thumbnails.get(target.node, ())
        patches = [thumbnails[i] for i in members if i < len(thumbnails) and thumbnails[i].size]
    if not patches:
        return None
    n_columns = int(np.ceil(np.sqrt(len(patches))))
    n_rows = -(-len(patches) // n_columns)
    step = PATCH_PX + PATCH_GAP_PX
    sheet = np.full((n_rows * step + PATCH_GAP_PX, n_columns * step + PATCH_GAP_PX, 3), 255, np.uint8)
    for number, patch in enumerate(patches):
        y, x = number // n_columns * step + PATCH_GAP_PX, number % n_columns * step + PATCH_GAP_PX
        sheet[y : y + PATCH_PX, x : x + PATCH_PX] = fitted_patch(patch)
    return sheet


def fitted_patch(patch: np.ndarray, side: int = PATCH_PX) -> np.ndarray:
    """Stretch a patch to a square by its nearest pixels, (side, side, 3)."""
    rows = np.arange(side) * patch.shape[0] // side
    columns = np.arange(side) * patch.shape[1] // side
    return patch[rows][:, columns]
