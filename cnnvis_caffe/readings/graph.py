"""The nodes of a network as a graph: who reads whom, and which of them lead to the score."""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable, Iterator, Sequence

from cnnvis_caffe.network.facts.table import facts_of
from cnnvis_caffe.records.analysis import Node


class Graph:
    """Nodes by name with their sources and consumers; sources that are not nodes, such as labels, are left out.

    Parameters
    ----------
    nodes : sequence of Node
        In the order in which they run.

    Attributes
    ----------
    nodes : dict of str to Node
    order : dict of str to int
        Position in that order.
    sources, consumers : dict of str to tuple of str
        Each at most once, in order.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = {node.name: node for node in nodes}
        self._names = tuple(self.nodes)
        self.order = {name: number for number, name in enumerate(self.nodes)}
        self.sources = {
            node.name: tuple(dict.fromkeys(source for source in node.sources if source in self.nodes)) for node in nodes
        }
        consumers: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, sources in self.sources.items():
            for source in sources:
                consumers[source].append(name)
        self.consumers = {name: tuple(names) for name, names in consumers.items()}

    def ends(self) -> frozenset[str]:
        """Losses, softmaxes and the like that only layers of this kind read."""
        found: set[str] = set()
        for name in reversed(list(self.nodes)):
            node = self.nodes[name]
            facts = facts_of(node.type)
            judges = facts.judges_scores or facts.is_loss or not node.n_neurons
            if judges and found.issuperset(self.consumers[name]):
                found.add(name)
        return frozenset(found)

    def output(self) -> str:
        """The last node that is judged, else the last one that is not an end."""
        ends = self.ends()
        last = ""
        judged = ""
        for name in self.nodes:
            if name not in ends:
                last = name
                if any(consumer in ends for consumer in self.consumers[name]):
                    judged = name
        return judged or last

    def upstream(self, names: Iterable[str], since: str = "") -> set[str]:
        """The given nodes and all that they are computed from; with `since`, of what runs no earlier than that node."""
        return self._closure(names, self.sources, self.order[since] if since else 0)

    def downstream(self, names: Iterable[str]) -> set[str]:
        """The given nodes and all that is computed from them."""
        return self._closure(names, self.consumers)

    def following(self, source: str, stops: Container[str]) -> Iterator[str]:
        """The nodes to which a way leads from a node, in the order in which they run; no way goes on behind a stop."""
        waiting = [self.order[name] for name in self.consumers[source]]
        seen = {*waiting}
        while waiting:
            name = self._names[heapq.heappop(waiting)]
            yield name
            if name not in stops:
                for number in (self.order[consumer] for consumer in self.consumers[name]):
                    if number not in seen:
                        seen.add(number)
                        heapq.heappush(waiting, number)

    def _closure(self, names: Iterable[str], neighbours: dict[str, tuple[str, ...]], first: int = 0) -> set[str]:
        """Everything that can be reached, from the node of a number on."""
        found = set(names)
        waiting = list(found)
        while waiting:
            for name in neighbours[waiting.pop()]:
                if name not in found and self.order[name] >= first:
                    found.add(name)
                    waiting.append(name)
        return found
