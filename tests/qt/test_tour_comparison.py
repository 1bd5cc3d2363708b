"""The tour's third part: two snapshots and two models side by side, selected in step; `test_tour.py` has a list."""

from __future__ import annotations

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.viewer.qt import Qt

from . import pointer
from .tour import answer, choose, in_pane, is_same, key, point_at, snap


def compare_snapshots(window, qtbot, settle):
    """Put the snapshot before beside the one that is shown."""
    key(qtbot, window.pane.canvas, "C")
    settle(window)
    return window.pane, window.pictures.comparison.pane


def test_two_snapshots_side_by_side(make_window, settle, qtbot, trained):
    window = make_window(trained.analysis)
    left, right = compare_snapshots(window, qtbot, settle)
    snap(window, "compare", trained)
    labels = trained.labels
    assert (left.session.snapshot.label, right.session.snapshot.label) == (labels[2], labels[1])
    neuron = in_pane(left, "neuron", trained.second)[0]
    pointer.click(left.canvas, point_at(left.canvas, neuron))
    settle(window)
    snap(window, "compare-neuron", trained)
    assert is_same(left.session.selection, neuron) and right.session.selection.members == neuron.members
    assert right.canvas.selected or any(t.members == neuron.members for t in in_pane(right, "neuron", trained.second))
    other = in_pane(right, "neuron", trained.first)[0]
    pointer.click(right.canvas, point_at(right.canvas, other))
    settle(window)
    assert (left.session.selection.node, left.session.selection.members) == (trained.first, other.members)
    key(qtbot, left.canvas, "2")
    settle(window)
    snap(window, "compare-activations", trained)
    assert right.session.view.facet == "activations" == left.session.view.facet
    chooser = window.pictures.comparison.chooser
    chooser.setFocus()
    qtbot.keyClick(chooser, Qt.Key_Up)
    settle(window)
    assert right.session.snapshot.label == labels[0] and left.session.snapshot.label == labels[2]
    key(qtbot, left.canvas, "Shift+Escape")
    assert window.pictures.comparison is None
    settle(window)


def test_zooming_one_zooms_the_other(make_window, settle, qtbot, trained):
    window = make_window(trained.analysis)
    left, right = compare_snapshots(window, qtbot, settle)
    zoom = left.canvas.camera.zoom
    pointer.wheel(left.canvas, left.canvas.rect().center(), 240)
    settle(window)
    assert left.canvas.camera.zoom > zoom and right.canvas.camera == left.canvas.camera
    pointer.wheel(right.canvas, right.canvas.rect().center(), -120)
    settle(window)
    assert right.canvas.camera == left.canvas.camera


def test_clusters_and_bundles_are_selected_on_both_sides(make_window, settle, qtbot, trained):
    window = make_window(trained.analysis)
    left, right = compare_snapshots(window, qtbot, settle)
    cluster = in_pane(left, "cluster", trained.second)[1]
    pointer.click(left.canvas, point_at(left.canvas, cluster))
    settle(window)
    snap(window, "compare-cluster", trained)
    assert (left.session.selection.kind, left.session.selection.members) == ("cluster", cluster.members)
    assert (right.session.selection.kind, right.session.selection.members) == ("cluster", cluster.members)
    key(qtbot, left.canvas, "F")
    settle(window)
    here = {(t.sign, m) for t in in_pane(left, "bicluster", trained.first) for m in t.members}
    bundle = next(t for t in in_pane(right, "bicluster", trained.first) if {(t.sign, m) for m in t.members} <= here)
    pointer.click(right.canvas, point_at(right.canvas, bundle))
    settle(window)
    snap(window, "compare-bundle", trained)
    assert is_same(right.session.selection, bundle)
    found = left.session.selection
    assert found is not None and (found.kind, found.sign) == ("bicluster", bundle.sign)
    assert set(found.members) & set(bundle.members)


