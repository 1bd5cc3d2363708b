"""Signed relations between the neurons of two shown layers: weights, carried along the network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.readings.graph import Graph
from cnnvis_caffe.records.analysis import Analysis, Connections, Node, Snapshot

#: Kinds of nodes that end a path of connections.
_BARRIERS = ("input", "other")


@dataclass(frozen=True, eq=False)
class Relation:
    """How the neurons of a layer depend on those of an earlier one.

    Attributes
    ----------
    matrix : ndarray of shape (n_target, n_source), float32
        Product of the mean signed weights along each path, summed over paths.
    n_steps : int
        "weights" nodes on the longest path.
    """

    matrix: np.ndarray
    n_steps: int


@dataclass(frozen=True, eq=False)
class ConnectionQuantity:
    """A quantity of the connections along the same paths, as the two sums whose quotient is its average.

    Attributes
    ----------
    total : ndarray of shape (n_target, n_source), float32
        Sum over paths and their steps of the step's quantity times the product of |weight| along the path.
    weight : ndarray of the same shape, float32
        The same without the quantity.
    """

    total: np.ndarray
    weight: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """The average, (n_target, n_source) float32; NaN where no weight is on any path."""
        known = self.weight > 0
        return np.where(known, self.total / np.where(known, self.weight, 1), np.nan).astype(np.float32)


def relation(
    analysis: Analysis, snapshot: int, source: str, target: str, stops: Collection[str] = ()
) -> Relation | None:
    """Carry the connections from one node to another.

    Parameters
    ----------
    analysis : Analysis
    snapshot : int
        Index.
    source, target : str
        Nodes.
    stops : collection of str
        Nodes, such as other shown columns, through which no path may go.

    Returns
    -------
    Relation or None
        None where no path leads from one to the other.

    Notes
    -----
    The first inner product after a convolution has one mean weight for each channel; a Flatten between them does
    not change that: connections into its copies of a channel are averaged.
    """
    found = relations_from(Graph(analysis.nodes), analysis.snapshots[snapshot], source, [target, *stops])
    return found.get(target)


def quantity(
    analysis: Analysis, snapshot: int, source: str, target: str, kind: str, stops: Collection[str] = ()
) -> ConnectionQuantity | None:
    """Average a quantity of the connections over the paths from one node to another.

    Parameters
    ----------
    analysis : Analysis
    snapshot : int
        Index.
    source, target : str
        Nodes.
    kind : str
        One of `QUANTITIES`.
    stops : collection of str
        Nodes through which no path may go.

    Returns
    -------
    ConnectionQuantity or None
        None where no path leads there or the quantity is not known.
    """
    before = analysis.snapshots[snapshot - 1] if snapshot > 0 else None
    found = quantities_from(Graph(analysis.nodes), analysis.snapshots[snapshot], before, source, [target, *stops], kind)
    return found.get(target)


def targets_of(graph: Graph, source: str, stops: Collection[str]) -> dict[str, str]:
    """Find the stops that follow a node directly.

    Parameters
    ----------
    graph : Graph
    source : str
    stops : collection of str
        Nodes at which the search ends.

    Returns
    -------
    dict of str to str
        For each stop that is reached without passing another: an empty string, or the node through which no
        connection goes where all paths lead through such nodes.
    """
    barrier: dict[str, str] = {source: ""}
    found: dict[str, str] = {}
    for name in graph.following(source, stops):
        reached = [barrier[s] for s in graph.sources[name] if s in barrier and (s == source or s not in found)]
        if not reached:
            continue
        # An open way is shorter than any name of a barrier.
        through = min(reached, key=len)
        if not through and graph.nodes[name].kind in _BARRIERS:
            through = name
        barrier[name] = through
        if name in stops:
            found[name] = through
    return found


def relations_from(graph: Graph, snapshot: Snapshot, source: str, stops: Collection[str]) -> dict[str, Relation]:
    """Carry the connections from a node to all stops that follow it directly.

    Parameters
    ----------
    graph : Graph
    snapshot : Snapshot
    source : str
    stops : collection of str

    Returns
    -------
    dict of str to Relation
        By stop.
    """

    def weights(node: Node) -> list[np.ndarray] | None:
        known = snapshot.connections.get(node.name)
        return None if known is None else [known.weight]

    carried = _carry(graph, snapshot, source, stops, weights, n_arrays=1)
    return {name: Relation(arrays[0], n_steps) for name, (arrays, n_steps) in carried.items()}


def strengths_from(graph: Graph, snapshot: Snapshot, source: str, stops: Collection[str]) -> dict[str, np.ndarray]:
    """Carry the mean |weights| from a node to all stops that follow it directly.

    Parameters
    ----------
    graph : Graph
    snapshot : Snapshot
    source : str
    stops : collection of str

    Returns
    -------
    dict of str to ndarray of shape (n_target, n_source), float32
        By stop: the product of the mean absolute weights along each path, summed over paths.
    """

    def weights(node: Node) -> list[np.ndarray] | None:
        known = snapshot.connections.get(node.name)
        return None if known is None else [known.abs_weight]

    carried = _carry(graph, snapshot, source, stops, weights, n_arrays=1, absolute=True)
    return {name: arrays[0] for name, (arrays, _) in carried.items()}


def quantities_from(
    graph: Graph,
    snapshot: Snapshot,
    before: Snapshot | None,
    source: str,
    stops: Collection[str],
    kind: str,
    members: np.ndarray | None = None,
) -> dict[str, ConnectionQuantity]:
    """Average a quantity over the paths from a node to all stops that follow it directly.

    Parameters
    ----------
    graph : Graph
    snapshot : Snapshot
    before : Snapshot or None
        The snapshot before, for relative changes.
    source : str
    stops : collection of str
    kind : str
        One of `QUANTITIES`.
    members : ndarray of shape (n_source, n_clusters), float32, or None
        1 where a neuron of the source belongs to a cluster, else 0. Both sums are then over the neurons of each
        cluster, with columns for clusters rather than neurons: of a large network in a fraction of the time.

    Returns
    -------
    dict of str to ConnectionQuantity
        By stop; those are missing to which some step's quantity is not known.
    """
    unknown: set[str] = set()

    def weights(node: Node) -> list[np.ndarray] | None:
        known = snapshot.connections.get(node.name)
        if known is None:
            return None
        steps = step_quantity(snapshot, before, node.name, kind)
        if steps is None:
            unknown.add(node.name)
            steps = np.zeros_like(known.weight)
        size = np.abs(known.weight)
        return [size, size * steps]

    carried = _carry(graph, snapshot, source, stops, weights, n_arrays=3, start=members)
    result = {}
    for name, (arrays, _) in carried.items():
        between = _between(graph, source, name, stops)
        if not unknown & between:
            result[name] = ConnectionQuantity(arrays[1], arrays[2])
    return result


def step_quantity(snapshot: Snapshot, before: Snapshot | None, node: str, kind: str) -> np.ndarray | None:
    """Quantity of the connections of one layer with weights.

    Parameters
    ----------
    snapshot : Snapshot
    before : Snapshot or None
    node : str
        A "weights" node.
    kind : str
        One of `QUANTITIES`.

    Returns
    -------
    ndarray of shape (n_to, n_from), float32, or None
        None where it is not known.
    """
    if kind not in QUANTITIES:
        raise ValueError(f"a quantity is {' or '.join(QUANTITIES)}, got {kind!r}")
    now = snapshot.connections.get(node)
    earlier = None if before is None else before.connections.get(node)
    return None if now is None else QUANTITIES[kind](now, earlier)


def _relative_change(now: Connections, earlier: Connections | None) -> np.ndarray | None:
    """How much the weights changed, by their size and that of the layer's mean weight."""
    if earlier is None or now.weight.shape != earlier.weight.shape:
        return None
    size = np.abs(earlier.weight)
    scale = size + size.mean()
    return np.divide(np.abs(now.weight - earlier.weight), scale, out=np.zeros_like(scale), where=scale > 0)


