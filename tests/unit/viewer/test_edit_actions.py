"""Which edit each action is, in which session; what actions need."""

from __future__ import annotations

import pytest
from helpers.analyses import make_analysis, with_snapshot
from helpers.plain_session import plain_session

from cnnvis_caffe.edits.kinds import (
    ChooseClasses,
    ChooseEdgeFilter,
    ChooseFacet,
    ChooseRepresentative,
    ChooseSnapshot,
    Edit,
)
from cnnvis_caffe.readings.relations import QUANTITIES
from cnnvis_caffe.records.analysis import Connections
from cnnvis_caffe.records.view import EDGE_QUANTITIES, FACETS
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model import edit_actions
from cnnvis_caffe.viewer.model.actions import ACTION_SPECS, MENUS, actions_named, key_of
from cnnvis_caffe.viewer.model.edge_colours import missing_edge_colours
from cnnvis_caffe.viewer.model.edit_actions import EDIT_OF_ACTION, FILTER_STEP, TOGETHER, what_is_there


def decide(name, session):
    """Do an action, as the window does; returns what it says instead."""
    decision = EDIT_OF_ACTION[name](session)
    if isinstance(decision, Edit):
        session.apply(decision, together=name in TOGETHER)
    return decision if isinstance(decision, str) else ""


@pytest.fixture
def deep_session(deep):
    return plain_session(deep)


def test_actions_are_of_facets_and_edges_that_there_are_and_no_key_means_two_things():
    names = [spec.name for spec in ACTION_SPECS]
    assert len(names) == len(set(names))
    for start, values in (("facet_", FACETS), ("cluster_", FACETS), ("edges_", EDGE_QUANTITIES)):
        named = {f"{start}{value}" for value in values}
        assert set(actions_named(start)) - {"cluster_here"} <= named <= set(EDIT_OF_ACTION)
    assert (key_of("facet_activations"), key_of("reset_layout"), key_of("nothing")) == ("2", "", "")
    assert {spec.menu for spec in ACTION_SPECS} == set(MENUS)
    keys = [key for spec in ACTION_SPECS for key in spec.keys]
    assert len(keys) == len(set(keys)) and "" not in keys
    assert all(spec.tip for spec in ACTION_SPECS)


@pytest.mark.parametrize("facet", ["features", "activations", "contributions"])
def test_facets(session, facet):
    decide(f"facet_{facet}", session)
    assert session.view.facet == facet
    cluster = tuple(session.aggregation.column("conv2").clusters[0].neurons.tolist())
    assert EDIT_OF_ACTION[f"cluster_{facet}"](session) is None, "nothing is selected"
    session.select(Target("neuron", "conv2", (cluster[0],)))
    assert EDIT_OF_ACTION[f"cluster_{facet}"](session) == ChooseFacet(facet, "conv2", cluster)


def test_edges_are_coloured_by_what_is_known(session):
    for name, quantity in (("edges_gradient", "gradient"), ("edges_relative_change", "relative_change")):
        assert decide(name, session) == ""
        assert session.view.edges == quantity
    single = plain_session(make_analysis("lenet", n_snapshots=1))
    assert decide("edges_relative_change", single) == "There is only one snapshot: changes need a second one."
    assert single.view.edges == "weight"


def test_a_new_colour_of_edges_is_offered_where_its_numbers_are_known(monkeypatch):
    analysis = make_analysis("lenet", n_snapshots=2)
    for name, values in (("size", lambda now, earlier: now.abs_weight), ("secret", lambda now, earlier: None)):
        monkeypatch.setitem(QUANTITIES, name, values)
    assert missing_edge_colours(analysis) == {"secret": "This analysis does not have the numbers for it."}
    last = analysis.snapshots[-1]
    plain = {name: Connections(one.weight, one.abs_weight) for name, one in last.connections.items()}
    assert set(missing_edge_colours(with_snapshot(analysis, connections=plain))) == {"gradient", "secret"}


def test_the_filter_goes_by_steps_and_stays_between_its_bounds(session):
    start = session.view.edge_filter
    decide("fewer_edges", session)
    assert session.view.edge_filter == pytest.approx(start - FILTER_STEP)
    decide("fewer_edges", session)
    session.undo()
    assert session.view.edge_filter == start, "several in a row are one step"
    for name, near, bound in (("fewer_edges", 0.08, FILTER_STEP), ("more_edges", 0.98, 1.0)):
        session.apply(ChooseEdgeFilter(near))
        decide(name, session)
        assert session.view.edge_filter == bound


