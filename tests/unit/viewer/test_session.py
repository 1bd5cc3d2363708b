"""A session tells its listeners what changed; its pictures follow its view."""

from __future__ import annotations

import pytest
from helpers.plain_session import plain_session

from cnnvis_caffe.edits.kinds import ChooseEdgeFilter, ChooseFacet, ChooseTheme, ExpandGroup, MoveNeuron, NewCluster
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.listeners import Listeners


@pytest.fixture
def told(session):
    """What listeners hear from now on."""
    heard = []
    for name in ("analysis_changed", "view_changed", "selection_changed", "picture_changed", "failed"):
        getattr(session, name).connect(lambda *values, name=name: heard.append(name))
    return heard


def test_listeners_are_called_in_order_until_they_disconnect():
    listeners, heard = Listeners(), []

    def second(value):
        heard.append(("second", value))
        listeners.disconnect(second)

    listeners.connect(lambda value: heard.append(("first", value)))
    listeners.connect(second)
    for value in (1, 2):
        listeners.emit(value)
    assert heard == [("first", 1), ("second", 1), ("first", 2)]
    with pytest.raises(ValueError, match="not in list"):
        listeners.disconnect(second)


def test_an_analysis_is_opened(session, told, deep):
    session.select(Target("column", "conv1"))
    del told[:]
    session.open(deep)
    assert told == ["analysis_changed", "selection_changed", "view_changed", "picture_changed"]
    assert session.picture.request.analysis is deep and session.selection is None
    session.open(None)
    assert session.aggregation is None and session.snapshot is None


def test_an_edit_shows_another_picture_and_can_be_taken_back(session, told):
    before = session.picture
    session.apply(ChooseFacet("activations"))
    assert told == ["view_changed", "picture_changed"]
    assert session.picture is not before and session.picture.request.view.facet == "activations"
    session.undo()
    assert session.view == before.request.view
    session.redo()
    assert session.view.facet == "activations"


def test_an_edit_that_changes_nothing_makes_no_picture(session, told):
    session.apply(ChooseFacet("features"))
    assert told == ["view_changed"] and not session.history.can_undo


def test_a_movement_is_one_step(session):
    for share in (0.5, 0.6, 0.7):
        session.apply(ChooseEdgeFilter(share), together=True)
    session.undo()
    assert session.view.edge_filter == View().edge_filter


def test_the_picture_before_stays_where_one_cannot_be_made(session, told, monkeypatch):
    from cnnvis_caffe.viewer.model import pictures

    shown, errors = session.picture, []
    session.failed.connect(errors.append)

    def fail(*_, **__):
        raise OSError("the disk is gone")

    monkeypatch.setattr(pictures.ViewDrawer, "draw", fail)
    session.apply(ChooseFacet("activations"))
    assert session.picture is shown and told[-1] == "failed" and str(errors[0]) == "the disk is gone"


def test_another_view_keeps_the_theme(session):
    session.apply(ChooseTheme("dark"))
    session.show_view(View(facet="activations", n_clusters=3), "Go to a finding")
    assert (session.view.theme, session.view.facet, session.view.n_clusters) == ("dark", "activations", 3)
    assert session.history.undo_text == "Go to a finding"


def test_a_cluster_that_is_gone_is_not_selected_any_more(session):
    column = session.aggregation.column("conv1")
    first, second = (tuple(cluster.neurons.tolist()) for cluster in column.clusters[:2])
    session.select(Target("cluster", "conv1", first, index=0))
    session.apply(MoveNeuron("conv1", first[0], second))
    assert session.selection is None
    session.select(Target("neuron", "conv1", (first[0],)))
    session.apply(NewCluster("conv1", (first[0],)))
    assert (session.selection.kind, session.selection.members) == ("neuron", (first[0],))
    assert session.selection.index == session.aggregation.column("conv1").labels[first[0]]


def test_a_listener_may_select_while_a_picture_comes(session):
    wanted = Target("column", "conv2")
    session.select(Target("column", "conv1"))
    session.picture_changed.connect(lambda _: session.select(wanted))
    session.apply(ChooseFacet("activations"))
    assert session.selection == wanted


def test_snapshots_are_gone_through_by_number(session, lenet):
    assert session.snapshot_index == 2 and session.view.snapshot == ""
    session.go_to_snapshot(0)
    assert session.view.snapshot == lenet.snapshots[0].label and session.snapshot_index == 0
    for number in (-1, 3):
        session.go_to_snapshot(number)
        assert session.snapshot_index == 0
    session.go_to_snapshot(2)
    assert session.view.snapshot == "", "views name the last one by nothing"


def test_a_session_that_is_closed_asks_for_no_more_pictures(session, told):
    session.close(0)
    del told[:]
    session.apply(ChooseFacet("activations"))
    assert told == ["view_changed"] and session.analysis is None


def test_the_size_of_the_canvas_asks_for_a_picture_once(session, told):
    session.set_size(1200.0, 700.0, 1200.0)
    session.set_size(1200.0, 700.0, 1200.0)
    assert told == ["picture_changed"]
    assert session.picture.scene.width >= 1200.0


def test_pointing_makes_no_picture(session, told):
    pointed = []
    session.hover_changed.connect(lambda *values: pointed.append(values))
    session.point_at(Target("column", "conv1"), 3)
    assert pointed == [(Target("column", "conv1"), 3)] and told == []


def test_a_new_window_has_its_own_theme():
    assert plain_session(theme="dark").view.theme == "dark"


def test_what_takes_long_is_taken_back_to_what_is_shown(lenet):
    session = plain_session(lenet)
    session.apply(ChooseFacet("activations"))
    session._pictures.request = lambda request: None  # no picture comes any more
    session._pictures.is_busy = True
    session.apply_all([ExpandGroup("conv1"), ExpandGroup("conv2")], "Expand all groups")
    session.apply(ChooseEdgeFilter(0.5))
    session.cancel()
    assert session.view == session.picture.request.view and session.view.facet == "activations"
    assert session.history.redo_text == "Expand all groups"
