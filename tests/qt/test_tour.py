"""A tour through every interaction with real mouse and key events; what is asserted is the scene and the session.

Each step runs on a made-up analysis, on Caffe's LeNet and on cifar10_full (three snapshots), where it can differ. With
CNNVIS_TOUR_DIR naming a folder there is a screenshot of each step. Here are the paper's interactions, each with undo
and redo, a context menu and a key:

- facet of all clusters: `test_facets_of_all`; of one: `test_the_facet_of_one_cluster`
- drag a neuron to another cluster, to a new one: `test_drag_a_neuron_…`
- merge and split biclusters: `test_merge_and_split_bundles`
- expand and collapse a group: `test_groups_expand_and_collapse` (neither LeNet nor cifar10_full has one of two columns)
- choose the representative layer: `test_the_layer_that_stands_for_a_group`
- select classes, the others turn translucent: `test_chosen_classes_leave_the_others_translucent`
- edges by gradient, by relative change: `test_edges_by_…`; filter: `test_the_edge_filter`
- the rest of the control panel: `test_importance_clustering_and_theme`
- zoom, pan, fit, minimap: `test_zoom_pan_fit_and_minimap`

What people expect today, in `test_tour_looking.py`:

- hover: `test_hover_…`; a click selects everywhere, own curves: `test_a_click_selects_…`, `test_the_lists_…`
- double click opens the page with all that belongs there: `test_a_neurons_page_…`
- search by Ctrl+F: `test_search_…`
- slider over snapshots, the layout stays: `test_snapshots_…`, `test_clusters_of_one_snapshot_…`
- the chart leads to layers and snapshots, findings to their places: `test_the_chart_…`, `test_findings_…`

In `test_tour_comparison.py`: two snapshots, two models, side by side, with linked neurons, clusters and bundles.

In `test_tour_files.py`:

- copy, export of pictures, tables, patches: `test_copy_…`, `test_export_…`; sessions: `test_sessions_…`
- open, recent files, drop: `test_open_…`, `test_recent_…`, `test_drop_…`
- a model with progress, cancel, closing meanwhile: `test_a_model_…`
- an error becomes a message that can be copied: `test_a_damaged_file_…` (more in `test_window.py`, `test_workers.py`)
- help with all keys, About: `test_help_and_about`
- docks, layout and settings are kept: `test_docks_…`, `test_layout_…`
"""

from __future__ import annotations

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.scene.shapes import Bitmap, Path, Target
from cnnvis_caffe.viewer.qt import QPoint, Qt, QtWidgets

from . import pointer
from .tour import boxes, context_menu, key, matrices, point_at, snap, targets


