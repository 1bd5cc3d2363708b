"""`cnnvis-caffe export`: tables of an analysis file as CSV, npz or JSON, patches as a PNG montage."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from cnnvis_caffe.text.plain import csv_cell

if TYPE_CHECKING:
    from cnnvis_caffe.records.analysis import Analysis, Snapshot

_BY_CLASS = ("mean", "peak", "maximum", "active_share", "contribution", "contribution_all")
_OVERALL = ("overall_mean", "variance", "minimum", "overall_maximum")
_SQUARE = ("similarity", "correlation")
_LINKS = ("weight", "abs_weight", "gradient", "abs_gradient")
_PLACES = ("neuron", "rank", "image", "class", "response", "row", "column", "y0", "x0", "y1", "x1")
_DEBUG = ("mean_abs_weight", "mean_abs_gradient", "relative_change", "last_update", "dead_share")
TABLES = (*_BY_CLASS, "overall", "top", *_SQUARE, *_LINKS, "debug", "curves", "patches")
_CELL_PX, _GAP_PX = 64, 2
#: How an analysis comes to hold what not all do.
_WHY_NOT = {
    "contribution_all": "; analyze with --contributions all",
    "gradient": "; analyze without --no-gradients",
    "abs_gradient": "; analyze without --no-gradients",
    "curves": "; analyze with --log",
}

#: A part of a table: its layer, the names of its columns, and its rows.
Part = tuple[str, Sequence[str], np.ndarray]


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.argument("table", type=click.Choice(TABLES), metavar="TABLE")
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="CSV, npz or JSON; PNG for patches.")
@click.option("--layers", metavar="NAMES", help="Layers, separated by commas; all without.")
@click.option("--snapshot", metavar="LABEL", default="", help="Label or iteration; the last one by default.")
def command(file: str, table: str, out: str, layers: str | None, snapshot: str) -> None:
    """Write one TABLE of the analysis in FILE.

    By class: mean, peak, maximum, active_share, contribution, contribution_all. By neuron: overall, top, similarity,
    correlation. By connection: weight, abs_weight, gradient, abs_gradient. Of all snapshots: debug; of the training
    log: curves. As a picture, a row for each neuron: patches.
    """
    from cnnvis_caffe.errors import StoreError
    from cnnvis_caffe.files.atomic import write_bytes
    from cnnvis_caffe.store import read_analysis

    analysis = read_analysis(file)
    chosen = analysis.snapshot(snapshot)
    names = _layers(chosen, table, layers)
    kind = os.path.splitext(out)[1].lower()
    if (kind == ".png") != (table == "patches") or kind not in (".csv", ".npz", ".json", ".png"):
        allowed = ".png" if table == "patches" else ".csv, .npz or .json"
        problem = f"{table} is written as {allowed}, not {kind or 'without an ending'}"
        raise click.BadParameter(problem, param_hint="--out")
    if kind == ".png":
        content = _montage(analysis, chosen, names)
    else:
        parts = list(_parts(analysis, chosen, table, names))
        if not parts:
            raise StoreError(file, "", f"holds no {table}" + _WHY_NOT.get(table, ""))
        content = {".csv": _as_csv, ".npz": _as_npz, ".json": _as_json}[kind](parts)
    write_bytes(out, content)


def _layers(snapshot: Snapshot, table: str, text: str | None) -> list[str]:
    """The layers that were asked for."""
    from cnnvis_caffe.errors import NetError, UnknownLayerError

    known = list(snapshot.connections if table in _LINKS else snapshot.features)
    if not text:
        return known
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known and table not in ("debug", "curves"):
            if table in _LINKS and name in snapshot.features:
                raise NetError(f"no weights lead to {name!r}; they lead to {', '.join(known)}")
            raise UnknownLayerError(name, known)
    return names


def _parts(analysis: Analysis, snapshot: Snapshot, table: str, layers: Sequence[str]) -> Iterator[Part]:
    """A table, layer by layer; the first column numbers neurons, layers, or points."""
    numbered = enumerate(analysis.data.class_names)
    classes = [name if name == str(number) else f"{number} {name}" for number, name in numbered]
    if table == "debug":
        for one in analysis.snapshots:
            iteration = math.nan if one.iteration is None else one.iteration
            for name, debug in one.debug.items():
                yield name, ["iteration", *_DEBUG], _rows([[iteration, *(getattr(debug, q) for q in _DEBUG)]])
        return
    if table == "curves":
        for curve in analysis.curves:
            yield curve.name, ["iteration", "value"], np.column_stack([curve.iterations, curve.values])
        return
    for name in layers:
        if table in _BY_CLASS:
            values = getattr(snapshot.features[name], table)
            if values is not None:
                yield name, ["neuron", *classes], _numbered(values)
        elif table == "overall":
            features = snapshot.features[name]
            yield name, ["neuron", *_OVERALL], _numbered(np.column_stack([getattr(features, one) for one in _OVERALL]))
        elif table == "top":
            yield name, _PLACES, _top(analysis, snapshot, name)
        else:
            owner = snapshot.connections[name] if table in _LINKS else snapshot
            source = getattr(owner, table) if table in _LINKS else getattr(owner, table).get(name)
            if source is not None:
                yield name, ["neuron", *map(str, range(source.shape[1]))], _numbered(source)


def _top(analysis: Analysis, snapshot: Snapshot, name: str) -> np.ndarray:
    """The top images of a layer's neurons, one a row."""
    features = snapshot.features[name]
    rows = [
        [neuron, rank, image, analysis.image_class.get(image, -1), features.top_response[neuron, rank],
         *features.top_position[neuron, rank], *features.top_box[neuron, rank]]
        for neuron, images in enumerate(features.top_image.tolist())
        for rank, image in enumerate(images)
        if image >= 0
    ]  # fmt: skip
    return _rows(rows, len(_PLACES))


