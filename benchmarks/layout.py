"""Measure how good the layout is and how long it takes, on made-up clusters and networks with planted structure.

    python -m benchmarks.layout [--seeds 5] [--rounds 5]

Figures are the worst over the seeds, times (of the processor) those of the fastest round on the slowest seed. Limits
are those that the layout must keep for 20 to 200 neurons; a figure beyond its limit is marked by "!".
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import pdist, squareform

from cnnvis_caffe.layout.columns import place
from cnnvis_caffe.layout.crossings import barycentre_order, count_crossings, order_columns
from cnnvis_caffe.layout.measures import measure_packing
from cnnvis_caffe.layout.ordering import order, path_length
from cnnvis_caffe.layout.packing import pack
from cnnvis_caffe.layout.routing import bundle_curves
from tests.unit.layout.random_graphs import (
    KINDS,
    NETS,
    cluster_sizes,
    googlenet_like,
    importances,
    planted_features,
    random_graph,
)

SIZES = (20, 50, 100, 200, 512)
#: Waste, distortion, area error, distance of neighbours, milliseconds for 512.
LIMITS = (0.10, 0.20, 0.10, 1 / 1.5, 50.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print_table(
        "Packing",
        ["importances", "n", "waste %", "aspect off %", "area off %", "neighbours / random", "touching / random", "ms"],
        packing_rows(options.seeds, options.rounds),
    )
    print_table(
        "Ordering", ["n", "features", "length / optimal leaf order", "ms"], ordering_rows(options.seeds, options.rounds)
    )
    print_table(
        "Columns",
        ["net", "nodes", "edges", "crossings given", "barycentres", "ours", "order ms", "place ms", "route ms"],
        column_rows(options.seeds, options.rounds),
    )


def packing_rows(n_seeds: int, n_rounds: int) -> list[list[str]]:
    """Figures by kind of importances and number of neurons."""
    rows = []
    for kind in KINDS:
        for n in SIZES:
            worst = np.zeros(6)
            for seed in range(n_seeds):
                areas, features = importances(kind, n, seed) * 400, planted_features(n, seed)
                seconds = fastest(n_rounds, pack, areas, features)
                found = measure_packing(pack(areas, features), areas, 1.0, squareform(pdist(features)))
                assert found.overlap < 1e-9
                figures = [found.waste, found.distortion, found.area_error, found.neighbour_ratio]
                worst = np.maximum(worst, [*figures, found.touching_ratio, 1000 * seconds])
            waste, distortion, area, neighbours, touching, ms = worst
            rows.append(
                [
                    kind,
                    str(n),
                    marked(100 * waste, 100 * LIMITS[0]),
                    marked(100 * distortion, 100 * LIMITS[1]),
                    marked(100 * area, 100 * LIMITS[2]),
                    marked(neighbours, LIMITS[3], 2),
                    f"{touching:.2f}",
                    marked(ms, LIMITS[4]),
                ]
            )
    return rows


def ordering_rows(n_seeds: int, n_rounds: int) -> list[list[str]]:
    """Length of the path beside SciPy's, by number of rows."""
    rows = []
    for n, n_features in ((12, 10), (50, 10), (200, 10), (512, 10), (512, 100)):
        shares, seconds = [], 0.0
        for seed in range(n_seeds):
            condensed = pdist(np.random.RandomState(seed).normal(size=(n, n_features)))
            distances = squareform(condensed)
            leaves = leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed))
            shares.append(path_length(distances, order(distances)) / path_length(distances, leaves))
            seconds = max(seconds, fastest(n_rounds, order, distances))
        rows.append(
            [str(n), str(n_features), f"{np.mean(shares):.3f} (most {max(shares):.3f})", f"{1000 * seconds:.1f}"]
        )
    return rows


def column_rows(n_seeds: int, n_rounds: int) -> list[list[str]]:
    """Crossings and times of whole networks."""
    rows = []
    for name, net in {**NETS, "9 inception modules": googlenet_like(9)}.items():
        crossings, seconds = np.zeros(3), np.zeros(3)
        for seed in range(n_seeds):
            graph, sizes = random_graph(net, seed, n_bundles=4), cluster_sizes(net, seed)
            best = order_columns(graph)
            places = place(graph, best, sizes)
            orders = graph.layers, barycentre_order(graph), best
            found = [count_crossings(graph, one) for one in orders]
            assert found[2] <= found[1]
            crossings += np.array(found) / n_seeds
            steps = (order_columns, graph), (place, graph, best, sizes), (bundle_curves, graph, places)
            seconds = np.maximum(seconds, [fastest(n_rounds, *step) for step in steps])
        rows.append(
            [
                name,
                str(len(graph.nodes)),
                str(len(graph.edges)),
                *(f"{figure:.0f}" for figure in crossings),
                *(f"{1000 * figure:.1f}" for figure in seconds),
            ]
        )
    return rows


def fastest(n_rounds: int, function: Callable[..., object], *arguments: object) -> float:
    """Seconds of processor time of the fastest call; nothing here uses more than one thread for long."""
    times = []
    for _ in range(n_rounds):
        start = time.process_time()
        function(*arguments)
        times.append(time.process_time() - start)
    return min(times)


def marked(figure: float, limit: float, digits: int = 1) -> str:
    """Write a figure, with a mark if it is beyond its limit."""
    return f"{figure:.{digits}f}{'!' if figure > limit else ''}"


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown."""
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
