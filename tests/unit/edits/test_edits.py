"""Sessions: what is written, and one clear error for everything that cannot be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from cnnvis_caffe.edits import history as histories
from cnnvis_caffe.edits import kinds as e
from cnnvis_caffe.edits.history import History
from cnnvis_caffe.edits.sessions import check_session, load_session, save_session, saved_session_from_text, session_text
from cnnvis_caffe.errors import SessionError
from cnnvis_caffe.records.view import View
from tests.helpers.analyses import make_analysis


def history_of(*edits):
    history = History()
    for edit in edits:
        history.apply(edit)
    return history


def session(*edits, version=1, format="cnnvis_caffe session"):
    return json.dumps({"format": format, "version": version, "edits": list(edits)})


def test_texts_for_menus():
    history = history_of(e.MoveNeuron("conv1", 3, (1, 2)), e.ChooseEdgeFilter(0.5))
    history.undo()
    assert history.undo_text == "Move neuron 3 of conv1"
    assert history.redo_text == "Show connections with 50% of the strength"
    assert history_of().undo_text == history_of().redo_text == ""


def test_a_slider_is_taken_back_in_one():
    history = history_of(e.ExpandGroup("conv1"), e.ChooseEdgeFilter(0.7))
    for share in (0.6, 0.5, 0.4):
        history.apply(e.ChooseEdgeFilter(share), together=True)
    assert history.view.edge_filter == 0.4 and len(history.edits) == 2
    assert history.undo().edge_filter == 0.8
    assert history.redo().edge_filter == 0.4
    # Back at where it came from there is nothing to take back.
    history.apply(e.ChooseEdgeFilter(0.8), together=True)
    assert history.edits == (e.ExpandGroup("conv1"),) and not history.can_redo


def test_several_edits_are_one_step_and_stand_one_by_one_in_a_session():
    history = history_of(e.ExpandGroup("conv1"))
    groups = [e.ExpandGroup(name) for name in ("conv1", "conv2", "ip1")]
    history.apply_all([*groups, e.Together((e.ChooseFacet("activations"),), "Facet")], "Expand all groups")
    assert history.view == View(expanded=("conv1", "conv2", "ip1"), facet="activations")
    assert len(history.edits) == 2 and history.undo_text == "Expand all groups"
    read = saved_session_from_text(session_text(history)).history
    assert read.view == history.view and read.edits == (*groups, e.ChooseFacet("activations"))
    assert history.undo() == View(expanded=("conv1",))
    assert history.redo() == read.view
    history.apply_all(groups, "Expand all groups")
    assert len(history.edits) == 2  # it changed nothing


def test_a_theme_is_no_step():
    history = history_of(e.ExpandGroup("conv1"), e.ChooseTheme("dark"), e.ChooseEdgeFilter(0.5))
    assert history.edits == (e.ExpandGroup("conv1"), e.ChooseEdgeFilter(0.5))
    for _ in range(2):
        history.undo()
    assert history.view == View(theme="dark")  # what was done before wears it as well
    history.apply(e.ChooseTheme("light"))
    assert history.redo() == View(expanded=("conv1",)) and history.can_redo


def test_a_session_of_version_0_1_is_read():
    lines = (
        {"edit": "ChooseFacet", "facet": "activations", "node": "conv1", "members": [1, 2]},
        {"edit": "ChooseClustering", "clustering": "meanshift", "n_clusters": 0},
        {"edit": "ChooseClassCutoff", "cutoff": 0.25},
        {"edit": "ChooseEdgeFilter", "share": 0.5},
        {"edit": "ChooseClustersOf", "snapshot": "iter 1000"},
    )
    assert saved_session_from_text(session(*lines)).history.view == View(
        facets=(("conv1", (1, 2), "activations"),), clustering="meanshift", class_cutoff=0.25, edge_filter=0.5,
        clusters_of="iter 1000", strength="signed",
    )  # fmt: skip


def test_an_old_session_keeps_the_widths_of_its_connections_and_a_new_one_says_them():
    def read(text):
        return saved_session_from_text(text).history

    old = read(session({"edit": "ChooseFacet", "facet": "activations"}))
    assert old.view.strength == "signed" and old.undo() != View()
    assert read(session_text(old)).view == old.view
    assert read(session_text(history_of(e.ChooseTheme("dark")))).view == View(theme="dark")
    assert read(session_text(history_of(e.ChooseStrength("signed")))).view == View(strength="signed")


def test_whose_clusters_are_shown_is_kept_in_a_session():
    history = history_of(e.ChooseSnapshot("iter 1000"), e.ChooseClustersOf("iter 1000"))
    read = saved_session_from_text(session_text(history)).history
    assert read.view == View(snapshot="iter 1000", clusters_of="iter 1000")
    assert e.as_edits(history.view) == history.edits
    assert history.undo_text == "Show the clusters of iter 1000"
    assert history.undo() == View(snapshot="iter 1000")
    assert e.ChooseClustersOf("").text == "Show the clusters of the last snapshot"
    history.apply(e.ChooseClustersOf("iter 7"))
    history.apply(e.ChooseSnapshot(""))
    with pytest.raises(SessionError, match="iter 7"):
        check_session(history, make_analysis("lenet", n_snapshots=2))


def test_an_edit_that_changes_nothing_leaves_no_trace():
    history = history_of(e.ChooseFacet("activations"))
    history.undo()
    history.apply(e.ChooseFacet("features"))
    assert not history.can_undo and history.can_redo


def test_a_new_cluster_holds_its_neurons_together():
    view = e.NewCluster("conv1", (4, 2, 7)).apply(View())
    assert [(move.neuron, move.to) for move in view.moves] == [(4, ()), (2, (4,)), (7, (4,))]


def test_showing_all_in_one_facet_forgets_single_clusters():
    history = history_of(e.ChooseFacet("activations", "conv1", (1, 2)), e.ChooseFacet("activations", "conv1", (3,)))
    assert len(history.view.facets) == 2
    assert history.apply(e.ChooseFacet("features", "conv1", (1, 2))).facets == (("conv1", (3,), "activations"),)
    assert history.apply(e.ChooseFacet("contributions")).facets == ()


def test_files(tmp_path):
    path = tmp_path / "mine.session"
    history = history_of(e.MoveNeuron("conv1", np.int64(3), (np.int64(1),)), e.ChooseClasses((3, 1)))
    path.write_text("what was there before")
    save_session(path, history)
    assert load_session(path).view == history.view
    assert os.listdir(tmp_path) == ["mine.session"]
    history.undo()
    save_session(path, history)
    assert load_session(path).edits == (e.MoveNeuron("conv1", 3, (1,)),)
    with pytest.raises(SessionError, match="none.session: it cannot be read: No such file"):
        load_session(tmp_path / "none.session")
    with pytest.raises(SessionError, match="it cannot be written"):
        save_session(tmp_path / "no folder" / "x.session", history)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SessionError, match="it is not text"):
        load_session(path)


def test_a_session_from_another_start_keeps_the_start():
    history = History(View(edges="gradient", expanded=("conv1",), n_clusters=3))
    history.apply(e.ChooseTheme("dark"))
    assert saved_session_from_text(session_text(history)).history.view == history.view


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is not JSON"),
        ("[]", "it is not a session"),
        (session(format="other"), "it is not a session"),
        (session(version=2), "it has version 2, this program reads up to 1"),
        (session(version="1"), "its version must be a number"),
        ('{"format": "cnnvis_caffe session", "version": 1}', "no list of edits"),
        (session("x"), "edit 1 has no name"),
        (session({"edit": "MoveNeurons"}), "edit 1: there is no edit 'MoveNeurons'; did you mean 'MoveNeuron'"),
        (session({"edit": "ExpandGroup"}), "edit 1: .*group"),
        (session({"edit": "ExpandGroup", "group": 3}), "edit 1: group of ExpandGroup cannot be 3"),
        (session({"edit": "ExpandGroup", "group": ""}, {"edit": "ChooseTheme", "theme": "pink"}), "edit 2: theme must"),
        (session({"edit": "ExpandGroup", "group": "a", "depth": 1}), "has no field 'depth', only group"),
        (session({"edit": "ChooseClasses", "classes": [True]}), "classes of ChooseClasses cannot be"),
        (session({"edit": "ChooseEdgeFilter", "share": float("nan")}), "share of ChooseEdgeFilter cannot be nan"),
        (session({"edit": "NewCluster", "node": "conv1", "members": []}), "needs at least one neuron"),
        (session({"edit": "SplitBicluster", "source": "a", "target": "b", "sign": 1, "which": [[[1]]]}), "which of"),
    ],
)  # fmt: skip
def test_what_is_no_session_is_refused(text, message):
    with pytest.raises(SessionError, match=message) as caught:
        saved_session_from_text(text, "some.session")
    assert str(caught.value).startswith("some.session: ")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (e.MoveNeuron("conv11", 3), "there is no layer 'conv11'; did you mean 'conv1'"),
        (e.MoveNeuron("conv1", 20), "layer 'conv1' has 20 neurons, there is no 20"),
        (e.MoveNeuron("conv1", 2, (1, 99)), "there is no 99"),
        (e.ExpandGroup("conv3"), "there is no layer group 'conv3'"),
        (e.ChooseRepresentative("conv1", "pool9"), "there is no layer 'pool9'"),
        (e.MergeBiclusters("conv1", "conv2", 1, (((1,),), ((2,),)), (((3,),), ((77,),))), "there is no 77"),
        (e.ChooseClasses((3, 10)), "there are 10 classes, there is no 10"),
        (e.ChooseSnapshot("iter 5"), "there is no snapshot 'iter 5'"),
    ],
)
def test_what_does_not_fit_the_network_is_named(edit, message):
    history = history_of(edit)
    with pytest.raises(SessionError, match=message) as caught:
        check_session(history, make_analysis("lenet"), "some.session")
    assert "belongs to another network or analysis than 'lenet'" in str(caught.value)


def test_a_session_fits_another_snapshot_once_one_is_chosen():
    history = history_of(e.ChooseSnapshot("iter 5"), e.MoveNeuron("conv1", 3))
    history.apply(e.ChooseSnapshot("iter 1000"))
    check_session(history, make_analysis("lenet"))


def test_edits_load_no_heavy_libraries():
    code = (
        "import sys; import cnnvis_caffe.edits.choose, cnnvis_caffe.edits.sessions;"
        "assert not {'sklearn', 'scipy', 'networkx', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_history_has_a_bound_and_its_session_is_whole(monkeypatch):
    monkeypatch.setattr(histories, "MOST_EDITS", 3)
    history = History()
    views = [
        history.apply(edit)
        for edit in (
            e.ExpandGroup("conv1"), e.ChooseFacet("activations"), e.ChooseClasses((1,)), e.ChooseEdgeFilter(0.5),
            e.ChooseEdges("gradient"),
        )
    ]  # fmt: skip
    assert len(history.edits) == 3
    assert saved_session_from_text(session_text(history)).history.view == views[-1]
    at = View()
    for edit in history.all_edits:
        at = edit.apply(at)
    assert at == views[-1]
    assert [history.undo() for _ in range(4)] == [views[3], views[2], views[1], views[1]]
    assert not history.can_undo and history.can_redo
    assert [history.redo() for _ in range(3)] == views[2:]
