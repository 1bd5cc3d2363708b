"""Where a click leads: hidden layers, layers of the chart, pages, findings."""

from __future__ import annotations

import pytest
from helpers.plain_session import plain_session

from cnnvis_caffe.edits.kinds import ChooseEdges, ChooseRepresentative, CollapseGroup, ExpandGroup
from cnnvis_caffe.records.finding import Evidence, Finding, Place
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.describe import group_name
from cnnvis_caffe.viewer.model.destinations import (
    changes_between,
    column_for_layer,
    edits_that_show,
    in_shown_column,
    page_neuron,
    page_target,
    said_of_edits,
    target_of_finding,
    view_of_finding,
)
from cnnvis_caffe.viewer.model.lookup import clusters_by_themselves


def finding(place, snapshot="", view=None):
    evidence = (Evidence("share", 0.5),)
    return Finding("dead", "mild", "title", "why", "try", (place,), evidence, 1.0, snapshot, view or View())


def test_a_hidden_layer_is_brought_into_the_picture(deep):
    session = plain_session(deep)
    group = session.group_of("relu3_1")
    hidden = next(node for node in group.columns if node != group.representative)
    assert edits_that_show(session.aggregation, hidden) == [ExpandGroup("conv3_1")]
    assert edits_that_show(session.aggregation, group.representative) == []
    assert edits_that_show(session.aggregation, "nothing") == [] == edits_that_show(None, hidden)
    assert edits_that_show(session.aggregation, "conv3_1") == [ChooseRepresentative("conv3_1", "conv3_1")]
    session.apply(ExpandGroup("conv3_1"))
    edits = [CollapseGroup("conv3_1"), ChooseRepresentative("conv3_1", "conv3_1")]
    assert edits_that_show(session.aggregation, "conv3_1") == edits
    for edit in edits:
        session.apply(edit)
    assert "conv3_1" in {column.node for column in session.aggregation.columns}


def test_what_changes_on_the_way_is_said():
    edits = [CollapseGroup("conv3_1"), ChooseRepresentative("conv3_1", "relu3_2")]
    said = "To show relu3_2: collapse conv3_1, group conv3_1 shown by relu3_2. Undo takes it back."
    assert said_of_edits(edits, "To show relu3_2") == said
    assert said_of_edits([], "To show relu3_2") == ""
    before = View(facet="features", edges="gradient", theme="dark")
    after = View(facet="activations", edge_filter=0.5, classes=(3,))
    texts = [edit.text for edit in changes_between(before, after)]
    assert texts == [
        "Choose class 3",
        "Show activations",
        "Show connections with 50% of the strength",
        ChooseEdges("weight").text,
    ]
    assert changes_between(before, View(facet="features", edges="gradient")) == []


def test_a_layer_of_the_chart_leads_to_its_column_or_group(deep):
    session = plain_session(deep)
    assert column_for_layer(deep, session.aggregation, "conv1_1") is not None
    group = session.group_of("conv3_2")
    found = column_for_layer(deep, session.aggregation, "conv3_2")
    assert found == Target("column", group.representative)
    assert column_for_layer(deep, session.aggregation, "nothing") is None


def test_pages_are_of_neurons_clusters_and_layers(session):
    column = session.aggregation.column("conv2")
    cluster = column.clusters[1]
    members = tuple(cluster.neurons.tolist())
    assert page_neuron(Target("neuron", "conv2", (7,))) == ("conv2", 7)
    whole, several = Target("cluster", "conv2", members, index=1), Target("neuron", "conv2", (7, 9))
    for target, named in ((whole, "cluster 2"), (several, "2 neurons"), (Target("column", "conv2"), "")):
        assert page_neuron(target) is None
        assert page_target(session.aggregation, target) == target
        assert group_name(session.aggregation, target) == named
    assert page_target(session.aggregation, Target("group", "conv2")).node == "conv2"
    assert page_target(session.aggregation, Target("class", members=(3,))) is None


@pytest.mark.parametrize(
    ("place", "target"),
    [
        (Place("conv2", (3, 5)), Target("neuron", "conv2", (3, 5))),
        (Place("conv2"), Target("column", "conv2")),
        (Place("", classes=(4, 6)), Target("class", members=(4,))),
        (Place(""), None),
    ],
)
def test_a_finding_selects_its_place(place, target):
    assert target_of_finding(finding(place)) == target


def test_a_finding_is_shown_in_its_snapshot(lenet):
    first, last = lenet.snapshots[0].label, lenet.snapshots[-1].label
    assert view_of_finding(lenet, finding(Place("conv2"), first)).snapshot == first
    assert view_of_finding(lenet, finding(Place("conv2"), last)).snapshot == ""
    assert view_of_finding(lenet, finding(Place("conv2"), last, View(snapshot=first))).snapshot == first


def test_neurons_of_a_hidden_layer_are_selected_where_its_owner_is_shown(session, lenet):
    shown = {column.node: lenet.node(column.node).owner for column in session.aggregation.columns}
    hidden = next(
        node.name for node in lenet.nodes if node.name not in shown and node.owner in shown.values() and node.n_neurons
    )
    found = in_shown_column(lenet, session.aggregation, Target("neuron", hidden, (2,)))
    assert shown[found.node] == lenet.node(hidden).owner and found.members == (2,)
    here = Target("column", next(iter(shown)))
    assert in_shown_column(lenet, session.aggregation, here) is here


def test_more_clusters_begin_at_what_a_layer_has(session):
    counts = {column.node: len(column.clusters) for column in session.aggregation.columns}
    for node in ("conv1", "ip1"):
        shown = next(one for one in counts if one in (node, node.replace("conv", "relu").replace("ip", "relu")))
        assert clusters_by_themselves(session.aggregation, Target("column", shown)) == counts[shown]
    several = sorted(n for n in counts.values() if n > 1)
    assert clusters_by_themselves(session.aggregation, None) == several[len(several) // 2]
    assert clusters_by_themselves(None, None) == 0