#: What may colour connections, by its name in `records.view.EDGE_QUANTITIES`; "weight" colours by the sign. Each takes
#: the connections of a layer in a snapshot and in the one before, and returns an ndarray of shape (n_to, n_from),
#: float32; None where it is not known.
QUANTITIES: dict[str, Callable[[Connections, Connections | None], np.ndarray | None]] = {
    "gradient": lambda now, earlier: now.abs_gradient,
    "relative_change": _relative_change,
}


@dataclass(frozen=True, eq=False)
class _Part:
    """Some neighbouring neurons of a node, from `row` on, and how they depend on the source.

    Either `diagonal`: neuron i is the source's neuron column + i times a factor. Or `arrays`, (height, n_source)
    each: what is carried. Each neuron stands for `copies` of its node, one behind the other.
    """

    row: int
    height: int
    diagonal: np.ndarray | None = None
    column: int = 0
    arrays: tuple[np.ndarray, ...] = ()
    copies: int = 1

    @property
    def end(self) -> int:
        """One behind the last neuron of the node."""
        return self.row + self.height * self.copies

    def scaled(self, factor: np.ndarray | float, *, absolute: bool) -> _Part:
        """Times a factor for each neuron, or one for all."""
        if absolute:
            factor = np.abs(factor)
        factors = np.broadcast_to(np.asarray(factor, np.float32), (self.height,))
        if self.diagonal is not None:
            return _Part(self.row, self.height, self.diagonal * factors, self.column, (), self.copies)
        arrays = tuple(array * factors[:, None] for array in self.arrays)
        return _Part(self.row, self.height, None, 0, arrays, self.copies)

    def moved(self, by: int) -> _Part:
        """Further down."""
        return _Part(self.row + by, self.height, self.diagonal, self.column, self.arrays, self.copies)

    def cut(self, start: int, stop: int) -> _Part:
        """Its neurons from start to before stop, where each stands for itself."""
        part = slice(start - self.row, stop - self.row)
        diagonal = None if self.diagonal is None else self.diagonal[part]
        arrays = tuple(array[part] for array in self.arrays)
        return _Part(start, stop - start, diagonal, self.column + part.start, arrays)

    def plain(self, n_arrays: int, n_source: int) -> _Part:
        """The same with each copy written out."""
        if self.copies == 1:
            return self
        arrays = [np.repeat(array, self.copies, axis=0) for array in _dense([self], 0, self, n_arrays, n_source)]
        return _Part(self.row, self.height * self.copies, None, 0, tuple(arrays))