def _rows(rows: Sequence[Sequence[float]], n_columns: int = 0) -> np.ndarray:
    """Rows as one array, also when there are none."""
    return np.array(rows, np.float64).reshape(len(rows), -1 if rows else n_columns)


def _numbered(values: np.ndarray) -> np.ndarray:
    """A table with the number of each neuron in front."""
    return np.column_stack([np.arange(len(values)), values.astype(np.float64)])


def _number(value: float) -> str:
    """A number with all digits that a float32 has; nothing for NaN."""
    return "" if math.isnan(value) else f"{value:.9g}"


def _as_csv(parts: Sequence[Part]) -> bytes:
    """One table with the layer in front; a new header wherever the columns are others."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    before: Sequence[str] | None = None
    for name, columns, rows in parts:
        if before is None or list(columns) != list(before):
            writer.writerow(["layer", *map(csv_cell, columns)])
            before = columns
        cell = csv_cell(name)
        writer.writerows([cell, *map(_number, row)] for row in rows.tolist())
    return text.getvalue().encode("utf-8")


def _as_json(parts: Sequence[Part]) -> bytes:
    """A list of objects with a layer, columns and rows."""
    plain: list[dict[str, Any]] = [
        {"layer": name, "columns": list(columns),
         "rows": [[value if math.isfinite(value) else None for value in row] for row in rows.tolist()]}
        for name, columns, rows in parts
    ]  # fmt: skip
    return json.dumps(plain, allow_nan=False).encode("ascii")


def _as_npz(parts: Sequence[Part]) -> bytes:
    """An array for each layer, and the names of its columns."""
    arrays: dict[str, Any] = {}
    for name, columns, rows in parts:
        key = name.replace("/", "%2F")
        arrays[key] = np.concatenate([arrays[key], rows]) if key in arrays else rows
        arrays[f"{key} columns"] = np.array(list(columns))
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _montage(analysis: Analysis, snapshot: Snapshot, layers: Sequence[str]) -> bytes:
    """All patches of some layers: a row for each neuron, the strongest at the left."""
    from cnnvis_caffe.analysis.patches import top_patches
    from cnnvis_caffe.formats.images import encode_image

    rows = []
    for name in layers:
        for neuron in range(snapshot.features[name].n_neurons):
            rows.append(top_patches(analysis, snapshot, name, neuron, size_px=_CELL_PX))
    sizes = [patch.shape[:2] for row in rows for patch in row] or [(1, 1)]
    cell_y, cell_x = (max(size[axis] for size in sizes) + _GAP_PX for axis in (0, 1))
    sheet = np.full((len(rows) * cell_y + _GAP_PX, max(map(len, rows), default=1) * cell_x + _GAP_PX, 3), 255, np.uint8)
    for y, row in enumerate(rows):
        for x, patch in enumerate(row):
            top, left = y * cell_y + _GAP_PX, x * cell_x + _GAP_PX
            sheet[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
    return encode_image(sheet[..., ::-1], "png")