def test_a_group_is_expanded_and_collapsed(deep_session):
    session = deep_session
    assert EDIT_OF_ACTION["toggle_group"](session) is None
    session.select(Target("group", "conv3_1"))
    decide("toggle_group", session)
    assert session.view.expanded == ("conv3_1",)
    assert {"relu3_1", "relu3_2", "relu3_3"} <= {column.node for column in session.aggregation.columns}
    session.select(Target("column", "relu3_2"))
    decide("toggle_group", session)
    assert session.view.expanded == ()


def test_all_groups_at_once_are_one_step(deep_session):
    session = deep_session
    decide("expand_all", session)
    several = {group.name for group in session.aggregation.groups if len(group.columns) > 1}
    assert set(session.view.expanded) == several and len(several) >= 4
    session.undo()
    assert session.view.expanded == ()
    session.redo()
    decide("collapse_all", session)
    assert session.view.expanded == () and session.history.undo_text == "Collapse all groups"


def test_layers_take_turns_to_stand_for_their_group(session):
    group = next(one for one in session.aggregation.groups if len(one.candidates) > 1)
    session.select(Target("group", group.name))
    seen = []
    for _ in group.candidates:
        edit = EDIT_OF_ACTION["next_representative"](session)
        assert isinstance(edit, ChooseRepresentative) and edit.group == group.name
        seen.append(edit.node)
        session.apply(edit)
    at = group.candidates.index(group.representative) + 1
    assert seen == [*group.candidates[at:], *group.candidates[:at]]


def test_a_neuron_gets_a_cluster_of_its_own(session):
    session.select(Target("column", "conv2"))
    assert EDIT_OF_ACTION["new_cluster"](session) is None
    session.select(Target("neuron", "conv2", (3,)))
    decide("new_cluster", session)
    column = session.aggregation.column("conv2")
    assert column.clusters[column.labels[3]].neurons.tolist() == [3]


def test_classes(session):
    assert EDIT_OF_ACTION["invert_classes"](session) == ChooseClasses(()), "the others of all are none, which means all"
    session.apply(ChooseClasses((2, 5)))
    decide("invert_classes", session)
    assert session.view.classes == (0, 1, 3, 4, 6, 7, 8, 9)
    decide("all_classes", session)
    assert session.view.classes == ()


def test_clusters_of_the_snapshot_that_is_shown(session, lenet):
    session.apply(ChooseSnapshot(lenet.snapshots[0].label))
    edit_actions.do_action("cluster_here", session)
    assert session.view.clusters_of == lenet.snapshots[0].label and session.aggregation.kept is None
    session.go_to_snapshot(2)
    edit_actions.do_action("cluster_here", session)
    assert session.view.clusters_of == ""


def test_what_is_there(session, deep_session):
    assert what_is_there(session, is_open=False) == {""}
    assert what_is_there(plain_session(), is_open=True) == {""}
    assert what_is_there(session, is_open=True) == {"", "analysis", "snapshots"}
    session.select(Target("neuron", "conv2", (3,)))
    there = what_is_there(session, is_open=True)
    assert there >= {"selection", "neuron", "cluster", "page", "candidates"} and not there & {"bicluster", "group"}
    session.go_to_snapshot(0)
    assert "other_clusters" in what_is_there(session, is_open=True)
    deep_session.select(Target("group", "conv3_1"))
    assert {"group", "candidates"} <= what_is_there(deep_session, is_open=True)
    decide("toggle_group", deep_session)
    assert "candidates" not in what_is_there(deep_session, is_open=True)
    needs = {spec.needs for spec in ACTION_SPECS}
    everything = {"selection", "neuron", "cluster", "page", "bicluster", "group", "candidates", "snapshots"}
    assert needs <= everything | {"", "analysis", "other_clusters"}


def test_the_order_is_made_again_when_asked_and_only_then(session):
    assert "already" in decide("arrange_anew", session)
    decide("fewer_edges", session)
    decide("arrange_anew", session)
    assert session.view.arranged == (0, 0, 0.75) and session.history.undo_text == "Arrange anew"
    assert "already" in decide("arrange_anew", session)
    session.undo()
    assert session.view.arranged == (0, 0, 0.8) and session.view.edge_filter == 0.75