def _dense(parts: Sequence[_Part], first: int, whole: _Part | int, n_arrays: int, n_source: int) -> list[np.ndarray]:
    """The sum of parts as full arrays; `whole` gives the height, or is the only part, then without copies."""
    height = whole.height if isinstance(whole, _Part) else whole
    if len(parts) == 1 and parts[0].diagonal is None and parts[0].height == height:
        return list(parts[0].arrays)
    result = [np.zeros((height, n_source), np.float32) for _ in range(n_arrays)]
    for part in parts:
        row = 0 if isinstance(whole, _Part) else part.row - first
        if part.diagonal is not None:
            index = np.arange(part.height)
            result[0][row + index, part.column + index] += part.diagonal
        else:
            for total, array in zip(result, part.arrays):
                total[row : row + part.height] += array
    return result


def _carry(
    graph: Graph,
    snapshot: Snapshot,
    source: str,
    stops: Collection[str],
    weights: Callable[[Node], list[np.ndarray] | None],
    n_arrays: int,
    start: np.ndarray | None = None,
    *,
    absolute: bool = False,
) -> dict[str, tuple[list[np.ndarray], int]]:
    """Carry the identity, or another matrix to start from, to the stops that follow: arrays and number of steps.

    With one array it is the matrix product of the weights, and of the other factors, which count by their size where
    `absolute` says so. With three they are: the sum over paths of the
    product of |weight|; that times the sum of the steps' quantities; that times the number of steps.
    """
    stops = set(stops) - {source}
    targets = [name for name, barrier in targets_of(graph, source, stops).items() if not barrier]
    wanted = _between(graph, source, targets, stops)
    n_source = graph.nodes[source].n_neurons
    first = _Part(0, n_source, np.ones(n_source, np.float32))
    if start is not None:
        nothing = [np.zeros_like(start) for _ in range(n_arrays - 1)]
        first = _Part(0, n_source, arrays=(start, *nothing))
        n_source = start.shape[1]
    values: dict[str, list[_Part]] = {source: [first]}
    steps = {source: 0}
    result = {}
    for name in sorted(wanted - {source}, key=graph.order.__getitem__):
        node = graph.nodes[name]
        reached = [s for s in graph.sources[name] if s in values and (s == source or s not in stops)]
        if not reached or node.kind in _BARRIERS:
            continue
        values[name] = _through(node, graph, snapshot, values, set(reached), weights, n_arrays, n_source, absolute)
        steps[name] = max(steps[s] for s in reached) + (node.kind == "weights")
        if name in stops:
            parts = [part.plain(n_arrays, n_source) for part in values[name]]
            result[name] = (_dense(parts, 0, node.n_neurons, n_arrays, n_source), steps[name])
    return result


