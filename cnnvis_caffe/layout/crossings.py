"""Orders of clusters, bundles and waypoints in their layers, so that few edges cross."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from cnnvis_caffe.layout.layers import LayeredGraph, ranks

#: One tuple of nodes for each layer, from top to bottom.
Order = tuple[tuple[int, ...], ...]

#: What counts when crossings are equal: strength that crosses, then pairs that stand otherwise than at first.
#: Both are scaled to stay below one crossing.
STRENGTH_SHARE, DISORDER_SHARE = 0.4, 0.1


def order_columns(graph: LayeredGraph, *, initial: Sequence[Sequence[int]] | None = None, n_sweeps: int = 12) -> Order:
    """Order every layer so that few edges cross; never more than by `barycentre_order` with the same arguments.

    Parameters
    ----------
    graph : LayeredGraph
    initial : sequence of sequence of int, optional
        Nodes by layer in the order to start from, which is kept as far as crossings permit: clusters by importance.
        That of `graph.layers` by default.
    n_sweeps : int
        Sweeps forth and back of the barycentre rule.

    Returns
    -------
    tuple of tuple of int
        Nodes by layer. Nodes of lower lanes stand above those of higher lanes.

    Notes
    -----
    From the initial order and from those by barycentres and by medians, nodes are moved to the best place in their
    layer until none gets better (Matuszewski, Schoenfeld and Molitor 1999). Among equal numbers of crossings, those
    win that cross weaker edges, and then those nearer to the initial order.
    """
    layers = _Layers(graph, initial)
    first = layers.copy_order()
    starts = [first, layers.sweep(first, n_sweeps, "barycentre"), layers.sweep(first, n_sweeps, "median")]
    different = {tuple(places.tobytes() for places in start): start for start in starts}
    best = min((layers.sift(start) for start in different.values()), key=layers.cost)
    return layers.nodes(best)


def order_bundles(graph: LayeredGraph, initial: Sequence[Sequence[int]]) -> Order:
    """Order the bundles of every gap so that few edges cross; everything else keeps its order.

    Parameters
    ----------
    graph : LayeredGraph
    initial : sequence of sequence of int
        Nodes by layer from top to bottom.

    Returns
    -------
    tuple of tuple of int
        Nodes by layer.
    """
    layers = _Layers(graph, initial)
    return layers.nodes(layers.sift(layers.copy_order(), range(1, len(graph.layers), 2)))


def barycentre_order(
    graph: LayeredGraph, *, initial: Sequence[Sequence[int]] | None = None, n_sweeps: int = 12
) -> Order:
    """Order every layer by the barycentre rule alone, sweeping forth and back; the best order met is returned."""
    layers = _Layers(graph, initial)
    return layers.nodes(layers.sweep(layers.copy_order(), n_sweeps, "barycentre"))


def count_crossings(graph: LayeredGraph, order: Sequence[Sequence[int]]) -> int:
    """Count the pairs of edges that cross, in O(E log E); edges that share an end do not."""
    places = ranks(order, len(graph.nodes))
    by_layer: dict[int, list[tuple[int, int]]] = {}
    for first, second, _ in graph.edges:
        by_layer.setdefault(graph.nodes[first].layer, []).append((int(places[first]), int(places[second])))
    return sum(_count_inversions([end for _, end in sorted(pairs)]) for pairs in by_layer.values())


def _count_inversions(values: list[int]) -> int:
    """Pairs out of order, by a Fenwick tree over the values."""
    tree = [0] * (max(values, default=0) + 2)
    found = 0
    for seen, value in enumerate(values):
        at = value + 1
        not_above = 0
        while at:
            not_above += tree[at]
            at -= at & -at
        found += seen - not_above
        at = value + 1
        while at < len(tree):
            tree[at] += 1
            at += at & -at
    return found


class _Layers:
    """A graph as matrices between neighbouring layers; an order is a list of arrays of indices into the layers."""

    def __init__(self, graph: LayeredGraph, initial: Sequence[Sequence[int]] | None) -> None:
        self._members = [
            np.array(sorted(nodes, key=lambda node: graph.nodes[node].lane), np.int64)
            for nodes in (graph.layers if initial is None else initial)
        ]
        self._lanes = [np.array([graph.nodes[node].lane for node in nodes], np.int64) for nodes in self._members]
        places = ranks([nodes.tolist() for nodes in self._members], len(graph.nodes))
        sizes = [len(nodes) for nodes in self._members]
        self._strengths = [np.zeros(shape) for shape in zip(sizes[:-1], sizes[1:])]
        self._edges = [np.zeros(shape) for shape in zip(sizes[:-1], sizes[1:])]
        for first, second, strength in graph.edges:
            layer = graph.nodes[first].layer
            self._strengths[layer][places[first], places[second]] += strength
            self._edges[layer][places[first], places[second]] += 1
        # No two strengths' product, summed over all pairs, reaches a crossing.
        strongest = sum(float(one.sum()) ** 2 for one in self._strengths)
        self._strength_factor = STRENGTH_SHARE / strongest if strongest > 0 else 0.0
        self._both = [np.stack(pair) for pair in zip(self._edges, self._strengths)]
        self._known: dict[tuple[int, int, bytes, bytes], np.ndarray] = {}
        self._sums: dict[tuple[int, bytes, bytes], float] = {}
        self._disorders: dict[tuple[int, bytes], float] = {}
        n_pairs = sum(size * (size - 1) // 2 for size in sizes)
        self._disorder_factor = DISORDER_SHARE / max(n_pairs, 1)

    def copy_order(self) -> list[np.ndarray]:
        """Return the initial order."""
        return [np.arange(len(nodes)) for nodes in self._members]

    def nodes(self, order: list[np.ndarray]) -> Order:
        """Translate an order into numbers of nodes."""
        return tuple(tuple(nodes[places].tolist()) for nodes, places in zip(self._members, order))

    def cost(self, order: list[np.ndarray]) -> float:
        """Crossings, and in the fraction what decides between equal ones."""
        total = 0.0
        for layer, here in enumerate(order):
            total += self._known_disorder(layer, here)
            if layer + 1 < len(order):
                total += self._known_sum(layer, here, order[layer + 1])
        return total

    def sweep(self, order: list[np.ndarray], n_sweeps: int, rule: str) -> list[np.ndarray]:
        """Sort layer by layer by the mean or median place of what nodes are joined to; return the best order met."""
        order = [places.copy() for places in order]
        best, least = order, self.cost(order)
        met: set[tuple[bytes, ...]] = set()
        for i_sweep in range(n_sweeps):
            order = list(order)
            forwards = i_sweep % 2 == 0
            for layer in range(1, len(order)) if forwards else range(len(order) - 2, -1, -1):
                beside = layer - 1 if forwards else layer + 1
                matrix = self._strengths[layer - 1].T if forwards else self._strengths[layer]
                order[layer] = self._sorted(layer, order[layer], matrix[:, order[beside]], rule)
            if forwards:
                state = tuple(places.tobytes() for places in order)
                if state in met:  # from here on it goes round in circles
                    break
                met.add(state)
            cost = self.cost(order)
            if cost < least:
                best, least = order, cost
        return best

    def _sorted(self, layer: int, places: np.ndarray, matrix: np.ndarray, rule: str) -> np.ndarray:
        """Sort one layer; nodes without edges on that side keep their place as well as can be."""
        if not matrix.size:
            return places
        matrix = matrix[places]
        totals = matrix.sum(axis=1)
        if rule == "median":
            matrix = (matrix > 0).astype(np.float64)
            totals = matrix.sum(axis=1)
            half = np.cumsum(matrix, axis=1) / np.maximum(totals, 1)[:, None]
            low, high = (half >= 0.5 - 1e-9).argmax(axis=1), (half > 0.5 + 1e-9).argmax(axis=1)
            wanted = (low + high) / 2
        else:
            wanted = matrix @ np.arange(matrix.shape[1]) / np.where(totals > 0, totals, 1.0)
        here = np.arange(len(places)) * (matrix.shape[1] / max(len(places), 1))
        keys = np.where(totals > 0, wanted, here)
        return places[np.lexsort([keys, self._lanes[layer][places]])]

    def sift(self, order: list[np.ndarray], layers: range | None = None) -> list[np.ndarray]:
        """Move nodes, all or those of some layers, to the best place in their layer and lane until none gets better."""
        order = list(order)
        settled: set[int] = set()  # stand best, as do their neighbours since
        for _ in range(50):
            is_changed = False
            for layer in range(len(order)) if layers is None else layers:
                if layer in settled or len(order[layer]) < 2:
                    continue
                gains = self._costs(order, layer)
                gains = gains - gains.T  # what it costs that the row's node stands above the column's
                moved = _sifted(gains.tolist(), self._lanes[layer][order[layer]].tolist())
                if moved is None:
                    settled.add(layer)
                else:
                    order[layer] = order[layer][moved]
                    settled -= {layer - 1, layer + 1}
                    is_changed = True
            if not is_changed:
                break
        return order

    def _costs(self, order: list[np.ndarray], layer: int) -> np.ndarray:
        """What it costs that one node of a layer stands above another, in the order of the layer."""
        here = order[layer]
        costs = self._disorder_factor * (here[:, None] > here[None, :])
        for side in (-1, 1):
            if 0 <= layer + side < len(order):
                costs = costs + self._known_crossings(layer, side, here, order[layer + side])
        return costs

    def _known_crossings(self, layer: int, side: int, here: np.ndarray, there: np.ndarray) -> np.ndarray:
        """What edges to a neighbouring layer cross if one node stands above another.

        Sweeps and starts soon meet the same orders again.
        """
        key = layer, side, here.tobytes(), there.tobytes()
        if key not in self._known:
            self._known[key] = self._crossed(layer, side, here, there)
        return self._known[key]

    def _known_sum(self, layer: int, here: np.ndarray, there: np.ndarray) -> float:
        """What edges to the next layer cross as the nodes stand."""
        key = layer, here.tobytes(), there.tobytes()
        if key not in self._sums:
            self._sums[key] = float(self._known_crossings(layer, 1, here, there)[_above(len(here))].sum())
        return self._sums[key]

    def _known_disorder(self, layer: int, here: np.ndarray) -> float:
        """What it costs that nodes of a layer stand otherwise than at first."""
        key = layer, here.tobytes()
        if key not in self._disorders:
            inversions = (here[:, None] > here[None, :])[_above(len(here))].sum()
            self._disorders[key] = self._disorder_factor * float(inversions)
        return self._disorders[key]

    def _crossed(self, layer: int, side: int, here: np.ndarray, there: np.ndarray) -> np.ndarray:
        """What edges to one neighbouring layer cross if one node stands above another."""
        if side == 1:
            both = self._both[layer][:, here[:, None], there]
        else:
            both = self._both[layer - 1][:, there[:, None], here].transpose(0, 2, 1)
        above = both.cumsum(axis=2) - both
        edges, strengths = both @ above.transpose(0, 2, 1)
        crossed: np.ndarray = edges + self._strength_factor * strengths
        return crossed


@lru_cache(maxsize=256)
def _above(n: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of n nodes of which the first stands above the second."""
    return np.triu_indices(n, 1)


def _sifted(gains: list[list[float]], lanes: list[int]) -> list[int] | None:
    """Best places of all nodes of a layer, one after the other; None if they stand best as they are."""
    order = list(range(len(gains)))
    is_changed = False
    for node in range(len(gains)):
        place = order.index(node)
        costs = gains[node]
        best, least = place, -1e-9
        total = 0.0
        for to in range(place - 1, -1, -1):  # upwards: it then stands above what it passed
            if lanes[order[to]] != lanes[node]:
                break
            total += costs[order[to]]
            if total < least:
                best, least = to, total
        total = 0.0
        for to in range(place + 1, len(order)):
            if lanes[order[to]] != lanes[node]:
                break
            total -= costs[order[to]]
            if total < least:
                best, least = to, total
        if best != place:
            order.insert(best, order.pop(place))
            is_changed = True
    return order if is_changed else None
