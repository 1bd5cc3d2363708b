"""`cnnvis-caffe export`: tables of an analysis file as CSV, npz or JSON, patches as a PNG montage."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import numpy as np

from cnnvis_caffe.readings.tables import LINKS, TABLES, table_parts

if TYPE_CHECKING:
    from cnnvis_caffe.records.analysis import Analysis, Snapshot

_CELL_PX, _GAP_PX = 64, 2
#: How an analysis comes to hold what not all do.
_WHY_NOT = {
    "contribution_all": "; analyze with --contributions all",
    "gradient": "; analyze without --no-gradients",
    "abs_gradient": "; analyze without --no-gradients",
    "curves": "; analyze with --log",
    "confusion": "; it takes answers that are classes, and images with labels",
    "measures": "; they take images with labels",
}


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.argument("table", type=click.Choice((*TABLES, "patches")), metavar="TABLE")
@click.option("--out", required=True, type=click.Path(dir_okay=False), help="CSV, npz or JSON; PNG for patches.")
@click.option("--layers", metavar="NAMES", help="Layers, separated by commas; all by default.")
@click.option("--snapshot", metavar="LABEL", default="", help="Label or iteration; the last one by default.")
@click.option("--classes", metavar="LIST", default="",
              help="For neurons: classes by name or number, 3,5 or cat,dog; all without.")  # fmt: skip
def command(file: str, table: str, out: str, layers: str | None, snapshot: str, classes: str) -> None:
    """Write one TABLE of the analysis in FILE.

    What neurons do for the --classes: neurons (mean, selectivity, contribution, active share, dead, redundant). By
    class: mean, peak, maximum, active_share, contribution, contribution_all. By neuron: overall, top, similarity,
    correlation. By connection: weight, abs_weight, gradient, abs_gradient. Of all snapshots: debug; of the training
    log: curves. Of the answers: confusion, and measures with what guessing gives (class -1 is all data). As a picture,
    a row for each neuron: patches.
    """
    from cnnvis_caffe.errors import StoreError
    from cnnvis_caffe.files.atomic import write_bytes
    from cnnvis_caffe.store import read_analysis
    from cnnvis_caffe.text.table_files import as_csv, as_json, as_npz

    analysis = read_analysis(file)
    chosen = analysis.snapshot(snapshot)
    names = _layers(chosen, table, layers)
    if classes and table != "neurons":
        raise click.BadParameter(f"classes are chosen for the table neurons, not for {table}", param_hint="--classes")
    numbers = [analysis.data.class_index(name.strip()) for name in classes.split(",")] if classes else []
    kind = os.path.splitext(out)[1].lower()
    if (kind == ".png") != (table == "patches") or kind not in (".csv", ".npz", ".json", ".png"):
        allowed = ".png" if table == "patches" else ".csv, .npz or .json"
        problem = f"{table} is written as {allowed}, not {kind or 'without an ending'}"
        raise click.BadParameter(problem, param_hint="--out")
    if kind == ".png":
        content = _montage(analysis, chosen, names)
    else:
        parts = list(table_parts(analysis, chosen, table, names, numbers))
        if not parts:
            raise StoreError(file, "", f"holds no {table}" + _WHY_NOT.get(table, ""))
        content = {".csv": as_csv, ".npz": as_npz, ".json": as_json}[kind](parts)
    write_bytes(out, content)


def _layers(snapshot: Snapshot, table: str, text: str | None) -> list[str]:
    """The layers that were asked for."""
    from cnnvis_caffe.errors import NetError, UnknownLayerError

    known = list(snapshot.connections if table in LINKS else snapshot.features)
    if not text:
        return known
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known and table not in ("debug", "curves", "confusion", "measures"):
            if table in LINKS and name in snapshot.features:
                raise NetError(f"no weights lead to {name!r}; they lead to {', '.join(known)}")
            raise UnknownLayerError(name, known)
    return names


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
