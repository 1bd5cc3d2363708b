"""Made-up pictures for the tests of columns, crossings and curves, and features with planted groups for packing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnnvis_caffe.layout.layers import EdgeBundle, LayeredGraph, Link, layered_graph


class Net(NamedTuple):
    """Columns and which of them are joined."""

    sizes: list[int]
    depths: list[int]
    lanes: list[int]
    joined: list[tuple[int, int]]


LENET = Net([1, 4, 6, 5, 10], [0, 1, 2, 3, 4], [0] * 5, [(0, 1), (1, 2), (2, 3), (3, 4)])
RESIDUAL = Net(
    [1, 3, 4, 5, 4, 3], [0, 1, 2, 3, 4, 5], [0] * 6, [(0, 1), (1, 2), (2, 3), (1, 3), (3, 4), (4, 5), (3, 5)]
)
INCEPTION = Net(
    [4, 3, 3, 3, 2, 3, 2, 5],
    [0, 1, 1, 2, 1, 2, 1, 3],
    [0, 0, 1, 1, 2, 2, 3, 0],
    [(0, 1), (0, 2), (2, 3), (0, 4), (4, 5), (0, 6), (1, 7), (3, 7), (5, 7), (6, 7)],
)
NETS = {"lenet": LENET, "residual": RESIDUAL, "inception": INCEPTION}


def googlenet_like(n_modules: int = 9) -> Net:
    """Modules of four branches one behind the other, expanded."""
    sizes, depths, lanes, joined = [6], [0], [0], []
    for _ in range(n_modules):
        source, first = len(sizes) - 1, depths[-1] + 1
        sizes += [4, 4, 6, 4, 4, 4, 6]
        depths += [first, first, first + 1, first, first + 1, first, first + 2]
        lanes += [0, 1, 1, 2, 2, 3, 0]
        joined += [(source, source + i) for i in (1, 2, 4, 6)] + [(source + 2, source + 3), (source + 4, source + 5)]
        joined += [(source + i, source + 7) for i in (1, 3, 5, 6)]
    return Net(sizes, depths, lanes, joined)


def random_graph(net: Net, seed: int = 0, n_bundles: int = 4) -> LayeredGraph:
    """Join columns by bundles of one to three clusters on either side."""
    random = np.random.RandomState(seed)
    links = []
    for source, target in net.joined:
        bundles = []
        for _ in range(n_bundles):
            ends = [
                random.choice(net.sizes[column], min(net.sizes[column], random.randint(1, 4)), replace=False)
                for column in (source, target)
            ]
            edges = [(int(i), int(j)) for i in ends[0] for j in ends[1]]
            bundles.append(EdgeBundle.from_edges(edges, random.exponential(size=len(edges)) + 1e-3))
        links.append(Link(source, target, tuple(bundles)))
    return layered_graph(net.sizes, net.depths, net.lanes, links)


def cluster_sizes(net: Net, seed: int = 0) -> list[np.ndarray]:
    """Make up widths and heights of all clusters."""
    random = np.random.RandomState(seed)
    return [random.uniform(40, 160, (size, 2)) for size in net.sizes]


def planted_features(n: int, seed: int, n_groups: int = 5) -> np.ndarray:
    """Features of neurons that respond to the classes in a few ways."""
    random = np.random.RandomState(seed)
    centres = random.normal(size=(n_groups, 10))
    return centres[random.randint(n_groups, size=n)] + 0.35 * random.normal(size=(n, 10))


def importances(kind: str, n: int, seed: int) -> np.ndarray:
    """Importances in random order."""
    random = np.random.RandomState(seed)
    one_dominant = np.ones(n)
    one_dominant[0] = n - 1.0
    one_above_floor = np.full(n, 0.02)
    one_above_floor[0] = 1.0
    values = {
        "uniform": np.ones(n),
        "exponential": random.exponential(size=n),
        "decaying": np.exp(-5.0 * np.arange(n) / n),
        "one dominant": one_dominant,
        "one above the floor": one_above_floor,
    }[kind]
    return random.permutation(values)


KINDS = ("uniform", "exponential", "decaying", "one dominant", "one above the floor")
