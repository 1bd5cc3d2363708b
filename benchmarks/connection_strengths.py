"""Compares the two strengths of a connection, mean |weight| and mean signed weight, by what a picture then draws.

    python -m benchmarks.connection_strengths one.cnnvis.h5 two.cnnvis.h5

Prints a table for `docs/definitions.md`: neurons into which no connection is drawn with the usual filter, and how many
connections are drawn.
"""

from __future__ import annotations

import sys

import numpy as np

from cnnvis_caffe.aggregation.aggregate import aggregate
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.store import read_analysis

STRENGTHS = ("absolute", "signed")
HEAD = (
    "network",
    "neurons without a drawn input: mean \\|weight\\|", "signed",
    "connections: mean \\|weight\\|", "signed",
)  # fmt: skip


def drawn(analysis: Analysis, strength: str) -> tuple[dict[str, int], int]:
    """Return the neurons without a drawn input, by layer, and the number of drawn connections."""
    aggregation = aggregate(analysis, View(strength=strength))
    sizes = {column.node: np.array([len(cluster.neurons) for cluster in column.clusters])
             for column in aggregation.columns}  # fmt: skip
    reached: dict[str, np.ndarray] = {}
    n_connections = 0
    for gap in aggregation.gaps:
        kept = gap.kept_positive | gap.kept_negative
        reached[gap.target] = kept.any(0) | reached.get(gap.target, False)
        n_connections += int(gap.kept_positive.sum() + gap.kept_negative.sum())  # one of each sign counts twice
    return {node: int(sizes[node][~found].sum()) for node, found in reached.items()}, n_connections


def main(paths: list[str]) -> None:
    """Print the table, a line for each network, and one for each layer where the two differ."""
    for row in (HEAD, ["---"] * len(HEAD)):
        print("|", " | ".join(row), "|")
    for path in paths:
        analysis = read_analysis(path)
        (missing, n_absolute), (missing_signed, n_signed) = (drawn(analysis, strength) for strength in STRENGTHS)
        row = [analysis.title, sum(missing.values()), sum(missing_signed.values()), n_absolute, n_signed]
        print("|", " | ".join(map(str, row)), "|")
        if len(missing) < 8:
            for node in missing:
                if missing[node] != missing_signed[node]:
                    of = analysis.node(node).n_neurons
                    print(f"| - {node}, of {of} | {missing[node]} | {missing_signed[node]} | | |")


if __name__ == "__main__":
    main(sys.argv[1:])
