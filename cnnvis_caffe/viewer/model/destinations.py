"""Decides where a click leads: which edits bring a layer into sight, what a finding selects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from cnnvis_caffe.edits.kinds import (
    ChooseClasses,
    ChooseEdgeFilter,
    ChooseEdges,
    ChooseFacet,
    ChooseImportance,
    ChooseRepresentative,
    ChooseSnapshot,
    CollapseGroup,
    Edit,
    ExpandGroup,
    as_edits,
)
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.finding import Finding
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.lookup import column_of, group_of


def edits_that_show(aggregation: Aggregation | None, node: str) -> list[Edit]:
    """Return the edits that bring a layer into the picture: they expand its group, or let it stand for it."""
    group = group_of(aggregation, node)
    if group is None or column_of(aggregation, node) is not None:
        return []
    if node in group.columns and len(group.columns) > 1:
        return [ExpandGroup(group.name)]
    if node not in group.candidates:
        return []
    collapse: list[Edit] = [CollapseGroup(group.name)] if group.is_expanded else []
    return [*collapse, ChooseRepresentative(group.name, node)]


def said_of_edits(edits: Sequence[Edit], why: str) -> str:
    """Say which edits were done that the user did not ask for by name; nothing where there are none.

    Returns
    -------
    str
        "To show relu3_2: collapse conv3_1, group conv3_1 shown by relu3_2. Undo takes it back."
    """
    texts = [
        f"group {edit.group} shown by {edit.node}"
        if isinstance(edit, ChooseRepresentative)  # a group has the name of one of its layers
        else f"{edit.text[:1].lower()}{edit.text[1:]}"
        for edit in edits
    ]
    return f"{why}: {', '.join(texts)}. Undo takes it back." if texts else ""


def changes_between(before: View, after: View) -> list[Edit]:
    """Return the edits by which one view differs from another in what is shown; the theme does not count."""
    usual, names = View(), {field.name for field in fields(View)} - {"theme"}
    changed = {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}
    edits = list(as_edits(replace(usual, **changed)))
    # What goes back to the usual is an edit as well.
    back = {name: value for name, value in changed.items() if value == getattr(usual, name)}
    was = replace(usual, **{name: getattr(before, name) for name in back})
    undone = [edit for edit in _usual_choices() if edit.apply(was) != was]
    return [*edits, *undone]


def _usual_choices() -> list[Edit]:
    """The edits that go back to what is usual."""
    usual = View()
    return [
        ChooseSnapshot(usual.snapshot),
        ChooseFacet(usual.facet),
        ChooseEdges(usual.edges),
        ChooseEdgeFilter(usual.edge_filter),
        ChooseImportance(usual.importance),
        ChooseClasses(usual.classes),
    ]


def column_for_layer(analysis: Analysis, aggregation: Aggregation, node: str) -> Target | None:
    """Return the column of a layer, or what stands for its group; None where it has neither."""
    for column in aggregation.columns:
        if node in (column.node, analysis.node(column.node).owner):
            return Target("column", column.node)
    group = group_of(aggregation, node)
    if group is None:
        return None
    return Target("group", group.name) if group.is_expanded else Target("column", group.representative)


def page_neuron(target: Target) -> tuple[str, int] | None:
    """Return the neuron whose page a target opens; None for other things, and for several neurons."""
    if target.kind != "neuron" or len(target.members) != 1:
        return None
    return target.node, target.members[0]


def page_target(aggregation: Aggregation | None, target: Target) -> Target | None:
    """Return what a page of many neurons is about: a cluster, several neurons, or a layer; None for other things."""
    if target.kind in ("neuron", "cluster") and target.members:
        return target
    if target.kind == "column":
        return Target("column", target.node)
    group = group_of(aggregation, target.node) if target.kind == "group" else None
    return Target("column", group.representative) if group is not None else None


def view_of_finding(analysis: Analysis, finding: Finding) -> View:
    """Return the view that shows a finding, in its snapshot."""
    label = finding.view.snapshot or finding.snapshot
    # Views name the last snapshot by nothing.
    return replace(finding.view, snapshot="" if label == analysis.snapshots[-1].label else label)


def target_of_finding(finding: Finding) -> Target | None:
    """Return what a finding is about: neurons, a layer or a class; None for the whole network."""
    place = finding.places[0]
    if not place.node:
        return Target("class", members=place.classes[:1]) if place.classes else None
    return Target("neuron", place.node, place.neurons) if place.neurons else Target("column", place.node)


def in_shown_column(analysis: Analysis, aggregation: Aggregation, target: Target) -> Target:
    """Return a target in the column that stands for its layer, where the layer itself is not shown."""
    if not target.node or column_of(aggregation, target.node) is not None:
        return target
    owner = analysis.node(target.node).owner
    for column in aggregation.columns:
        node = analysis.node(column.node)
        if node.owner == owner and (not target.members or node.n_neurons > max(target.members)):
            return replace(target, node=column.node)
    return target
