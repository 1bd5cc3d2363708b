"""Measure what bundling saves and how long aggregation takes, on analysis files.

    python -m benchmarks.bundling ANALYSES [--rounds 3]

ANALYSES is a folder of files <name>.cnnvis.h5 as `cnnvis-caffe analyze` writes them; of a series of snapshots the last
one counts. A stroke is a single edge, or a cluster's part in a bundle. Crossings are those of our order and of the
barycentre rule alone, from the same start. Times are of the processor, in milliseconds: of the first aggregation, with
the reading of the file, and then of changes of the view with what is known kept (the fastest round of the slowest
column, for a moved neuron). A figure beyond its limit is marked by "!".
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.layout import marked, print_table
from cnnvis_caffe.aggregation.aggregate import aggregate
from cnnvis_caffe.aggregation.biclusters import strokes
from cnnvis_caffe.aggregation.cache import Cache
from cnnvis_caffe.layout.crossings import barycentre_order, count_crossings, order_columns
from cnnvis_caffe.layout.layers import EdgeBundle, LayeredGraph, Link, layered_graph
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import NeuronMove, View
from cnnvis_caffe.store import read_analysis

#: Share of strokes over the gallery; milliseconds of a move, another filter, chosen classes, other colours.
STROKES_LIMIT = 0.70
MOVE_LIMIT, FILTER_LIMIT, CLASSES_LIMIT, COLOURS_LIMIT = 100.0, 50.0, 100.0, 1000.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("analyses", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    aggregate(read_analysis(next(iter(files(options.analyses)))), View())  # loads what clustering needs
    bundling, times, shares, totals = [], [], [], [0, 0]
    for path in files(options.analyses):
        name = path.name.split(".")[0]
        analysis = read_analysis(path)
        cache = Cache()
        start = time.process_time()
        aggregation = aggregate(analysis, View(), cache)
        first = time.process_time() - start
        edges, drawn, row = bundling_row(name, aggregation)
        bundling.append(row)
        times.append([name, f"{1000 * first:.0f}", *time_row(analysis, aggregation, cache, options.rounds)])
        shares.append(drawn / edges)
        totals = [totals[0] + edges, totals[1] + drawn]
    mean = f"mean {sum(shares) / len(shares):.3f}"
    overall = ["all", "", str(totals[0]), "", str(totals[1]), marked(totals[1] / totals[0], STROKES_LIMIT, 3), mean, ""]
    print_table(
        "Bundling",
        ["net", "clusters", "edges", "biclusters", "strokes", "strokes / edges", "crossings", "barycentres alone"],
        [*bundling, overall],
    )
    print_table("Times", ["net", "first", "move", "filter", "classes", "gradient", "relative change"], times)


def files(folder: Path) -> list[Path]:
    """Analysis files but for repetitions with other seeds."""
    found = sorted(path for path in folder.glob("*.cnnvis.h5") if "_seed" not in path.name)
    if not found:
        raise SystemExit(f"{folder} has no file <name>.cnnvis.h5")
    return found


def bundling_row(name: str, aggregation: Aggregation) -> tuple[int, int, list[str]]:
    """Edges, strokes and the row of a network."""
    biclusters = [bicluster for gap in aggregation.gaps for bicluster in gap.biclusters]
    edges, drawn = sum(len(bicluster.edges) for bicluster in biclusters), strokes(biclusters)
    graph = graph_of(aggregation)
    crossings = [count_crossings(graph, rule(graph)) for rule in (order_columns, barycentre_order)]
    clusters = " ".join(str(len(column.clusters)) for column in aggregation.columns)
    figures = [str(edges), str(len(biclusters)), str(drawn), f"{drawn / edges:.3f}"]
    return edges, drawn, [name, clusters, *figures, marked(crossings[0], crossings[1], 0), str(crossings[1])]


def graph_of(aggregation: Aggregation) -> LayeredGraph:
    """What is ordered."""
    numbers = {column.node: number for number, column in enumerate(aggregation.columns)}
    links = []
    for gap in aggregation.gaps:
        strengths = {1: gap.positive, -1: gap.negative}
        bundles = [
            EdgeBundle.from_edges(b.edges, [strengths[b.sign][edge] for edge in b.edges]) for b in gap.biclusters
        ]
        links.append(Link(numbers[gap.source], numbers[gap.target], tuple(bundles)))
    columns = aggregation.columns
    return layered_graph(
        [len(c.clusters) for c in columns], [c.depth for c in columns], [c.lane for c in columns], links
    )


def time_row(analysis: Analysis, aggregation: Aggregation, cache: Cache, n_rounds: int) -> list[str]:
    """Times of changes of the view."""
    moves = []
    for column in aggregation.columns:
        if len(column.clusters) < 2:
            continue
        target = tuple(column.clusters[1].neurons.tolist())
        # Another neuron each time: what has been seen is kept.
        views = [View(moves=(NeuronMove(column.node, int(n), target),)) for n in column.clusters[0].neurons[:n_rounds]]
        moves.append(min(milliseconds(lambda view=view: aggregate(analysis, view, cache)) for view in views))

    def fastest(*views: View) -> float:
        return min(milliseconds(lambda view=view: aggregate(analysis, view, cache)) for view in views)

    filters = [View(edge_filter=0.5 + 0.1 * number / n_rounds) for number in range(n_rounds)]
    classes = [View(classes=(number, number + 1)) for number in range(n_rounds)]
    row = [
        marked(max(moves), MOVE_LIMIT),
        marked(fastest(*filters), FILTER_LIMIT),
        marked(fastest(*classes), CLASSES_LIMIT),
        marked(fastest(View(edges="gradient")), COLOURS_LIMIT, 0),
    ]
    has_changes = len(analysis.snapshots) > 1
    return [*row, marked(fastest(View(edges="relative_change")), COLOURS_LIMIT, 0) if has_changes else "none"]


def milliseconds(call: Callable[[], object]) -> float:
    """Processor time of one call."""
    start = time.process_time()
    call()
    return 1000 * (time.process_time() - start)


if __name__ == "__main__":
    main()
