"""Says what in the picture an edit is about, so that a menu can show it before it is chosen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cnnvis_caffe.edits.kinds import (
    ChooseFacet,
    ChooseRepresentative,
    CollapseGroup,
    Edit,
    ExpandGroup,
    MergeBiclusters,
    MoveNeuron,
    NewCluster,
    SplitBicluster,
    Together,
)
from cnnvis_caffe.records.view import Members
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.bundles import bundle_of
from cnnvis_caffe.viewer.model.lookup import cluster_target, column_of
from cnnvis_caffe.viewer.model.session import Session


@dataclass(frozen=True)
class Preview:
    """What a menu points at in the picture.

    Attributes
    ----------
    targets : tuple of Target
        What the entry under the pointer would change, or where it would lead.
    names : tuple of (Target, str)
        What the entries call the clusters or bundles that they offer.
    """

    targets: tuple[Target, ...] = ()
    names: tuple[tuple[Target, str], ...] = ()


NOTHING = Preview()


def targets_of(session: Session, edit: Edit) -> tuple[Target, ...]:
    """Return what an edit would change, or where it would lead.

    Parameters
    ----------
    session : Session
    edit : Edit

    Returns
    -------
    tuple of Target
        Empty where it is about everything, such as another colour of all connections.
    """
    found: Iterable[Target] = ()
    if isinstance(edit, Together):
        found = (target for one in edit.edits for target in targets_of(session, one))
    elif isinstance(edit, MoveNeuron):
        found = _cluster(session, edit.node, edit.to) or (Target("neuron", edit.node, (edit.neuron,)),)
    elif isinstance(edit, NewCluster):
        found = (Target("neuron", edit.node, (neuron,)) for neuron in edit.members)
    elif isinstance(edit, ChooseFacet):
        found = _cluster(session, edit.node, edit.members)
    elif isinstance(edit, (MergeBiclusters, SplitBicluster)):
        found = _bundles(session, edit)
    elif isinstance(edit, (ExpandGroup, CollapseGroup, ChooseRepresentative)):
        columns = session.aggregation.columns if session.aggregation is not None else ()
        found = (Target("column", column.node) for column in columns if column.group == edit.group)
    return tuple(dict.fromkeys(found))


def _cluster(session: Session, node: str, members: Members) -> tuple[Target, ...]:
    """The cluster with most of some neurons, as `MoveNeuron` finds it."""
    column = column_of(session.aggregation, node)
    if column is None or not members:
        return ()
    labels = column.labels[[neuron for neuron in members if neuron < len(column.labels)]].tolist()
    return (cluster_target(column, max(sorted(set(labels)), key=labels.count)),) if labels else ()


def _bundles(session: Session, edit: MergeBiclusters | SplitBicluster) -> tuple[Target, ...]:
    """The bundles that an edit names, as they are numbered in the picture."""
    named = (edit.first, edit.second) if isinstance(edit, MergeBiclusters) else (edit.which,)
    found = []
    for sources, targets in named:
        ends = [tuple(neuron for cluster in clusters for neuron in cluster) for clusters in (sources, targets)]
        bundle = bundle_of(
            session.aggregation, Target("bicluster", edit.source, ends[0], edit.target, ends[1], sign=edit.sign)
        )
        if bundle is not None:
            found.append(bundle.target)
    return tuple(found)
