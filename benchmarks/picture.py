"""Measure what pictures of real analyses cost: from file to PNG, and after each thing that a user may change.

    python -m benchmarks.picture ANALYSIS.cnnvis.h5 ... [--rounds 3]

Times are milliseconds of the processor, the least of the rounds; a figure beyond its limit is marked by "!". "file to
PNG" is a process of its own, with its start. The others follow a first picture: views with it in common, never shown
before.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.layout import marked, print_table
from cnnvis_caffe.drawing.pictures import ViewDrawer
from cnnvis_caffe.processes import environment, python_words
from cnnvis_caffe.records.view import NeuronMove, View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.store import read_analysis

SIZE = (1600.0, 900.0)
#: Milliseconds that what a user changes may take, and a whole picture by its number of columns.
QUICK, SMALL, LARGE = 100.0, 2000.0, 6000.0
FEW_COLUMNS = 8
#: What is a whole picture, and what shows layers that nothing was known of before.
WHOLE, UNLIMITED = ("file to PNG", "first picture"), ("expand all",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    head: list[str] = []
    rows = []
    for file in options.files:
        times: dict[str, list[float]] = {}
        for _ in range(options.rounds):
            for name, milliseconds in measured(file):
                times.setdefault(name, []).append(milliseconds)
        head = ["file", *times]
        columns = len(ViewDrawer(read_analysis(file)).aggregate(View()).columns)
        rows.append([file.name.partition(".")[0]])
        for name, found in times.items():
            whole = SMALL if columns <= FEW_COLUMNS else LARGE
            limit = whole if name in WHOLE else QUICK if name not in UNLIMITED else float("inf")
            rows[-1].append(marked(min(found), limit, 0))
    print_table("Pictures", head, rows)


def measured(file: Path) -> Iterator[tuple[str, float]]:
    """Yield what is measured of a file, with its milliseconds."""
    yield "file to PNG", file_to_png(file)
    analysis = read_analysis(file)
    pictures = ViewDrawer(analysis)
    first = View()
    started = time.process_time()
    aggregation = pictures.draw(first, size=SIZE).aggregation
    yield "first picture", 1000 * (time.process_time() - started)
    hidden = aggregation.columns[len(aggregation.columns) // 2]
    largest = max(hidden.clusters, key=lambda cluster: len(cluster.neurons))
    neuron = int(largest.neurons[0])
    to = next(cluster for cluster in hidden.clusters if cluster is not largest)
    count = analysis.data.class_count
    some = tuple(np.flatnonzero(count > 0)[1:3].tolist())
    for name, view, selection in (
        ("select a neuron", first, Target("neuron", hidden.node, (neuron,))),
        ("activations", replace(first, facet="activations"), None),
        ("contributions", replace(first, facet="contributions"), None),
        ("classes", replace(first, classes=some), None),
        ("edge filter", replace(first, edge_filter=0.5), None),
        ("gradients", replace(first, edges="gradient"), None),
        ("dark", replace(first, theme="dark"), None),
        ("move a neuron", replace(first, moves=(NeuronMove(hidden.node, neuron, tuple(to.neurons.tolist())),)), None),
        ("move it away", replace(first, moves=(NeuronMove(hidden.node, neuron, ()),)), None),
        ("expand all", replace(first, expanded=tuple(group.name for group in aggregation.groups)), None),
    ):
        started = time.process_time()
        pictures.draw(view, selection=selection, size=SIZE)
        yield name, 1000 * (time.process_time() - started)


def file_to_png(file: Path) -> float:
    """Milliseconds of the processor that the command takes, all threads together."""
    with tempfile.TemporaryDirectory() as folder:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = str(Path(folder) / "picture.png")
        subprocess.run(python_words("cnnvis_caffe", "render", str(file), "--out", out), env=environment(), check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


if __name__ == "__main__":
    main()
