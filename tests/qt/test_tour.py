"""A tour through every interaction with real mouse and key events; what is asserted is the scene and the session."""

from __future__ import annotations

import os

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pyqtgraph")
pytest.importorskip("pytestqt")

import numpy as np

from cnnvis_caffe.scene.shapes import Path, Picture, Target
from cnnvis_caffe.viewer.qt import QApplication, QKeySequence, QPoint, Qt

from . import pointer


def targets(window, kind, node=""):
    return [t for t in window.pane.canvas.display.targets() if t.kind == kind and (not node or t.node == node)]


def key(qtbot, widget, text):
    """Press the keys of a shortcut."""
    QApplication.setActiveWindow(widget.window())
    sequence = QKeySequence(text)[0]
    qtbot.keyClick(widget, sequence & ~0xFE000000, Qt.KeyboardModifiers(sequence & 0xFE000000))


def snap(window, name):
    """A screenshot of the step, where somebody wants to look at them."""
    folder = os.environ.get("CNNVIS_TOUR_DIR")
    if folder:
        window.grab().save(os.path.join(folder, f"tour-{name}.png"))


def menu_action(window, text):
    """An action of the open context menu or of its submenus, by its text."""
    found = []

    def search(menu):
        for action in menu.actions():
            if action.menu() is not None:
                search(action.menu())
            elif action.text().startswith(text):
                found.append(action)

    search(window.menu)
    assert found, f"no {text!r} in the menu"
    return found[0]