def test_facets_of_all(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, session = window.pane.canvas, window.session
    snap(window, "features", network)
    assert session.view.facet == "features" and not matrices(window)
    for text, facet in (("2", "activations"), ("3", "contributions"), ("1", "features")):
        key(qtbot, canvas, text)
        settle(window)
        snap(window, f"facet-{facet}", network)
        assert session.view.facet == facet == window.control_panel.facet.value
        shown = matrices(window)
        assert (set(shown) >= {network.first, network.second}) == (facet != "features")
        if shown:
            assert len(shown[network.first]) == network.analysis.node(network.first).n_neurons, "each neuron has a row"
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert session.view.facet == "contributions" and matrices(window)
    key(qtbot, canvas, "Ctrl+Shift+Z")
    settle(window)
    assert session.view.facet == "features" and not matrices(window)
    context_menu(window, qtbot, canvas, None, "Activations", shot="menu-of-the-ground", network=network)
    settle(window)
    assert session.view.facet == "activations" and matrices(window)
    facet = window.control_panel.facet
    qtbot.mouseClick(facet, Qt.LeftButton, pos=facet._boxes()[0].center().toPoint())
    settle(window)
    assert session.view.facet == "features" and not matrices(window)


def test_the_facet_of_one_cluster(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, session = window.pane.canvas, window.session
    cluster = targets(window, "cluster", network.second)[0]
    pointer.click(canvas, point_at(canvas, cluster))
    settle(window)
    assert (session.selection.kind, session.selection.members) == ("cluster", cluster.members)
    key(qtbot, canvas, "Shift+2")
    settle(window)
    snap(window, "one-cluster-as-matrix", network)
    assert session.view.facets == ((network.second, cluster.members, "activations"),)
    assert matrices(window) == {network.second: set(cluster.members)}
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert session.view.facets == () and not matrices(window)
    key(qtbot, canvas, "Ctrl+Shift+Z")
    settle(window)
    assert matrices(window) == {network.second: set(cluster.members)}
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    context_menu(
        window, qtbot, canvas, cluster, "This cluster by", "contributions", shot="menu-of-a-cluster", network=network
    )
    settle(window)
    assert session.view.facets == ((network.second, cluster.members, "contributions"),)
    assert matrices(window) == {network.second: set(cluster.members)}


def clusters_of(session, node):
    """A column's clusters as sets."""
    return {frozenset(cluster.neurons.tolist()) for cluster in session.aggregation.column(node).clusters}


def test_drag_a_neuron_to_another_cluster(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, session, node = window.pane.canvas, window.session, network.first
    before = clusters_of(session, node)
    home, goal = (t for t in targets(window, "cluster", node)[:2])
    neuron = next(t for t in targets(window, "neuron", node) if t.members[0] in home.members)
    start, end = pointer.place_of(canvas, neuron), pointer.place_of(canvas, goal)
    pointer.press_and_move(canvas, start, end)
    assert canvas.is_dragging
    snap(window, "drag", network)
    pointer.release(canvas, end)
    assert not canvas.is_dragging
    settle(window)
    snap(window, "dragged", network)
    wanted = before - {frozenset(home.members), frozenset(goal.members)}
    wanted |= {frozenset(goal.members) | set(neuron.members)}
    wanted |= {frozenset(home.members) - set(neuron.members)} - {frozenset()}

    def is_moved():
        move = session.view.moves[-1]
        assert (move.node, move.neuron, move.to) == (node, neuron.members[0], goal.members)
        assert clusters_of(session, node) == wanted
        drawn = {t.members for t in targets(window, "cluster", node)}
        assert drawn == {tuple(sorted(one)) for one in wanted}

    is_moved()
    assert session.history.undo_text == f"Move neuron {neuron.members[0]} of {node}"
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert session.view.moves == () and clusters_of(session, node) == before
    key(qtbot, canvas, "Ctrl+Shift+Z")
    settle(window)
    is_moved()
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    number = next(
        k for k, one in enumerate(session.aggregation.column(node).clusters)
        if tuple(one.neurons.tolist()) == goal.members
    )  # fmt: skip
    words = ("Move to cluster", f"Cluster {number + 1},")
    context_menu(window, qtbot, canvas, neuron, *words, shot="menu-of-a-neuron", network=network)
    settle(window)
    is_moved()


def test_drag_a_neuron_to_the_ground(make_window, settle, qtbot, network):
    """It makes a cluster; Escape cancels; other layers do not take it."""
    window = make_window(network.analysis)
    canvas, session, node = window.pane.canvas, window.session, network.first
    before = clusters_of(session, node)
    home = next(t for t in targets(window, "cluster", node) if len(t.members) > 1)
    neuron = next(t for t in targets(window, "neuron", node) if t.members[0] in home.members)
    alone = frozenset(neuron.members)
    start, ground = pointer.place_of(canvas, neuron), pointer.ground_of(canvas)
    pointer.press_and_move(canvas, start, ground)
    assert canvas.is_dragging
    snap(window, "drag-to-the-ground", network)
    qtbot.keyClick(canvas, Qt.Key_Escape)
    assert not canvas.is_dragging
    pointer.release(canvas, ground)
    assert session.view.moves == ()
    pointer.drag(canvas, start, ground)
    settle(window)
    snap(window, "a-new-cluster", network)
    assert session.view.moves[-1].to == ()
    assert clusters_of(session, node) == before - {frozenset(home.members)} | {alone, frozenset(home.members) - alone}
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert clusters_of(session, node) == before
    key(qtbot, canvas, "Ctrl+Y")
    settle(window)
    assert alone in clusters_of(session, node)
    other = targets(window, "cluster", network.second)[0]
    pointer.drag(canvas, pointer.place_of(canvas, neuron), pointer.place_of(canvas, other))
    settle(window)
    assert len(session.view.moves) == 1, "a neuron cannot go to another layer"
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    pointer.click(canvas, pointer.place_of(canvas, neuron))
    key(qtbot, canvas, "N")
    settle(window)
    assert alone in clusters_of(session, node)
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    context_menu(window, qtbot, canvas, neuron, "New cluster")
    settle(window)
    assert alone in clusters_of(session, node)


def bars(window, gap):
    """The bundles of a gap in the picture."""
    return [t for t in targets(window, "bicluster") if (t.node, t.other_node) == (gap.source, gap.target)]


def gap_like(session, gap):
    """The same gap, as it is now."""
    return next(g for g in session.aggregation.gaps if (g.source, g.target) == (gap.source, gap.target))


def test_merge_and_split_bundles(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, session = window.pane.canvas, window.session
    gap, index = next(
        (gap, i)
        for gap in session.aggregation.gaps
        for i, b in enumerate(gap.biclusters)
        if gap.source == network.first and sum(o.sign == b.sign for o in gap.biclusters) > 1
    )
    bar = next(t for t in bars(window, gap) if t.index == index)
    n_bars = len(bars(window, gap))
    pointer.click(canvas, point_at(canvas, bar))
    settle(window)
    assert session.selection == bar
    snap(window, "bundle", network)
    key(qtbot, canvas, "M")
    settle(window)
    snap(window, "merged", network)
    assert len(session.view.bicluster_edits) == 1
    merged = gap_like(session, gap)
    assert len(merged.biclusters) == len(gap.biclusters) - 1
    assert len(bars(window, gap)) == n_bars - 1
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert len(gap_like(session, gap).biclusters) == len(gap.biclusters) and len(bars(window, gap)) == n_bars
    key(qtbot, canvas, "Ctrl+Shift+Z")
    settle(window)
    assert len(gap_like(session, gap).biclusters) == len(merged.biclusters)
    wide = next(t for t in bars(window, gap) if len(merged.biclusters[t.index].targets) > 1)
    n_targets = len(merged.biclusters[wide.index].targets)
    pointer.click(canvas, point_at(canvas, wide))
    settle(window)
    key(qtbot, canvas, "S")
    settle(window)
    snap(window, "split", network)
    split = gap_like(session, gap)
    assert len(split.biclusters) == len(merged.biclusters) - 1 + n_targets
    assert len(bars(window, gap)) == n_bars - 2 + n_targets
    for _ in range(2):
        key(qtbot, canvas, "Ctrl+Z")
        settle(window)
    assert session.view.bicluster_edits == () and len(bars(window, gap)) == n_bars
    bar = next(t for t in bars(window, gap) if (t.members, t.other_members) == (bar.members, bar.other_members))
    context_menu(window, qtbot, canvas, bar, "Merge with bundle", "Bundle ", shot="menu-of-a-bundle", network=network)
    settle(window)
    assert len(gap_like(session, gap).biclusters) == len(gap.biclusters) - 1
    now = gap_like(session, gap)
    wide = next(t for t in bars(window, gap) if len(now.biclusters[t.index].targets) > 1)
    context_menu(window, qtbot, canvas, wide, "Split the bundle")
    settle(window)
    assert len(session.view.bicluster_edits) == 2
    assert len(gap_like(session, gap).biclusters) > len(now.biclusters)


def test_groups_expand_and_collapse(make_window, settle, qtbot, deep):
    window = make_window(deep)
    canvas, session = window.pane.canvas, window.session
    pill = next(t for t in targets(window, "group") if t.node == "conv3_1")
    n = len(session.aggregation.columns)

    def is_expanded(on):
        settle(window)
        assert session.view.expanded == (("conv3_1",) if on else ())
        assert len(session.aggregation.columns) == n + 2 * on
        shown = {"relu3_1", "relu3_2", "relu3_3"} & {t.node for t in targets(window, "column")}
        assert len(shown) == (3 if on else 1)

    pointer.click(canvas, point_at(canvas, pill))
    is_expanded(True)
    snap(window, "expanded")
    key(qtbot, canvas, "Ctrl+Z")
    is_expanded(False)
    key(qtbot, canvas, "Ctrl+Shift+Z")
    is_expanded(True)
    pointer.click(canvas, point_at(canvas, Target("column", "relu3_2")))
    key(qtbot, canvas, "E")
    is_expanded(False)
    snap(window, "collapsed")
    shown = next(t for t in targets(window, "column") if t.node.startswith("relu3"))
    context_menu(window, qtbot, canvas, shown, "Expand or collapse", shot="menu-of-a-layer")
    is_expanded(True)
    pointer.double_click(canvas, point_at(canvas, Target("column", "relu3_1")))
    is_expanded(False)
    button = window.control_panel.groups._rows["conv3_1"][0]
    window.control_panel.ensureWidgetVisible(button)
    qtbot.mouseClick(button, Qt.LeftButton)
    is_expanded(True)
    key(qtbot, canvas, "Shift+E")
    settle(window)
    assert len(session.view.expanded) >= 4
    key(qtbot, canvas, "Shift+C")
    is_expanded(False)


def test_the_layer_that_stands_for_a_group(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, session = window.pane.canvas, window.session
    group = next(group for group in session.aggregation.groups if network.second in group.candidates)
    was = group.representative
    other = next(node for node in group.candidates if node != was)

    def shows(node):
        settle(window)
        columns = {t.node for t in targets(window, "column")} & set(group.candidates)
        assert columns == {node} == {c.node for c in session.aggregation.columns} & set(group.candidates)
        assert {t.node for t in targets(window, "neuron")} & set(group.candidates) == {node}
        assert window.control_panel.groups._rows[group.name][1].value == node

    shows(was)
    context_menu(
        window, qtbot, canvas, Target("column", was), f"Show {group.name} by", other,
        shot="menu-of-representatives", network=network,
    )  # fmt: skip
    shows(other)
    snap(window, "another-representative", network)
    assert session.view.representatives == ((group.name, other),)
    key(qtbot, canvas, "Ctrl+Z")
    shows(was)
    key(qtbot, canvas, "Ctrl+Shift+Z")
    shows(other)
    pointer.click(canvas, point_at(canvas, Target("column", other)))
    for k in range(1, len(group.candidates) + 1):  # the key goes through all of them
        key(qtbot, canvas, "V")
        shows(group.candidates[(group.candidates.index(other) + k) % len(group.candidates)])
    dropdown = window.control_panel.groups._rows[group.name][1]
    window.control_panel.ensureWidgetVisible(dropdown)
    dropdown.setFocus()
    at = dropdown.findData(other)
    qtbot.keyClick(dropdown, Qt.Key_Up if at > 0 else Qt.Key_Down)
    shows(group.candidates[at - 1 if at > 0 else at + 1])


def opacity(window):
    """How much is seen of each neuron's patch."""
    shapes = window.pane.canvas.display.shapes
    found = [s for s in shapes if isinstance(s, Bitmap) and s.target is not None and s.target.kind == "neuron"]
    return {(s.target.node, s.target.members): s.opacity for s in found if len(s.target.members) == 1}


def test_chosen_classes_leave_the_others_translucent(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, panel, session = window.pane.canvas, window.control_panel, window.session
    chips = panel.classes._chips
    number = 7

    def only(classes):
        settle(window)
        assert session.view.classes == classes
        assert [chip.isChecked() for chip in chips] == [not classes or c in classes for c in range(10)]
        return opacity(window)

    assert set(only(()).values()) == {1.0}
    qtbot.mouseClick(chips[3], Qt.LeftButton)
    only(tuple(c for c in range(10) if c != 3))
    none = next(b for b in panel.classes.findChildren(QtWidgets.QPushButton) if b.text() == "None")
    qtbot.mouseClick(none, Qt.LeftButton)
    settle(window)
    assert session.view.classes == () and not any(chip.isChecked() for chip in chips)
    qtbot.mouseClick(chips[number], Qt.LeftButton)
    seen = only((number,))
    snap(window, "class", network)
    assert min(seen.values()) < 0.5 and max(seen.values()) == 1.0, "some are translucent, some are not"
    key(qtbot, canvas, "Shift+A")
    only(tuple(c for c in range(10) if c != number))
    key(qtbot, canvas, "Ctrl+Z")
    assert only((number,)) == seen
    key(qtbot, canvas, "A")
    assert set(only(()).values()) == {1.0}
    key(qtbot, canvas, "Ctrl+Z")
    assert only((number,)) == seen
    key(qtbot, canvas, "Ctrl+Shift+Z")
    only(())
    name = network.analysis.data.class_names[number]
    context_menu(window, qtbot, canvas, None, "Only class", name, shot="menu-of-classes", network=network)
    assert only((number,)) == seen
    slider = panel.cutoff.slider
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key_End)
    settle(window)
    assert session.view.class_cutoff == 1.0
    strictest = opacity(window)
    assert sum(value < 1 for value in strictest.values()) > sum(value < 1 for value in seen.values())


def curve_colours(window):
    """Colours of the curves between clusters."""
    shapes = window.pane.canvas.display.shapes
    curves = [s for s in shapes if isinstance(s, Path) and s.target is not None and s.target.kind == "edge"]
    return {curve.style.stroke or curve.style.fill for curve in curves}


def test_edges_by_gradient_and_by_change(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, session, panel = window.pane.canvas, window.session, window.control_panel
    theme = canvas.theme
    by_sign = curve_colours(window)
    assert by_sign == {theme.positive, theme.negative}
    for text, quantity in (("G", "gradient"), ("R", "relative_change"), ("W", "weight")):
        if quantity == "relative_change" and len(network.labels) == 1:
            continue
        key(qtbot, canvas, text)
        settle(window)
        snap(window, f"edges-{quantity}", network)
        assert (session.view.edges, panel.edges.value) == (quantity, quantity)
        colours = curve_colours(window)
        assert colours == by_sign if quantity == "weight" else len(colours) > 3 and not colours & by_sign
        key(qtbot, canvas, "Ctrl+Z")
        settle(window)
        assert session.view.edges != quantity and curve_colours(window) != colours
        key(qtbot, canvas, "Ctrl+Shift+Z")
        settle(window)
        assert session.view.edges == quantity and curve_colours(window) == colours
    context_menu(window, qtbot, canvas, None, "Edges by gradient")
    settle(window)
    assert session.view.edges == "gradient" and not curve_colours(window) & by_sign
    box = panel.edges._boxes()[0]
    qtbot.mouseClick(panel.edges, Qt.LeftButton, pos=box.center().toPoint())
    settle(window)
    assert session.view.edges == "weight" and curve_colours(window) == by_sign


def test_changes_of_a_single_snapshot_cannot_be_chosen(make_window, settle, qtbot, real_lenet):
    window = make_window(real_lenet.analysis)
    edges = window.control_panel.edges
    qtbot.mouseClick(edges, Qt.LeftButton, pos=edges._boxes()[2].center().toPoint())
    qtbot.mouseMove(edges, edges._boxes()[2].center().toPoint())
    assert window.session.view.edges == "weight" == edges.value
    assert "second one" in edges.toolTip()
    key(qtbot, window.pane.canvas, "R")
    assert window.session.view.edges == "weight" and "second one" in window.status.text
    snap(window, "no-change", real_lenet)


def kept_edges(session):
    """How many connections are drawn."""
    return sum(int(g.kept_positive.sum() + g.kept_negative.sum()) for g in session.aggregation.gaps)


def test_the_edge_filter(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, session = window.pane.canvas, window.session
    slider = window.control_panel.filter.slider
    start, n_edits = session.view.edge_filter, len(session.history.edits)
    all_of_them = kept_edges(session)
    n_curves = sum(isinstance(s, Path) for s in canvas.display.shapes)
    option = QtWidgets.QStyleOptionSlider()
    slider.initStyleOption(option)
    handle = slider.style().subControlRect(QtWidgets.QStyle.CC_Slider, option, QtWidgets.QStyle.SC_SliderHandle, slider)
    at = handle.center()
    pointer.drag(slider, at, QPoint(at.x() - 12, at.y()), QPoint(at.x() - slider.width() // 4, at.y()))
    settle(window)
    snap(window, "fewer-edges", network)
    low = session.view.edge_filter
    assert low < start - 0.1
    assert len(session.history.edits) == n_edits + 1, "one drag is one step to undo"
    few = kept_edges(session)
    assert few < all_of_them
    assert sum(isinstance(s, Path) for s in canvas.display.shapes) < n_curves
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert session.view.edge_filter == start and kept_edges(session) == all_of_them
    key(qtbot, canvas, "Ctrl+Shift+Z")
    settle(window)
    assert session.view.edge_filter == low and kept_edges(session) == few
    for text, step in ((".", 0.05), (",", -0.05)):
        was = session.view.edge_filter
        key(qtbot, canvas, text)
        settle(window)
        assert session.view.edge_filter == pytest.approx(was + step)
        assert (kept_edges(session) - few) * step >= 0
    for target in (None, targets(window, "bicluster")[0]):
        was = session.view.edge_filter
        context_menu(window, qtbot, canvas, target, "More edges")
        settle(window)
        assert session.view.edge_filter == pytest.approx(was + 0.05)


def test_importance_clustering_and_theme(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    panel, session = window.control_panel, window.session
    panel.importance.setFocus()
    sizes = {name: (box.width(), box.height()) for name, box in boxes(window, "neuron").items()}
    qtbot.keyClick(panel.importance, Qt.Key_Right)
    settle(window)
    assert session.view.importance == "maximum"
    assert {name: (box.width(), box.height()) for name, box in boxes(window, "neuron").items()} != sizes
    panel.clustering.setFocus()
    qtbot.keyClick(panel.clustering, Qt.Key_Down)
    settle(window)
    assert session.view.clustering == "agglomerative"
    automatic = int(panel.n_clusters._text.text().split()[1])
    for _ in range(2):
        qtbot.mouseClick(panel.n_clusters._more, Qt.LeftButton)
    qtbot.mouseClick(panel.n_clusters._less, Qt.LeftButton)
    settle(window)
    snap(window, "one-cluster-more", network)
    assert session.view.n_clusters == automatic + 1  # it goes on from what "auto" gave
    shown = {c.node: len(c.clusters) for c in session.aggregation.columns}
    assert len(targets(window, "cluster", network.second)) == shown[network.second] > 1
    key(qtbot, window.pane.canvas, "T")
    settle(window)
    snap(window, "dark", network)
    assert session.view.theme == "dark"
    assert window.pane.canvas.display.scene.ground == window.pane.canvas.theme.ground != "#FBFBFA"
    for _ in range(6):
        key(qtbot, window.pane.canvas, "Ctrl+Z")
    settle(window)
    assert (session.view.theme, session.view.importance, session.view.n_clusters) == ("dark", "mean", 0)
    assert {name: (box.width(), box.height()) for name, box in boxes(window, "neuron").items()} == sizes


def test_zoom_pan_fit_and_minimap(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
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
    snap(window, "zoomed", network)
    before = canvas.camera
    pointer.drag(canvas, QPoint(300, 300), QPoint(260, 330), button=Qt.MiddleButton)
    assert canvas.camera.to_screen(before.x, before.y) == pytest.approx((-40, 30))
    before = canvas.camera
    pointer.wheel(canvas, at, 0, pixels=QPoint(15, -20))
    assert canvas.camera.to_screen(before.x, before.y) == pytest.approx((15, -20))
    zoom = canvas.camera.zoom
    pointer.pinch(canvas, at, 0.1)
    assert canvas.camera.zoom == pytest.approx(zoom * 1.1)
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
    assert canvas.is_fitted and canvas.camera == canvas._view.fitted()
    key(qtbot, canvas, "+")
    assert not canvas.is_fitted
    pointer.double_click(canvas, pointer.ground_of(canvas))
    settle(window)
    assert canvas.is_fitted
