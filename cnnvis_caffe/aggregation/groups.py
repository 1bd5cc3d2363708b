"""Layer groups: runs of layers up to a pooling, inner products by themselves, and regions with branches as units."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import networkx as nx

from cnnvis_caffe.readings.graph import Graph
from cnnvis_caffe.records.aggregation import LayerGroup
from cnnvis_caffe.records.analysis import Analysis, Node

_ACTIVATIONS = ("rectifier", "activation")


def layer_groups(
    analysis: Analysis, expanded: Collection[str] = (), representatives: Iterable[tuple[str, str]] = ()
) -> tuple[LayerGroup, ...]:
    """Find the layer groups of a network.

    Parameters
    ----------
    analysis : Analysis
    expanded : collection of str
        Groups that are shown layer by layer.
    representatives : iterable of (str, str)
        Group and node that stands for it, where the user chose; what the group does not have is passed over.

    Returns
    -------
    tuple of LayerGroup
        In the order of the network. Groups without any analysed neurons are left out.
    """
    shown = [node.name for node in analysis.shown_nodes]
    return with_choices(find_groups(analysis.nodes, shown), expanded, representatives)


def with_choices(
    groups: Iterable[LayerGroup], expanded: Collection[str], representatives: Iterable[tuple[str, str]]
) -> tuple[LayerGroup, ...]:
    """Mark expanded groups and put the user's representatives in place.

    Parameters
    ----------
    groups : iterable of LayerGroup
    expanded : collection of str
        Names of groups.
    representatives : iterable of (str, str)
        Group and node.

    Returns
    -------
    tuple of LayerGroup
    """
    chosen = dict(representatives)
    result = []
    for group in groups:
        wanted = chosen.get(group.name, "")
        representative = wanted if wanted in group.candidates else group.representative
        result.append(replace(group, representative=representative, is_expanded=group.name in expanded))
    return tuple(result)


def find_groups(nodes: Sequence[Node], shown: Collection[str]) -> tuple[LayerGroup, ...]:
    """Find the layer groups among nodes, all of them collapsed.

    A single-entry single-exit region with branches (an inception module, a residual block) is a group of its own;
    what follows it up to the next layer with weights belongs to it.

    Parameters
    ----------
    nodes : sequence of Node
        In the order in which they run.
    shown : collection of str
        The nodes that can be shown: analysed, or the images.

    Returns
    -------
    tuple of LayerGroup
    """
    graph = Graph(nodes)
    shown = frozenset(shown)
    drafts = _drafts(graph)
    names: set[str] = set()
    groups = []
    for draft in drafts:
        candidates = tuple(name for name in draft.nodes if name in shown and graph.nodes[name].n_neurons)
        if not candidates:
            continue
        name = _name(graph, draft)
        if name in names:
            name = draft.exit or draft.nodes[0]
        names.add(name)
        groups.append(
            LayerGroup(
                name=name,
                kind=draft.kind,
                nodes=tuple(draft.nodes),
                columns=_columns(graph, draft, candidates),
                candidates=candidates,
                representative=_representative(graph, draft, candidates),
                is_expanded=False,
            )
        )
    return tuple(groups)


@dataclass
class _Draft:
    """A group in the making; `exit` is where the branches of a region meet."""

    kind: str
    nodes: list[str] = field(default_factory=list)
    exit: str = ""
    is_closed: bool = False


def _drafts(graph: Graph) -> list[_Draft]:
    """Give each node that is no end to a group."""
    ends = graph.ends()
    regions = find_regions(graph)
    region_of = {name: region for region in regions for name in region.nodes}
    drafts: list[_Draft] = []
    of_region: dict[str, _Draft] = {}
    group_of: dict[str, _Draft] = {}

    def start(kind: str, exit: str = "") -> _Draft:
        draft = _Draft(kind, exit=exit)
        drafts.append(draft)
        return draft

    for name, node in graph.nodes.items():
        if name in ends:
            continue
        sources = [source for source in graph.sources[name] if source in group_of]
        before = {id(group_of[source]): group_of[source] for source in sources}
        if name in region_of:
            exit = region_of[name].exit
            if exit not in of_region:
                of_region[exit] = start("region", exit)
            draft = of_region[exit]
        elif not sources:
            draft = start("input" if node.kind == "input" else "chain")
        elif node.kind == "weights":
            draft = group_of[sources[0]]
            alone = [reader for reader in graph.consumers[sources[0]] if reader not in ends] == [name]
            joins = draft.kind == "chain" and not draft.is_closed and draft.nodes[-1] == sources[0] and alone
            if node.type == "InnerProduct":
                draft = start("inner_product")
            elif not joins:
                draft = start("chain")
        elif len(before) == 1:
            draft = group_of[sources[0]]
        else:
            draft = start("chain")
        draft.nodes.append(name)
        draft.is_closed = draft.is_closed or node.role == "pooling"
        group_of[name] = draft
    return drafts


@dataclass(frozen=True)
class Region:
    """A part of the network between a fork and the node where all its branches meet.

    Attributes
    ----------
    entry : str
        The fork; not part of the region.
    exit : str
        Where the branches meet; part of it.
    nodes : frozenset of str
    """

    entry: str
    exit: str
    nodes: frozenset[str]


def find_regions(graph: Graph) -> tuple[Region, ...]:
    """Find the single-entry single-exit regions with branches that are shown as units.

    Only the way to the score counts: auxiliary classifiers do not break the modules that they leave from. The entry
    may also be read elsewhere, by a connection that skips several regions. Of regions within each other the
    outermost is the unit, unless it holds more than half of all layers with weights.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    tuple of Region
        Disjoint; in the order of their exits.
    """
    output = graph.output()
    main = graph.upstream([output])
    ways = nx.DiGraph()
    ways.add_nodes_from(main)
    ways.add_edges_from((source, name) for name in main for source in graph.sources[name] if source in main)
    root = ("root",)  # no name is a tuple
    ways.add_edges_from((root, name) for name in main if not graph.sources[name])
    dominator = nx.immediate_dominators(ways, root)
    meeting = nx.immediate_dominators(ways.reverse(copy=False), output)

    def is_behind(name: str, exit: str) -> bool:
        while name not in (exit, output):
            name = meeting[name]
        return name == exit

    found = []
    for exit in sorted(main, key=graph.order.__getitem__):
        entry = dominator.get(exit)
        if entry in (None, root) or sum(source in main for source in graph.sources[exit]) < 2:
            continue
        readers = [name for name in graph.consumers[entry] if name in main]
        inside = (graph.downstream(readers) & graph.upstream([exit])) - {entry}
        has_weights = any(graph.nodes[name].kind == "weights" for name in inside)
        if has_weights and all(is_behind(name, exit) for name in inside):
            found.append(Region(entry, exit, frozenset(inside)))

    n_weights = sum(graph.nodes[name].kind == "weights" for name in main)
    chosen: list[Region] = []
    for region in sorted(found, key=lambda region: (-len(region.nodes), graph.order[region.entry])):
        if any(region.nodes & other.nodes for other in chosen):
            continue
        holds_others = any(other.nodes < region.nodes for other in found)
        inside_weights = sum(graph.nodes[name].kind == "weights" for name in region.nodes)
        if holds_others and 2 * inside_weights > n_weights:
            continue
        chosen.append(region)
    return tuple(sorted(chosen, key=lambda region: graph.order[region.exit]))


def _name(graph: Graph, draft: _Draft) -> str:
    """Name of a group: its first layer with weights, for a region what the names have in common."""
    weights = [name for name in draft.nodes if graph.nodes[name].kind == "weights"]
    if draft.kind != "region":
        return (weights or draft.nodes)[0]
    start = os.path.commonprefix([*weights, draft.exit])
    common = start.rstrip("/_-.:")
    # A single letter says something only where the names themselves end it.
    return common if len(common) > 1 or common != start else draft.exit


def _representative(graph: Graph, draft: _Draft, candidates: tuple[str, ...]) -> str:
    """The last activation; without one the last layer with weights; in a region from its exit on."""
    if draft.kind == "input":
        return candidates[0]
    roles = {name: graph.nodes[name].role for name in candidates}
    considered = candidates
    if draft.exit:
        considered = tuple(name for name in candidates if graph.order[name] >= graph.order[draft.exit])
    activations = [name for name in considered if roles[name] in _ACTIVATIONS]
    weights = [name for name in considered if graph.nodes[name].kind == "weights"]
    if activations or weights:
        return (activations or weights)[-1]
    return considered[0] if considered else candidates[-1]


def _columns(graph: Graph, draft: _Draft, candidates: tuple[str, ...]) -> tuple[str, ...]:
    """What is shown when the group is expanded: each layer with weights and each merge, by its activation."""
    if draft.kind == "input":
        return candidates[:1]
    known = set(candidates)
    shown: dict[str, None] = {}
    for name in draft.nodes:
        node = graph.nodes[name]
        if node.kind == "weights" or node.role == "merge":
            follower = _activation_after(graph, name, set(draft.nodes), known)
            if follower in known:
                shown[follower] = None
    return tuple(sorted(shown, key=graph.order.__getitem__)) or candidates[-1:]


def _activation_after(graph: Graph, name: str, group: set[str], known: set[str]) -> str:
    """The last activation that is computed from a node alone, within its group; the node itself without one."""
    last = at = name
    while True:
        readers = [reader for reader in graph.consumers[at] if reader in group and graph.sources[reader] == (at,)]
        if len(readers) != 1 or graph.nodes[readers[0]].kind == "weights":
            return last
        at = readers[0]
        if at in known and graph.nodes[at].role in _ACTIVATIONS:
            last = at