def _between(graph: Graph, source: str, targets: str | Sequence[str], stops: Collection[str]) -> set[str]:
    """The nodes on the paths from one to others that lead through no stop, with both ends."""
    targets = [targets] if isinstance(targets, str) else list(targets)
    return {source, *graph.following(source, stops)} & graph.upstream(targets, since=source)


def _through(
    node: Node,
    graph: Graph,
    snapshot: Snapshot,
    values: dict[str, list[_Part]],
    reached: set[str],
    weights: Callable[[Node], list[np.ndarray] | None],
    n_arrays: int,
    n_source: int,
    absolute: bool,
) -> list[_Part]:
    """The parts that a node makes of the parts of its sources."""
    absolute = absolute or n_arrays > 1
    if node.kind == "concat":
        parts: list[_Part] = []
        row = 0
        for name in node.sources:
            if name in reached:
                parts += [part.moved(row) for part in values[name]]
            row += graph.nodes[name].n_neurons if name in graph.nodes else 0
        return parts
    if node.kind == "sum":
        coefficients = node.coefficients or (1.0,) * len(node.sources)
        terms = [
            [part.scaled(coefficient, absolute=absolute) for part in values[name]]
            for name, coefficient in zip(node.sources, coefficients)
            if name in reached
        ]
        if len(terms) == 1:
            return terms[0]
        plain = [part.plain(n_arrays, n_source) for term in terms for part in term]
        return [_Part(0, node.n_neurons, arrays=tuple(_dense(plain, 0, node.n_neurons, n_arrays, n_source)))]
    incoming = [part for name in graph.sources[node.name] if name in reached for part in values[name]]
    if node.kind == "weights":
        return _mixed(node, incoming, weights(node), n_arrays, n_source)
    if node.kind == "scale":
        factors = np.asarray(snapshot.scale.get(node.name, np.ones(node.n_neurons)), np.float32)
        plain = [part.plain(n_arrays, n_source) for part in incoming]
        return [part.scaled(factors[part.row : part.end], absolute=absolute) for part in plain]
    if node.kind == "slice":
        start, stop = node.offset, node.offset + node.n_neurons
        plain = [part.plain(n_arrays, n_source) for part in incoming if part.row < stop and part.end > start]
        return [part.cut(max(part.row, start), min(part.end, stop)).moved(-start) for part in plain]
    if node.kind == "repeat":
        return [
            _Part(p.row * node.factor, p.height, p.diagonal, p.column, p.arrays, p.copies * node.factor)
            for p in incoming
        ]
    return incoming


def _mixed(
    node: Node, incoming: Sequence[_Part], matrices: list[np.ndarray] | None, n_arrays: int, n_source: int
) -> list[_Part]:
    """What a layer with weights makes of its source's parts."""
    if matrices is None:
        return []
    n_to, n_from = matrices[0].shape
    result = [np.zeros((n_to, n_source), np.float32) for _ in range(n_arrays)]
    for part in incoming:
        start, stop, copies = part.row, part.end, part.copies
        if stop > n_from and copies > 1 and part.row % copies == 0:
            # One mean weight for each channel, although a Flatten lies between.
            start, stop, copies = start // copies, stop // copies, 1
        blocks = [matrix[:, start:stop] for matrix in matrices]
        if copies > 1:
            blocks = [block.reshape(n_to, part.height, copies).mean(axis=2) for block in blocks]
        if part.diagonal is not None:
            place = slice(part.column, part.column + part.height)
            result[0][:, place] += blocks[0] * part.diagonal
            if n_arrays == 3:
                result[1][:, place] += blocks[1] * part.diagonal
                result[2][:, place] += blocks[0] * part.diagonal
        elif n_arrays == 1:
            result[0] += blocks[0] @ part.arrays[0]
        else:
            path, total, count = part.arrays
            carried = np.hsplit(blocks[0] @ np.hstack([path, total, count + path]), 3)
            carried[1] = carried[1] + blocks[1] @ path
            for so_far, more in zip(result, carried):
                so_far += more
    return [_Part(0, n_to, arrays=tuple(result))]
