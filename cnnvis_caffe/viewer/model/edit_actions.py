"""Decides which edit an action does, or says why it does none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cnnvis_caffe.edits.kinds import (
    ArrangeAnew,
    ChooseClasses,
    ChooseClustersOf,
    ChooseEdgeFilter,
    ChooseEdges,
    ChooseFacet,
    ChooseRepresentative,
    CollapseGroup,
    Edit,
    ExpandGroup,
    MoveNeuron,
    NewCluster,
    Together,
)
from cnnvis_caffe.records.aggregation import LayerGroup
from cnnvis_caffe.records.view import EDGE_QUANTITIES, FACETS, Members
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.words import counted
from cnnvis_caffe.viewer.model.bundles import bundle_of
from cnnvis_caffe.viewer.model.edge_colours import missing_edge_colours
from cnnvis_caffe.viewer.model.lookup import cluster_around
from cnnvis_caffe.viewer.model.session import Session

FILTER_STEP = 0.05


def selected_group(session: Session) -> LayerGroup | None:
    """Return the layer group of what is selected."""
    selection = session.selection
    return session.group_of(selection.node) if selection is not None and selection.node else None


def _facet(facet: str, session: Session) -> Edit:
    return ChooseFacet(facet)


def _cluster_facet(facet: str, session: Session) -> Edit | None:
    cluster = cluster_around(session.aggregation, session.selection)
    return ChooseFacet(facet, cluster.node, cluster.members) if cluster is not None else None


def _edges(quantity: str, session: Session) -> Edit | str:
    return missing_edge_colours(session.analysis).get(quantity) or ChooseEdges(quantity)


def _filter(by: float, session: Session) -> Edit:
    return ChooseEdgeFilter(round(min(max(session.view.edge_filter + by, FILTER_STEP), 1.0), 2))


def _toggle_group(session: Session) -> Edit | None:
    group = selected_group(session)
    if group is None or len(group.columns) < 2:
        return None
    return CollapseGroup(group.name) if group.is_expanded else ExpandGroup(group.name)


def _expand_all(session: Session) -> Edit:
    groups = session.aggregation.groups if session.aggregation is not None else ()
    hidden = [group for group in groups if len(group.columns) > 1 and not group.is_expanded]
    return Together(tuple(ExpandGroup(group.name) for group in hidden), "Expand all groups")


def _collapse_all(session: Session) -> Edit:
    groups = session.aggregation.groups if session.aggregation is not None else ()
    return Together(tuple(CollapseGroup(group.name) for group in groups if group.is_expanded), "Collapse all groups")


def _next_representative(session: Session) -> Edit | None:
    """The next layer stands for the group; after the last one the first."""
    group = selected_group(session)
    if group is None or len(group.candidates) < 2 or group.is_expanded:
        return None
    at = group.candidates.index(group.representative) + 1
    return ChooseRepresentative(group.name, group.candidates[at % len(group.candidates)])


def _new_cluster(session: Session) -> Edit | None:
    selection = session.selection
    is_neuron = selection is not None and selection.kind == "neuron"
    return NewCluster(selection.node, selection.members) if selection is not None and is_neuron else None


def move_to_cluster(target: Target, cluster: Members) -> Edit:
    """Return the edit that moves one or several neurons to a cluster, or into one of their own where it is empty."""
    if len(target.members) == 1:
        return MoveNeuron(target.node, target.members[0], cluster)
    if not cluster:
        return NewCluster(target.node, target.members)
    moves = tuple(MoveNeuron(target.node, neuron, cluster) for neuron in target.members)
    return Together(moves, f"Move {counted(len(moves), 'neuron')} of {target.node}")


def _merge_bundles(session: Session) -> Edit | str | None:
    bundle = bundle_of(session.aggregation, session.selection)
    if bundle is None:
        return None
    other = bundle.nearest_partner
    if other is None:
        return "There is no other bundle of this sign between these layers"
    return bundle.merged_with(other)


def _split_bundle(session: Session) -> Edit | str | None:
    bundle = bundle_of(session.aggregation, session.selection)
    return (bundle.split() or "This bundle leads to one cluster only") if bundle is not None else None


def _all_classes(session: Session) -> Edit:
    return ChooseClasses(())


def _invert_classes(session: Session) -> Edit | None:
    if session.analysis is None:
        return None
    everything = range(session.analysis.data.n_classes)
    chosen = session.view.classes or everything
    return ChooseClasses(tuple(c for c in everything if c not in chosen))


def _cluster_here(session: Session) -> Edit:
    return ChooseClustersOf(session.name_of_snapshot(session.snapshot_index))


def _arrange_anew(session: Session) -> Edit | str:
    view = session.view
    edit = ArrangeAnew(len(view.moves), len(view.bicluster_edits), view.edge_filter)
    return edit if edit.apply(view) != view else "The order is that of all edits already"


#: By the name of the action in `actions.ACTION_SPECS`, which need not have all of them.
EDIT_OF_ACTION: dict[str, Callable[[Session], Edit | str | None]] = {
    **{f"facet_{facet}": partial(_facet, facet) for facet in FACETS},
    **{f"cluster_{facet}": partial(_cluster_facet, facet) for facet in FACETS},
    **{f"edges_{quantity}": partial(_edges, quantity) for quantity in EDGE_QUANTITIES},
    "fewer_edges": partial(_filter, -FILTER_STEP),
    "more_edges": partial(_filter, FILTER_STEP),
    "toggle_group": _toggle_group,
    "expand_all": _expand_all,
    "collapse_all": _collapse_all,
    "next_representative": _next_representative,
    "new_cluster": _new_cluster,
    "merge_bundles": _merge_bundles,
    "split_bundle": _split_bundle,
    "all_classes": _all_classes,
    "invert_classes": _invert_classes,
    "cluster_here": _cluster_here,
    "arrange_anew": _arrange_anew,
}
#: Actions that are one step to undo when they come several times in a row.
TOGETHER = ("fewer_edges", "more_edges")


def edit_of(name: str, session: Session) -> Edit | None:
    """Return the edit that an action would do now; None where it does none."""
    decide = EDIT_OF_ACTION.get(name)
    edit = decide(session) if decide is not None else None
    return edit if isinstance(edit, Edit) else None


def do_action(name: str, session: Session) -> None:
    """Do the edit of an action in a session, where it has one."""
    edit = EDIT_OF_ACTION[name](session)
    if isinstance(edit, Edit):
        session.apply(edit)


def what_is_there(session: Session, *, is_open: bool) -> frozenset[str]:
    """Return what is there of all that actions can need (`actions.ActionSpec.needs`).

    Parameters
    ----------
    session : Session
        Of the picture that was used last.
    is_open : bool
        Whether an analysis is seen, rather than the start page.
    """
    if not is_open or session.analysis is None:
        return frozenset(("",))
    selection, group, aggregation = session.selection, selected_group(session), session.aggregation
    kind = selection.kind if selection is not None else ""
    there = {
        "selection": selection is not None,
        "neuron": kind in ("neuron", "cluster"),
        "cluster": kind in ("neuron", "cluster"),
        "page": kind in ("neuron", "cluster", "column", "group"),
        "bicluster": kind in ("edge", "bicluster"),
        "group": group is not None and len(group.columns) > 1,
        "candidates": group is not None and len(group.candidates) > 1 and not group.is_expanded,
        "snapshots": len(session.analysis.snapshots) > 1,
        "other_clusters": aggregation is not None and aggregation.kept is not None,
    }
    return frozenset(("", "analysis", *(name for name, is_there in there.items() if is_there)))