def test_facets_of_all_and_of_one(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    canvas, session = window.pane.canvas, window.session
    snap(window, "features")
    assert not any(isinstance(s, Picture) and s.rows for s in canvas.display.shapes)
    key(qtbot, canvas, "2")
    settle(window)
    snap(window, "activations")
    assert session.view.facet == "activations"
    matrices = [s for s in canvas.display.shapes if isinstance(s, Picture) and s.rows and s.columns]
    assert {s.target.node for s in matrices} >= {"conv1", "conv2"}
    assert window.control_panel.facet.value == "activations"
    key(qtbot, canvas, "3")
    settle(window)
    assert session.view.facet == "contributions"
    key(qtbot, canvas, "1")
    settle(window)
    cluster = targets(window, "cluster", "conv2")[0]
    pointer.click(canvas, pointer.place_of(canvas, cluster))
    assert session.selection.kind == "cluster"
    key(qtbot, canvas, "Shift+2")
    settle(window)
    assert session.view.facets == (("conv2", cluster.members, "activations"),)
    matrices = [s for s in canvas.display.shapes if isinstance(s, Picture) and s.rows]
    assert {s.target.node for s in matrices} == {"conv2"}
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert session.view.facets == ()
    assert not any(isinstance(s, Picture) and s.rows for s in canvas.display.shapes)


def test_hover_answers_in_the_same_frame(make_window, qtbot, lenet):
    window = make_window(lenet)
    canvas = window.pane.canvas
    neuron = next(t for t in targets(window, "neuron", "conv2") if len(t.members) == 1)
    place = pointer.place_of(canvas, neuron)
    pointer.move(canvas, place)
    assert window.session.hover == neuron
    assert window.pane.card.isVisible()
    assert window.pane.card.card.title == f"conv2 · neuron {neuron.members[0]}"
    assert window.status_line.text().startswith(f"conv2 · neuron {neuron.members[0]} · mean ")
    assert window.pane.card.card.picture is not None
    snap(window, "hover")
    pointer.move(canvas, pointer.ground_of(canvas))
    assert not window.pane.card.isVisible()
    assert window.session.hover is None


def test_a_click_selects_everywhere_and_draws_the_neurons_own_curves(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    canvas = window.pane.canvas
    neuron = targets(window, "neuron", "conv2")[0]
    before = sum(isinstance(s, Path) for s in canvas.display.shapes)
    pointer.click(canvas, pointer.place_of(canvas, neuron))
    assert window.session.selection == neuron
    settle(window)
    snap(window, "neuron")
    own = [
        s
        for s in canvas.display.shapes
        if isinstance(s, Path) and s.target is not None and s.target.kind == "edge"
        and (
            (s.target.node, s.target.members) == ("conv2", neuron.members)
            or (s.target.other_node, s.target.other_members) == ("conv2", neuron.members)
        )
    ]  # fmt: skip
    assert {(s.target.node, s.target.other_node) for s in own} == {("conv1", "conv2"), ("conv2", "relu1")}
    assert sum(isinstance(s, Path) for s in canvas.display.shapes) > before
    index = window.layers.selectionModel().currentIndex()
    assert index.data() == f"neuron {neuron.members[0]}"
    assert window.debugging.plot._node_line.isVisible()
    pointer.click(canvas, pointer.ground_of(canvas))
    assert window.session.selection is None
    settle(window)
    assert not window.layers.selectionModel().hasSelection()


def test_drag_a_neuron_to_another_cluster(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    canvas, session = window.pane.canvas, window.session
    column = session.aggregation.column("conv1")
    assert len(column.clusters) >= 2
    neuron = next(t for t in targets(window, "neuron", "conv1") if column.labels[t.members[0]] == 0)
    goal = next(t for t in targets(window, "cluster", "conv1") if neuron.members[0] not in t.members)
    start, end = pointer.place_of(canvas, neuron), pointer.place_of(canvas, goal)
    pointer.press_and_move(canvas, start, end)
    assert canvas.is_dragging
    snap(window, "drag")
    pointer.release(canvas, end)
    assert not canvas.is_dragging
    settle(window)
    move = session.view.moves[-1]
    assert (move.node, move.neuron, move.to) == ("conv1", neuron.members[0], goal.members)
    column = session.aggregation.column("conv1")
    home = column.clusters[int(column.labels[neuron.members[0]])]
    assert set(goal.members) | set(neuron.members) == set(home.neurons.tolist())
    assert session.history.undo_text == f"Move neuron {neuron.members[0]} of conv1"
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert session.view.moves == ()
    key(qtbot, canvas, "Ctrl+Shift+Z")
    settle(window)
    assert len(session.view.moves) == 1


def test_drag_a_neuron_to_the_ground_makes_a_cluster_and_escape_cancels(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    canvas, session = window.pane.canvas, window.session
    n = len(session.aggregation.column("conv1").clusters)
    neuron = targets(window, "neuron", "conv1")[0]
    start, ground = pointer.place_of(canvas, neuron), pointer.ground_of(canvas)
    pointer.press_and_move(canvas, start, ground)
    assert canvas.is_dragging
    qtbot.keyClick(canvas, Qt.Key_Escape)
    assert not canvas.is_dragging
    pointer.release(canvas, ground)
    assert session.view.moves == ()
    pointer.drag(canvas, start, ground)
    settle(window)
    assert session.view.moves[-1].to == ()
    column = session.aggregation.column("conv1")
    assert len(column.clusters) == n + 1
    assert [c.neurons.tolist() for c in column.clusters].count([neuron.members[0]]) == 1
    other = targets(window, "cluster", "conv2")[0]
    pointer.drag(canvas, pointer.place_of(canvas, neuron), pointer.place_of(canvas, other))
    settle(window)
    assert len(session.view.moves) == 1, "a neuron cannot go to another layer"


def test_merge_and_split_bundles(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    canvas, session = window.pane.canvas, window.session
    gap, index = next(
        (gap, i)
        for gap in session.aggregation.gaps
        for i, b in enumerate(gap.biclusters)
        if sum(o.sign == b.sign for o in gap.biclusters) > 1
    )
    count = len(gap.biclusters)
    bar = next(
        t for t in targets(window, "bicluster") if (t.node, t.other_node, t.index) == (gap.source, gap.target, index)
    )
    pointer.click(canvas, pointer.place_of(canvas, bar))
    assert session.selection == bar
    key(qtbot, canvas, "M")
    settle(window)
    assert len(session.view.bicluster_edits) == 1
    after = next(g for g in session.aggregation.gaps if (g.source, g.target) == (gap.source, gap.target))
    assert len(after.biclusters) == count - 1
    wide = next(
        t
        for t in targets(window, "bicluster")
        if (t.node, t.other_node) == (gap.source, gap.target) and len(after.biclusters[t.index].targets) > 1
    )
    pointer.click(canvas, pointer.place_of(canvas, wide))
    key(qtbot, canvas, "S")
    settle(window)
    split = next(g for g in session.aggregation.gaps if (g.source, g.target) == (gap.source, gap.target))
    assert len(split.biclusters) > len(after.biclusters)
    for _ in range(2):
        key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert session.view.bicluster_edits == ()


def test_groups_expand_collapse_and_change_their_representative(make_window, settle, qtbot, deep):
    window = make_window(deep)
    canvas, session = window.pane.canvas, window.session
    pill = next(t for t in targets(window, "group") if t.node == "conv3_1")
    n = len(session.aggregation.columns)
    canvas.reveal(pill)
    settle(window)
    pointer.click(canvas, pointer.place_of(canvas, pill))
    settle(window)
    snap(window, "expanded")
    assert session.view.expanded == ("conv3_1",)
    assert len(session.aggregation.columns) == n + 2
    assert {"relu3_1", "relu3_2", "relu3_3"} <= {t.node for t in targets(window, "column")}
    session.select(Target("column", "relu3_2"))
    key(qtbot, canvas, "E")
    settle(window)
    assert session.view.expanded == ()
    dropdown = window.control_panel.groups._rows["conv3_1"][1]
    at = dropdown.findData("conv3_2")
    dropdown.setCurrentIndex(at)
    dropdown.activated.emit(at)
    settle(window)
    assert session.view.representatives == (("conv3_1", "conv3_2"),)
    assert any(column.node == "conv3_2" for column in session.aggregation.columns)
    key(qtbot, canvas, "Shift+E")
    settle(window)
    assert len(session.view.expanded) >= 4
    key(qtbot, canvas, "Shift+C")
    settle(window)
    assert session.view.expanded == ()


def test_classes_edges_filter_importance_clustering_theme(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    panel, session = window.control_panel, window.session
    chips = panel.classes._chips
    qtbot.mouseClick(chips[3], Qt.LeftButton)
    settle(window)
    assert session.view.classes == tuple(c for c in range(10) if c != 3)
    panel.classes.choose_none()
    assert session.view.classes == ()
    assert not any(chip.isChecked() for chip in chips)
    qtbot.mouseClick(chips[7], Qt.LeftButton)
    settle(window)
    snap(window, "class")
    assert session.view.classes == (7,)
    weak = [c for column in session.aggregation.columns for c in column.clusters if not c.is_strong]
    assert weak, "some clusters are not strong for one class"
    faded = [s for s in window.pane.canvas.display.shapes if isinstance(s, Picture) and s.opacity < 1]
    assert faded, "and are translucent"
    panel.classes.invert()
    assert session.view.classes == tuple(c for c in range(10) if c != 7)
    panel.classes.choose_all()
    assert session.view.classes == ()
    for text, value in (("G", "gradient"), ("R", "relative_change"), ("W", "weight")):
        key(qtbot, window.pane.canvas, text)
        assert (session.view.edges, panel.edges.value) == (value, value)
        settle(window)
    slider = panel.filter.slider
    n_edits = len(session.history.edits)
    slider.setFocus()
    slider.setSliderDown(True)
    for value in (70, 60, 50):
        slider.setValue(value)
    slider.setSliderDown(False)
    assert session.view.edge_filter == pytest.approx(0.5)
    assert len(session.history.edits) == n_edits + 3 or len(session.history.edits) <= n_edits + 1
    settle(window)
    kept = sum(int(g.kept_positive.sum() + g.kept_negative.sum()) for g in session.aggregation.gaps)
    key(qtbot, window.pane.canvas, ".")
    settle(window)
    assert session.view.edge_filter == pytest.approx(0.55)
    assert sum(int(g.kept_positive.sum() + g.kept_negative.sum()) for g in session.aggregation.gaps) >= kept
    qtbot.keyClick(panel.importance, Qt.Key_Right)
    assert session.view.importance == "maximum"
    panel.clustering.setCurrentIndex(1)
    panel.clustering.activated.emit(1)
    assert session.view.clustering == "agglomerative"
    qtbot.mouseClick(panel.n_clusters._more, Qt.LeftButton)
    qtbot.mouseClick(panel.n_clusters._more, Qt.LeftButton)
    settle(window)
    assert session.view.n_clusters == 3
    assert all(len(c.clusters) <= 3 for c in session.aggregation.columns)
    key(qtbot, window.pane.canvas, "T")
    settle(window)
    snap(window, "dark")
    assert session.view.theme == "dark"
    assert window.pane.canvas.display.scene.ground == window.pane.canvas.theme.ground != "#FBFBFA"


def test_zoom_pan_fit_and_minimap(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    canvas = window.pane.canvas
    at = QPoint(300, 250)
    x, y = canvas.camera.to_scene(at.x(), at.y())
    zoom = canvas.camera.zoom
    pointer.wheel(canvas, at, 120)
    assert canvas.camera.zoom == pytest.approx(zoom * 1.25)
    assert canvas.camera.to_scene(at.x(), at.y()) == pytest.approx((x, y))
    for _ in range(4):
        pointer.wheel(canvas, at, 120)
    settle(window)
    assert window.pane.minimap.isVisible()
    snap(window, "zoomed")
    before = canvas.camera
    pointer.drag(canvas, QPoint(300, 300), QPoint(260, 330), button=Qt.MiddleButton)
    assert canvas.camera.to_screen(before.x, before.y) == pytest.approx((-40, 30))
    before = canvas.camera
    pointer.wheel(canvas, at, 0, pixels=QPoint(15, -20))
    assert canvas.camera.to_screen(before.x, before.y) == pytest.approx((15, -20))
    qtbot.keyPress(canvas, Qt.Key_Space)
    before = canvas.camera
    pointer.drag(canvas, QPoint(300, 300), QPoint(320, 300))
    qtbot.keyRelease(canvas, Qt.Key_Space)
    assert canvas.camera.to_screen(before.x, before.y) == pytest.approx((20, 0))
    before = canvas.camera
    minimap = window.pane.minimap
    pointer.click(minimap, QPoint(minimap.width() // 2, minimap.height() // 2))
    assert canvas.camera != before
    middle = canvas.camera.to_scene(canvas.width() / 2, canvas.height() / 2)
    scene = canvas.display.scene
    assert middle == pytest.approx((scene.width / 2, scene.height / 2), abs=0.05 * scene.width)
    key(qtbot, canvas, "F")
    settle(window)
    assert canvas.is_fitted and canvas.camera == canvas._fitted()
    canvas.zoom_by(2)
    pointer.double_click(canvas, pointer.ground_of(canvas))
    settle(window)
    assert canvas.is_fitted


def test_arrow_keys_walk_over_the_picture(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    canvas, session = window.pane.canvas, window.session
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key_Right)
    assert session.selection.kind == "cluster"
    first = session.selection
    settle(window)
    qtbot.keyClick(canvas, Qt.Key_Right)
    assert session.selection.node != first.node
    settle(window)
    key(qtbot, canvas, "I")
    assert session.selection.kind == "neuron"
    settle(window)
    key(qtbot, canvas, "Escape")
    assert session.selection.kind == "cluster"
    key(qtbot, canvas, "Escape")
    assert session.selection.kind == "column"
    key(qtbot, canvas, "Escape")
    assert session.selection is None


def test_search_by_name_and_number(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    key(qtbot, window.pane.canvas, "Ctrl+F")
    assert window.search.hasFocus()
    qtbot.keyClicks(window.search, "conv2 17")
    assert window.search.popup.isVisible()
    assert window.search.model.found[0].target == Target("neuron", "conv2", (17,))
    snap(window, "search")
    qtbot.keyClick(window.search, Qt.Key_Return)
    settle(window)
    assert window.session.selection.members == (17,)
    assert not window.search.popup.isVisible()
    window.search.clear()
    qtbot.keyClicks(window.search, "nothing like it")
    assert window.search.empty.isVisible()
    qtbot.keyClick(window.search, Qt.Key_Escape)
    assert not window.search.popup.isVisible()


def test_search_uncovers_a_hidden_layer(make_window, settle, qtbot, deep):
    window = make_window(deep)
    assert not any(column.node == "relu4_1" for column in window.session.aggregation.columns)
    window.places.go_to(Target("neuron", "relu4_1", (5,)))
    settle(window)
    assert any(column.node == "relu4_1" for column in window.session.aggregation.columns)
    assert window.session.selection.members == (5,)


def test_a_neurons_page(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    canvas = window.pane.canvas
    neuron = targets(window, "neuron", "conv2")[0]
    pointer.double_click(canvas, pointer.place_of(canvas, neuron))
    settle(window)
    assert window.tabs.count() == 2
    tab = window.pages.currentWidget()
    assert (tab.node, tab.neuron) == ("conv2", neuron.members[0])
    qtbot.waitUntil(lambda: tab.page.display is not None, timeout=10_000)
    snap(window, "page")
    kinds = {t.kind for t in tab.page.display.targets()}
    assert {"image", "neuron"} <= kinds
    first = tab.neuron
    qtbot.mouseClick(tab.next if tab.next.isEnabled() else tab.previous, Qt.LeftButton)
    assert tab.neuron != first
    settle(window)
    qtbot.mouseClick(tab.back, Qt.LeftButton)
    assert window.tabs.currentIndex() == 0
    assert window.session.selection.members == (tab.neuron,)
    settle(window)
    window.places.close_tab(1)
    assert window.tabs.count() == 1 and not window.tabs.isVisible()


def test_snapshots_keep_the_layout(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    canvas, session = window.pane.canvas, window.session
    assert window.snapshots.isVisible()
    canvas.zoom_by(1.3)
    settle(window)
    camera, nodes = canvas.camera, [column.node for column in session.aggregation.columns]
    key(qtbot, canvas, "[")
    settle(window)
    assert session.view.snapshot == "iter 2000"
    assert canvas.camera == camera
    assert [column.node for column in session.aggregation.columns] == nodes
    window.snapshots.slider.setValue(0)
    settle(window)
    assert session.snapshot.label == "iter 1000"
    key(qtbot, canvas, "]")
    key(qtbot, canvas, "]")
    settle(window)
    assert session.view.snapshot == ""


def boxes(window, kind):
    """Places of clusters or neurons in the picture."""
    display = window.pane.canvas.display
    return {(t.node, t.members): display.box_of(t) for t in targets(window, kind)}


def test_clusters_of_one_snapshot_stay_until_others_are_asked_for(make_window, settle, qtbot, lenet, tmp_path):
    window = make_window(lenet)
    canvas, session, button = window.pane.canvas, window.session, window.snapshots.clusters
    kept = boxes(window, "cluster"), boxes(window, "neuron")
    assert button.text() == "Clusters of iter 3000" and not button.isEnabled()
    for number in (0, 1, 2):
        window.snapshots.go_to(number)
        settle(window)
        assert (boxes(window, "cluster"), boxes(window, "neuron")) == kept
    window.snapshots.go_to(0)
    settle(window)
    assert button.isEnabled()
    snap(window, "first-snapshot")
    key(qtbot, canvas, "K")
    settle(window)
    assert session.view.clusters_of == "iter 1000" == window.control_panel.clusters_of.value
    assert button.text() == "Clusters of iter 1000" and not button.isEnabled()
    own = boxes(window, "cluster")
    assert own != kept[0]
    snap(window, "its-own-clusters")
    path = str(tmp_path / "a.cnnvis.json")
    window.commands.save_session_to(path)
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert boxes(window, "cluster") == kept[0]
    window.commands.open_session_from(path)
    settle(window)
    assert boxes(window, "cluster") == own
    window.control_panel.clusters_of.chosen.emit("")
    settle(window)
    assert boxes(window, "cluster") == kept[0]


def test_the_chart_leads_to_layers_and_snapshots(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    plot, session = window.debugging.plot, window.session
    assert plot.chart.series
    number = next(k for k, one in enumerate(plot.chart.series) if one.is_emphasised)
    series = plot.chart.series[number]
    i = list(series.nodes).index("conv2")
    from cnnvis_caffe.viewer.qt import QPointF

    at = plot.mapFromScene(
        plot.getPlotItem().vb.mapViewToScene(QPointF(float(series.x[i]), float(plot._heights(series)[i])))
    )
    pointer.move(plot.viewport(), at)
    assert "conv2" in window.status_line.text()
    pointer.click(plot.viewport(), at)
    settle(window)
    assert session.selection == Target("column", "conv2")
    window.debugging.level.set_value("iteration")
    window.debugging.refresh()
    assert {s.name for s in plot.chart.series} >= {"conv1", "conv2"}
    series = plot.chart.series[0]
    known = int(np.flatnonzero(np.isfinite(series.y))[0])
    plot._click((0, known))
    settle(window)
    assert session.snapshot.label == series.snapshots[known]
    for name in ("loss", "error", "mean_abs_weight", "dead_share", "last_update"):
        window.debugging.quantity.set_value(name)
        window.debugging.refresh()
        assert window.debugging.chart.series or window.debugging.chart.empty


def test_findings_lead_to_their_places(make_window, settle, qtbot, lenet):
    from helpers.analyses import with_features

    features = lenet.snapshots[-1].features["ip1"]
    dead = features.overall_maximum.copy()
    dead[:60] = -0.1
    window = make_window(with_features(lenet, "ip1", overall_maximum=dead))
    model = window.findings.model
    titles = [finding.title for finding in model.findings]
    row = next(i for i, title in enumerate(titles) if "never fire" in title)
    index = model.index(row)
    window.findings.list.scrollTo(index)
    qtbot.mouseClick(
        window.findings.list.viewport(), Qt.LeftButton, pos=window.findings.list.visualRect(index).center()
    )
    settle(window)
    snap(window, "finding")
    assert window.session.selection.node in ("relu1", "ip1")
    assert window.findings.detail.isVisible()
    assert window.session.history.can_undo or window.session.view == model.findings[row].view


def test_two_snapshots_side_by_side(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    key(qtbot, window.pane.canvas, "C")
    settle(window)
    snap(window, "compare")
    beside = window.comparison.session
    assert (window.session.snapshot.label, beside.snapshot.label) == ("iter 3000", "iter 2000")
    neuron = targets(window, "neuron", "conv2")[0]
    pointer.click(window.pane.canvas, pointer.place_of(window.pane.canvas, neuron))
    assert beside.selection.members == neuron.members
    settle(window)
    other = next(t for t in window.comparison.pane.canvas.display.targets() if t.kind == "neuron" and t.node == "conv1")
    pointer.click(window.comparison.pane.canvas, pointer.place_of(window.comparison.pane.canvas, other))
    assert (window.session.selection.node, window.session.selection.members) == ("conv1", other.members)
    settle(window)
    key(qtbot, window.pane.canvas, "2")
    settle(window)
    assert beside.view.facet == "activations"
    window.comparison.show_snapshot("iter 1000")
    settle(window)
    assert beside.snapshot.label == "iter 1000"
    window.actions_by_name["end_comparison"].trigger()
    assert window.comparison is None
    settle(window)


def in_pane(pane, kind, node=""):
    return [t for t in pane.canvas.display.targets() if t.kind == kind and (not node or t.node == node)]


def test_clusters_and_bundles_are_selected_on_both_sides(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    key(qtbot, window.pane.canvas, "C")
    settle(window)
    left, right = window.pane, window.comparison.pane
    cluster = in_pane(left, "cluster", "conv2")[1]
    left.session.select(cluster)
    settle(window)
    assert (right.session.selection.kind, right.session.selection.members) == ("cluster", cluster.members)
    bundles = [t for t in in_pane(right, "bicluster", "conv1") if len(t.members) > 1] or in_pane(right, "bicluster")
    pointer.click(right.canvas, pointer.place_of(right.canvas, bundles[0]))
    settle(window)
    assert right.session.selection.kind == "bicluster"
    here = left.session.selection
    assert here is not None and (here.kind, here.sign) == ("bicluster", bundles[0].sign)
    assert set(here.members) & set(bundles[0].members)
    snap(window, "compare-bundle")


def test_the_right_picture_answers_as_the_left_one(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    key(qtbot, window.pane.canvas, "C")
    settle(window)
    right = window.comparison.pane
    from PyQt5.QtGui import QContextMenuEvent

    neuron = in_pane(right, "neuron", "conv2")[3]
    place = pointer.place_of(right.canvas, neuron)
    pointer.move(right.canvas, place)
    assert right.card.isVisible() and f"neuron {neuron.members[0]}" in window.status_line.text()
    pointer.click(right.canvas, place, Qt.RightButton)
    event = QContextMenuEvent(QContextMenuEvent.Mouse, place, right.canvas.mapToGlobal(place))
    QApplication.sendEvent(right.canvas, event)
    settle(window)
    assert window.active_pane is right and right.session.selection.members == neuron.members
    menu_action(window, "New cluster").trigger()
    window.menu.close()
    settle(window)
    # Neurons of one analysis are the same on both sides.
    assert window.session.view.moves[-1].neuron == neuron.members[0] == right.session.view.moves[-1].neuron
    key(qtbot, right.canvas, "Ctrl+Z")
    settle(window)
    assert window.session.view.moves == () == right.session.view.moves
    key(qtbot, right.canvas, "P")
    settle(window)
    tab = window.pages.currentWidget()
    assert (tab.session, tab.node, tab.neuron) == (right.session, "conv2", neuron.members[0])
    assert "iter 2000" in window.tabs.tabText(1)
    tab.back.click()
    settle(window)
    assert window.tabs.currentIndex() == 0 and right.session.selection.members == neuron.members
    window.end_comparison()
    assert window.tabs.count() == 1 and window.active_pane is window.pane
    settle(window)


def test_what_is_done_to_another_model_stays_there(make_window, settle, qtbot, lenet):
    from helpers.analyses import make_analysis

    window = make_window(lenet)
    window.compare_with(make_analysis("lenet", seed=3), "")
    settle(window)
    right = window.comparison.pane
    cluster = in_pane(window.pane, "cluster", "conv2")[0]
    window.session.select(cluster)
    settle(window)
    there = right.session.selection
    assert there is not None and there.kind == "cluster" and there.node == "conv2"
    neuron = in_pane(right, "neuron", "conv2")[0]
    pointer.click(right.canvas, pointer.place_of(right.canvas, neuron))
    settle(window)
    key(qtbot, right.canvas, "N")
    settle(window)
    assert right.session.view.moves and not window.session.view.moves
    assert "new cluster" in window.actions_by_name["undo"].text()
    key(qtbot, right.canvas, "2")
    settle(window)
    assert (window.session.view.facet, right.session.view.facet) == ("activations", "activations")
    assert right.session.view.moves
    key(qtbot, right.canvas, "Ctrl+Z")
    settle(window)
    assert not right.session.view.moves
    window.end_comparison()
    settle(window)


def test_context_menus_have_the_same_actions(make_window, settle, qtbot, lenet):
    window = make_window(lenet)
    session = window.session
    cluster = targets(window, "cluster", "conv1")[0]
    neuron = targets(window, "neuron", "conv1")[0]
    for target in (None, neuron, cluster, targets(window, "column")[1], targets(window, "bicluster")[0]):
        if target is not None:
            session.select(target)
        settle(window)
        window._show_menu(target, QPoint(300, 300))
        texts = [action.text() for action in window.menu.actions() if not action.isSeparator()]
        assert len(texts) == len(set(texts)) >= 4
        window.menu.close()
    session.select(neuron)
    settle(window)
    window._show_menu(neuron, QPoint(300, 300))
    menu_action(window, "Cluster ").trigger()
    window.menu.close()
    settle(window)
    assert session.view.moves[-1].neuron == neuron.members[0]


def test_export_copy_and_sessions(make_window, settle, qtbot, tmp_path, lenet):
    window = make_window(lenet)
    commands, session = window.commands, window.session
    neuron = targets(window, "neuron", "conv2")[0]
    session.select(neuron)
    settle(window)
    for ending in ("png", "svg", "pdf"):
        path = tmp_path / f"picture.{ending}"
        commands.export_picture_to(str(path))
        settle(window)
        assert path.stat().st_size > 5000
    commands.export_table_to(str(tmp_path / "table.csv"))
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert len(lines) == 11 and lines[1].startswith(f"conv2,{neuron.members[0]},0,")
    commands.export_patches_to(str(tmp_path / "patches.png"))
    assert (tmp_path / "patches.png").stat().st_size > 500
    commands.copy_table()
    assert QApplication.clipboard().text().count("\t") > 20
    commands.copy_picture()
    assert not QApplication.clipboard().pixmap().isNull()
    commands.new_cluster()
    settle(window)
    view = session.view
    commands.save_session_to(str(tmp_path / "a.cnnvis.json"))
    commands.undo()
    settle(window)
    assert session.view != view
    commands.open_session_from(str(tmp_path / "a.cnnvis.json"))
    settle(window)
    assert session.view.moves == view.moves
    window.open_path(str(tmp_path / "a.cnnvis.json"))
    settle(window)
    assert session.view.moves == view.moves and not window.message.isVisible()


def test_docks_hide_and_come_back(make_window, settle, qtbot, settings, lenet):
    window = make_window(lenet)
    assert all(dock.isVisible() for dock in window.docks.values())
    window.docks["findings"].close()
    assert not window.docks["findings"].isVisible()
    window.docks["findings"].toggleViewAction().trigger()
    assert window.docks["findings"].isVisible()
    window.docks["control"].setFloating(True)
    window.reset_layout()
    assert not window.docks["control"].isFloating()
    window.close_analysis()
    assert window.stack.currentWidget() is window.start_page
    assert not any(dock.isVisible() for dock in window.docks.values())