def test_the_right_picture_answers_as_the_left_one(make_window, settle, qtbot, trained):
    window = make_window(trained.analysis)
    left, right = compare_snapshots(window, qtbot, settle)
    alone = {t.members for t in in_pane(right, "cluster", trained.second)}
    neuron = next(t for t in in_pane(right, "neuron", trained.second) if t.members not in alone)
    place = point_at(right.canvas, neuron)
    pointer.move(right.canvas, place)
    snap(window, "compare-hover", trained)
    assert right.card.isVisible() and f"neuron {neuron.members[0]}" in window.status.text
    pointer.menu(right.canvas, place)
    snap(window, "compare-menu", trained)
    assert window.pictures.active is right and right.session.selection.members == neuron.members
    choose(qtbot, window.menu, "New cluster")
    settle(window)
    # Neurons of one analysis are the same on both sides.
    assert window.session.view.moves[-1].neuron == neuron.members[0] == right.session.view.moves[-1].neuron
    key(qtbot, right.canvas, "Ctrl+Z")
    settle(window)
    assert window.session.view.moves == () == right.session.view.moves
    key(qtbot, right.canvas, "P")
    settle(window)
    tab = window.pages.current
    assert (tab.session, tab.node, tab.neuron) == (right.session, trained.second, neuron.members[0])
    assert trained.labels[1] in window.pages.tabs.tabText(1)
    qtbot.mouseClick(tab.back, Qt.LeftButton)
    settle(window)
    assert window.pages.tabs.currentIndex() == 0 and right.session.selection.members == neuron.members
    window.pictures.end_comparison()
    assert window.pages.tabs.count() == 1 and window.pictures.active is window.pane
    settle(window)


@pytest.fixture(params=("made_up", "real_lenet"))
def pair(request, tmp_path):
    """Two trainings of one network."""
    from helpers.analyses import make_analysis

    from cnnvis_caffe.store import write_analysis

    network = request.getfixturevalue(request.param)
    if request.param == "real_lenet":
        return network, request.getfixturevalue("other_lenet").path
    path = str(tmp_path / "other.cnnvis.h5")
    write_analysis(path, make_analysis("lenet", seed=3))
    return network, path


def test_what_is_done_to_another_model_stays_there(make_window, settle, qtbot, pair):
    network, other = pair
    window = make_window(network.analysis)
    assert answer(qtbot, lambda: key(qtbot, window.pane.canvas, "Ctrl+Shift+M"), other) == "Compare with"
    qtbot.waitUntil(lambda: window.pictures.comparison is not None, timeout=20_000)
    settle(window)
    left, right = window.pane, window.pictures.comparison.pane
    snap(window, "two-models", network)
    assert right.session.analysis is not left.session.analysis
    cluster = in_pane(left, "cluster", network.second)[0]
    pointer.click(left.canvas, point_at(left.canvas, cluster))
    settle(window)
    snap(window, "two-models-cluster", network)
    there = right.session.selection
    assert there is not None and (there.kind, there.node) == ("cluster", network.second)
    alone = {t.members for t in in_pane(right, "cluster", network.second)}
    neuron = next(t for t in in_pane(right, "neuron", network.second) if t.members not in alone)
    pointer.click(right.canvas, point_at(right.canvas, neuron))
    settle(window)
    assert left.session.selection.members == neuron.members
    key(qtbot, right.canvas, "N")
    settle(window)
    assert right.session.view.moves and not left.session.view.moves
    assert "new cluster" in window.actions_by_name["undo"].text()
    key(qtbot, right.canvas, "2")
    settle(window)
    snap(window, "two-models-activations", network)
    assert (left.session.view.facet, right.session.view.facet) == ("activations", "activations")
    assert right.session.view.moves
    key(qtbot, right.canvas, "Ctrl+Z")
    settle(window)
    assert not right.session.view.moves
    key(qtbot, right.canvas, "Shift+Escape")
    settle(window)
    assert window.pictures.comparison is None
