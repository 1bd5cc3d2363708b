"""Makes what leaves the window: pictures, tables and patches of what is shown or selected."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace

import numpy as np

from cnnvis_caffe import pipeline
from cnnvis_caffe.progress import Progress
from cnnvis_caffe.readings.by_class import activation_by_class, measure_of, neurons_of_class, strongest_classes
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.render.write import check_picture_path
from cnnvis_caffe.scene.neuron_page import cut_patch
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.plain import csv_cell
from cnnvis_caffe.text.words import class_name
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


def table_of(
    analysis: Analysis, aggregation: Aggregation | None, view: View, target: Target
) -> tuple[list[str], list[list[object]]]:
    """Return the numbers of what is selected: names of the columns, and rows.

    A neuron has a row for each class; a cluster or layer a row for each neuron; a bundle or curve a row for each pair
    of clusters.
    """
    snapshot = analysis.snapshot(view.snapshot)
    if target.kind in ("edge", "bicluster"):
        return _edges_table(aggregation, target)
    if target.kind == "class":
        return _class_table(analysis, aggregation, view, target)
    node = target.node
    features = snapshot.features.get(node)
    if features is None:
        return ["layer", "neuron"], [[node, neuron] for neuron in target.members]
    names = [class_name(analysis, c) for c in range(analysis.data.n_classes)]
    if target.kind == "neuron" and len(target.members) == 1:
        i = target.members[0]
        head = ["layer", "neuron", "class", "mean", "peak", "maximum", "share of images active", "contribution"]
        values = (features.mean, features.peak, features.maximum, features.active_share, features.contribution)
        return head, [[node, i, names[c], *(float(value[i, c]) for value in values)] for c in range(len(names))]
    members = target.members or tuple(range(features.n_neurons))
    column = column_of(aggregation, node)
    labels = column.labels if column is not None else None
    measure = measure_of(analysis, node)
    by_class = activation_by_class(features, measure)
    head = ["layer", "neuron", "cluster", "mean", "largest", f"strongest by {measure}"]
    head += [f"{measure} on {name}" for name in names]
    strongest = strongest_classes(analysis, snapshot, node)
    rows: list[list[object]] = []
    for i in members:
        best = int(strongest[i])
        rows.append(
            [
                node,
                int(i),
                int(labels[i]) + 1 if labels is not None else "",
                float(features.overall_mean[i]),
                float(features.overall_maximum[i]),
                names[best] if best >= 0 else "",
                *(float(value) for value in by_class[i]),
            ]
        )
    return head, rows


def _edges_table(aggregation: Aggregation | None, target: Target) -> tuple[list[str], list[list[object]]]:
    head = ["from layer", "cluster", "to layer", "cluster", "positive", "negative", "shown"]
    rows: list[list[object]] = []
    gap = gap_between(aggregation, target.node, target.other_node)
    if gap is not None:
        kept = gap.kept_positive | gap.kept_negative
        for a, b in np.ndindex(*gap.positive.shape):
            rows.append(
                [gap.source, a + 1, gap.target, b + 1]
                + [float(gap.positive[a, b]), -float(gap.negative[a, b]), "yes" if kept[a, b] else "no"]
            )
    return head, rows


def _class_table(analysis, aggregation, view, target) -> tuple[list[str], list[list[object]]]:
    head = ["layer", "neuron", "class", "mean", "share of images active", "contribution"]
    snapshot, c = analysis.snapshot(view.snapshot), target.members[0]
    name = class_name(analysis, c)
    rows: list[list[object]] = []
    for column in aggregation.columns if aggregation is not None else ():
        features = snapshot.features.get(column.node)
        if features is not None:
            for i in neurons_of_class(analysis, snapshot, column.node, c):
                values = (features.mean[i, c], features.active_share[i, c], features.contribution[i, c])
                rows.append([column.node, int(i), name, *(float(value) for value in values)])
    return head, rows


def as_text(head: list[str], rows: list[list[object]], delimiter: str) -> str:
    """Return a table as text: "," for files, tabs for a spreadsheet's clipboard."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    writer.writerow(map(csv_cell, head))
    writer.writerows([_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def _cell(value: object) -> object:
    """A cell as it is written."""
    return f"{value:.6g}" if isinstance(value, float) else csv_cell(value) if isinstance(value, str) else value


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
