"""The tour's second part: pointing, selecting, pages, search, snapshots, chart, findings; `test_tour.py` has a list."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

import numpy as np

from cnnvis_caffe.edits.sessions import save_session
from cnnvis_caffe.scene.shapes import Bitmap, Path, Target
from cnnvis_caffe.store import read_analysis, write_analysis
from cnnvis_caffe.viewer.canvas.marks import on_screen
from cnnvis_caffe.viewer.qt import QPoint, QPointF, Qt

from . import pointer
from .tour import boxes, context_menu, is_same, key, point_at, snap, targets, texts


def one_neuron(window, node):
    """The neuron of a layer that is drawn largest, among those that are not alone in their cluster."""
    display = window.pane.canvas.display
    alone = {t.members for t in targets(window, "cluster", node)}
    found = [t for t in targets(window, "neuron", node) if len(t.members) == 1 and t.members not in alone]
    return max(found, key=lambda t: display.box_of(t).width() * display.box_of(t).height())


# Pointing and selecting


def test_hover_answers_in_the_same_frame(make_window, qtbot, network):
    window = make_window(network.analysis)
    canvas = window.pane.canvas
    neuron = one_neuron(window, network.second)
    pointer.move(canvas, point_at(canvas, neuron))
    name = f"{network.second} · neuron {neuron.members[0]}"
    assert window.session.hover == neuron
    assert window.pane.card.isVisible()
    assert window.pane.card.card.title == name
    assert window.status.text.startswith(f"{name} · mean ")
    thumbnail = network.analysis.snapshots[-1].thumbnails[network.second][neuron.members[0]]
    assert np.array_equal(window.pane.card.card.picture, thumbnail)
    snap(window, "hover", network)
    pointer.move(canvas, pointer.ground_of(canvas))
    assert not window.pane.card.isVisible()
    assert window.session.hover is None and window.status.text == ""


def test_hover_says_what_everything_is(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas = window.pane.canvas
    for kind, words in (
        ("cluster", " · cluster "),
        ("column", " neurons"),
        ("bicluster", "joins "),
    ):
        target = targets(window, kind, network.second)[0]
        pointer.move(canvas, point_at(canvas, target))
        assert window.session.hover == target
        assert window.pane.card.isVisible() and words in window.status.text
        snap(window, f"hover-{kind}", network)
    key(qtbot, canvas, "F")
    key(qtbot, canvas, "2")
    settle(window)
    matrix = next(s for s in canvas.display.shapes if isinstance(s, Bitmap) and s.rows and s.columns)
    row, column = len(matrix.rows) // 2, 4
    x = matrix.x + (column + 0.5) * matrix.width / len(matrix.columns)
    y = matrix.y + (row + 0.5) * matrix.height / len(matrix.rows)
    at = QPointF(*canvas.camera.to_screen(x, y)).toPoint()
    pointer.move(canvas, at)
    snap(window, "hover-cell", network)
    name = network.analysis.data.class_names[matrix.columns[column]]
    assert f"mean activation on {name}" in window.status.text


def test_a_click_selects_everywhere_and_draws_the_neurons_own_curves(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, node = window.pane.canvas, network.second
    neuron = one_neuron(window, node)
    before = sum(isinstance(s, Path) for s in canvas.display.shapes)
    pointer.click(canvas, point_at(canvas, neuron))
    assert window.session.selection == neuron
    settle(window)
    pointer.move(canvas, pointer.ground_of(canvas))
    snap(window, "neuron", network)

    def own_curves():
        edges = [
            s.target for s in canvas.display.shapes
            if isinstance(s, Path) and s.target is not None and s.target.kind == "edge"
        ]  # fmt: skip
        mine = (node, neuron.members)
        return {
            (t.node, t.other_node) for t in edges
            if mine in ((t.node, t.members), (t.other_node, t.other_members))
        }  # fmt: skip

    assert own_curves() == {(network.first, node), (node, network.third)}
    assert sum(isinstance(s, Path) for s in canvas.display.shapes) > before
    assert f"neuron {neuron.members[0]}" in window.status.text
    index = window.layers.selectionModel().currentIndex()
    assert index.data() == f"neuron {neuron.members[0]}" and index.parent().data() == node
    plot = window.debugging.plot
    owner = network.analysis.node(node).owner
    (line,) = (shape for shape in plot.marks() if shape.name == "node/node")
    assert plot.chart.x.labels[round(plot.frame.x_value(line.points[0, 0]))] == owner
    pointer.click(canvas, pointer.ground_of(canvas))
    assert window.session.selection is None
    settle(window)
    assert not own_curves() and not plot.marks()
    assert not window.layers.selectionModel().hasSelection()


def test_the_lists_select_in_the_picture(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, tree, number = window.pane.canvas, window.layers, 3
    for wanted in (Target("column", network.second), Target("neuron", network.second, (number,))):
        index = tree.layers.index_of(wanted)
        tree.expand(index.parent().parent())
        tree.expand(index.parent())
        tree.scrollTo(index)
        qtbot.mouseClick(tree.viewport(), Qt.LeftButton, pos=tree.visualRect(index).center())
        settle(window)
        assert is_same(window.session.selection, wanted)
        assert canvas.rect().contains(on_screen(canvas.display.place_of(wanted), canvas.camera).center().toPoint())
    snap(window, "chosen-in-the-list", network)


def test_arrow_keys_walk_over_the_picture(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, session = window.pane.canvas, window.session
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key_Right)
    assert session.selection.kind == "cluster"
    first = session.selection
    settle(window)
    qtbot.keyClick(canvas, Qt.Key_Right)
    assert session.selection.node != first.node
    settle(window)
    for text, kind in (("I", "neuron"), ("Escape", "cluster"), ("Escape", "column")):
        key(qtbot, canvas, text)
        assert session.selection.kind == kind
        settle(window)
    key(qtbot, canvas, "Escape")
    assert session.selection is None


# Search


def test_search_by_name_and_number(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    wanted = Target("neuron", network.second, (17,))
    key(qtbot, window.pane.canvas, "Ctrl+F")
    assert window.search.hasFocus()
    qtbot.keyClicks(window.search, f"{network.second} 17")
    assert window.search.popup.isVisible()
    assert window.search.model.found[0].target == wanted
    snap(window, "search", network)
    qtbot.keyClick(window.search, Qt.Key_Return)
    settle(window)
    snap(window, "found", network)
    assert is_same(window.session.selection, wanted)
    assert not window.search.popup.isVisible()
    canvas = window.pane.canvas
    assert canvas.rect().contains(on_screen(canvas.display.place_of(wanted), canvas.camera).center().toPoint())
    window.search.clear()
    qtbot.keyClicks(window.search, "nothing like it")
    assert window.search.empty.isVisible()
    qtbot.keyClick(window.search, Qt.Key_Escape)
    assert not window.search.popup.isVisible()


def test_search_brings_a_layer_that_is_not_shown(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    group = next(g for g in window.session.aggregation.groups if network.second in g.candidates)
    hidden = next(node for node in group.candidates if node != network.second)
    assert not targets(window, "column", hidden)
    key(qtbot, window.pane.canvas, "/")
    qtbot.keyClicks(window.search, f"{hidden} 5")
    qtbot.keyClick(window.search, Qt.Key_Return)
    settle(window)
    assert targets(window, "column", hidden)
    assert is_same(window.session.selection, Target("neuron", hidden, (5,)))


def test_search_uncovers_a_hidden_layer(make_window, settle, qtbot, deep):
    window = make_window(deep)
    assert not targets(window, "column", "relu4_1")
    key(qtbot, window.pane.canvas, "Ctrl+F")
    qtbot.keyClicks(window.search, "relu4_1 5")
    qtbot.keyClick(window.search, Qt.Key_Return)
    settle(window)
    assert targets(window, "column", "relu4_1")
    assert window.session.selection.members == (5,)


# Pages


def test_a_neurons_page_has_all_that_belongs_there(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, node = window.pane.canvas, network.second
    neuron = one_neuron(window, node)
    pointer.double_click(canvas, point_at(canvas, neuron))
    settle(window)
    assert window.pages.tabs.count() == 2
    tab = window.pages.current
    assert (tab.node, tab.neuron) == (node, neuron.members[0])
    qtbot.waitUntil(lambda: tab.page.display is not None, timeout=10_000)
    snap(window, "page", network)
    display, analysis = tab.page.display, network.analysis
    said, names = texts(display), {shape.name for shape in display.shapes}
    features = analysis.snapshots[-1].features[node]
    responses = zip(features.top_image[tab.neuron], features.top_response[tab.neuron])
    images = [int(image) for image, response in responses if image >= 0 and response != 0]
    # Its patches, each with the image that it comes from and the place there.
    for k, image in enumerate(images):
        assert {f"neuron/response/{k}/patch", f"neuron/response/{k}/image", f"neuron/response/{k}/box"} <= names
        assert said.get(f"neuron/response/{k}/index", f"#{image}") == f"#{image}"
        kind = analysis.data.class_names[analysis.image_class[image]]
        assert said[f"neuron/response/{k}/class"] == kind
    assert images and sum(name.endswith("/index") for name in said) >= 1
    # Activation by class.
    assert [said[f"neuron/class/{c}"] for c in range(10)] == list(analysis.data.class_names)
    assert all(f"neuron/class/{c}/mean" in said for c in range(10))
    # Its range before the rectifier.
    assert {"neuron/range/low", "neuron/range/high"} <= set(said)
    # Its strongest connections, in and out.
    for kind in ("incoming", "outgoing"):
        assert f"neuron/{kind}/0/value" in said, sorted(said)
    # Its history, where there is one.
    lines = {name for name in names if name.startswith(("neuron/history/0/", "neuron/history/1/"))}
    assert bool(lines) == (len(network.labels) > 1) == ("neuron/history/none" not in said)
    # A picture of another snapshot has another page.
    if len(network.labels) > 1:
        key(qtbot, window, "[")
        settle(window)
        qtbot.waitUntil(lambda: texts(tab.page.display) != said, timeout=10_000)
        snap(window, "page-of-another-snapshot", network)


def test_a_neurons_page_leads_on(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    canvas, node = window.pane.canvas, network.second
    neuron = one_neuron(window, node)
    pointer.click(canvas, point_at(canvas, neuron))
    settle(window)
    key(qtbot, canvas, "P")
    settle(window)
    tab = window.pages.current
    qtbot.waitUntil(lambda: tab.page.display is not None, timeout=10_000)
    first = tab.neuron
    assert first == neuron.members[0]
    button, step = (tab.next, 1) if tab.next.isEnabled() else (tab.previous, -1)
    qtbot.mouseClick(button, Qt.LeftButton)
    settle(window)
    assert tab.neuron == first + step and f"neuron {tab.neuron}" in window.pages.tabs.tabText(1)
    assert window.session.selection.members == (tab.neuron,)
    # A double click on what it reads goes to that neuron's page.
    view = tab.page
    shape = next(s for s in view.display.shapes if s.name == "neuron/incoming/0/bar")
    x, y = round(view.left + (shape.x + 2) * view.zoom), round((shape.y + shape.height / 2) * view.zoom)
    view.ensureVisible(x, y)
    pointer.double_click(view.widget(), QPoint(x, y))
    settle(window)
    assert (tab.node, tab.neuron) == (shape.target.node, shape.target.members[0]) != (node, first + step)
    qtbot.mouseClick(tab.back, Qt.LeftButton)
    assert window.pages.tabs.currentIndex() == 0
    assert (window.session.selection.node, window.session.selection.members) == (tab.node, (tab.neuron,))
    settle(window)
    context_menu(window, qtbot, canvas, neuron, "Open its page")
    settle(window)
    assert window.pages.tabs.count() == 3
    for at in (2, 1):
        qtbot.mouseClick(window.pages.tabs.tabButton(at, window.pages.tabs.RightSide), Qt.LeftButton)
    assert window.pages.tabs.count() == 1 and not window.pages.tabs.isVisible()


# Snapshots


def test_snapshots_keep_the_layout(make_window, settle, qtbot, trained):
    window = make_window(trained.analysis)
    canvas, session, labels = window.pane.canvas, window.session, trained.labels
    slider = window.pictures.snapshots.slider
    assert window.pictures.snapshots.isVisible()
    canvas.zoom_by(1.3)
    settle(window)
    camera, places = canvas.camera, (boxes(window, "column"), boxes(window, "cluster"), boxes(window, "neuron"))
    pictures = []

    def shows(number):
        settle(window)
        assert session.snapshot.label == labels[number] and slider.value() == number
        assert canvas.camera == camera
        assert (boxes(window, "column"), boxes(window, "cluster"), boxes(window, "neuron")) == places
        snap(window, f"snapshot-{number}", trained)
        curves = [s for s in canvas.display.shapes if isinstance(s, Path)]
        pictures.append([(s.style, s.points.tobytes()) for s in curves])

    key(qtbot, canvas, "[")
    shows(1)
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key_Left)
    shows(0)
    assert pictures[0] != pictures[1], "what is in these places is another"
    key(qtbot, canvas, "]")
    shows(1)
    assert pictures[2] == pictures[0]
    qtbot.mouseClick(window.pictures.snapshots.forth, Qt.LeftButton)
    shows(2)
    assert session.view.snapshot == ""
    key(qtbot, canvas, "Ctrl+Z")
    shows(1)
    key(qtbot, canvas, "Ctrl+Shift+Z")
    shows(2)


def test_playing_goes_through_the_training(make_window, settle, qtbot, trained):
    window = make_window(trained.analysis)
    seen = []
    window.session.view_changed.connect(lambda view: seen.append(window.session.snapshot.label))
    window.pictures.snapshots._timer.setInterval(30)
    key(qtbot, window.pane.canvas, "L")
    qtbot.waitUntil(lambda: not window.pictures.snapshots.play.isChecked(), timeout=20_000)
    settle(window)
    assert list(dict.fromkeys(seen)) == trained.labels


def test_clusters_of_one_snapshot_stay_until_others_are_asked_for(make_window, settle, qtbot, trained, tmp_path):
    window = make_window(trained.analysis)
    canvas, session, button = window.pane.canvas, window.session, window.pictures.snapshots.clusters
    labels = trained.labels
    kept = boxes(window, "cluster"), boxes(window, "neuron")
    assert button.text() == f"Clusters of {labels[-1]}" and not button.isEnabled()
    window.session.go_to_snapshot(0)
    settle(window)
    assert (boxes(window, "cluster"), boxes(window, "neuron")) == kept
    assert button.isEnabled()
    snap(window, "first-snapshot", trained)
    key(qtbot, canvas, "K")
    settle(window)
    assert session.view.clusters_of == labels[0] == window.control_panel.clusters_of.value
    assert button.text() == f"Clusters of {labels[0]}" and not button.isEnabled()
    own = boxes(window, "cluster")
    assert own != kept[0]
    snap(window, "its-own-clusters", trained)
    path = str(tmp_path / "a.cnnvis.json")
    save_session(path, session.history)
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    assert boxes(window, "cluster") == kept[0]
    window.opening.open_session(path)
    settle(window)
    assert boxes(window, "cluster") == own
    key(qtbot, canvas, "Ctrl+Z")
    settle(window)
    context_menu(window, qtbot, canvas, None, "Cluster by this snapshot")
    settle(window)
    assert boxes(window, "cluster") == own
    dropdown = window.control_panel.clusters_of
    window.control_panel.ensureWidgetVisible(dropdown)
    dropdown.setFocus()
    qtbot.keyClick(dropdown, Qt.Key_End)
    settle(window)
    assert session.view.clusters_of == "" and boxes(window, "cluster") == kept[0]


# Chart and findings


def point_of(plot, series, i):
    """Where a point of the chart is, in pixels."""
    return QPointF(*plot.frame.places(plot.chart.series.index(series))[i]).toPoint()


def pick(qtbot, dropdown, value):
    """Choose from a drop-down by keys."""
    dropdown.setFocus()
    while dropdown.value != value:
        down = dropdown.findData(value) > dropdown.currentIndex()
        qtbot.keyClick(dropdown, Qt.Key_Down if down else Qt.Key_Up)


def test_the_chart_leads_to_layers_and_snapshots(make_window, settle, qtbot, trained):
    window = make_window(trained.analysis)
    panel, plot, session = window.debugging, window.debugging.plot, window.session
    owner = trained.analysis.node(trained.second).owner
    series = next(one for one in plot.chart.series if one.is_emphasised)
    at = point_of(plot, series, list(series.nodes).index(owner))
    pointer.move(plot, at)
    assert owner in window.status.text
    snap(window, "chart-hover", trained)
    pointer.click(plot, at)
    settle(window)
    assert session.selection == Target("column", trained.second)
    pointed = window.status.text
    pick(qtbot, panel.level, "iteration")
    assert window.status.text != pointed, "nothing of the chart before is pointed at any more"
    settle(window)
    snap(window, "chart-over-snapshots", trained)
    assert {s.name for s in plot.chart.series} >= {"conv1", "conv2"}
    settle(window)
    named = [shape.text for shape in plot.shapes if shape.name.startswith("chart/name/")]
    assert set(named) <= {one.name for one in plot.chart.series} and len(named) >= 4
    left_out = [shape.text for shape in plot.shapes if shape.name == "chart/names/more"]
    n_more = len(plot.chart.series) - len(named)
    assert left_out == ([f"+ {n_more} more"] if n_more else [])
    series = plot.chart.series[0]
    known = [int(i) for i in np.flatnonzero(np.isfinite(series.y)) if series.snapshots[i] != session.snapshot.label]
    pointer.click(plot, point_of(plot, series, known[0]))
    settle(window)
    assert session.snapshot.label == series.snapshots[known[0]] == plot.chart.here_name
    titles = set()
    for name in ("mean_abs_gradient", "mean_abs_weight", "dead_share", "last_update", "loss", "error"):
        pick(qtbot, panel.quantity, name)
        assert panel.chart.series or panel.chart.empty
        titles.add(panel.chart.y.title)
        snap(window, f"chart-{name}", trained)
    assert len(titles) == 6


def test_findings_lead_to_their_places(make_window, settle, qtbot, network, tmp_path):
    """On the made-up network one is planted; the real ones have what they have, LeNet nothing."""
    analysis = network.analysis
    if network.name == "made-up":
        from helpers.analyses import with_features

        dead = analysis.snapshots[-1].features["ip1"].overall_maximum.copy()
        dead[:60] = -0.1
        path = str(tmp_path / "dead.cnnvis.h5")
        write_analysis(path, with_features(analysis, "ip1", overall_maximum=dead))
        analysis = read_analysis(path)
    window = make_window(analysis)
    panel, session = window.findings, window.session
    model = panel.model
    if network.name == "lenet":
        snap(window, "no-findings", network)
        assert not model.findings and "Nothing stands out" in panel.state.text()
        return
    assert model.findings
    if network.name == "made-up":
        assert any("never fire" in finding.title for finding in model.findings)
    for row, finding in enumerate(model.findings[:4]):
        index = model.index(row)
        panel.list.scrollTo(index)
        qtbot.mouseClick(panel.list.viewport(), Qt.LeftButton, pos=panel.list.visualRect(index).center())
        settle(window)
        snap(window, f"finding-{row}", network)
        assert panel.detail.isVisible() and finding.explanation in panel._explanation.text()
        place = finding.places[0]
        if place.node:
            selection = session.selection
            assert analysis.node(selection.node).owner == analysis.node(place.node).owner
            assert selection.members == place.neurons
            if len(place.neurons) > 20:
                outlines = [s for s in window.pane.canvas.display.shapes if s.name.startswith("selection/")]
                assert not any(s.name.startswith("own/") for s in window.pane.canvas.display.shapes)
                assert outlines and sum(s.height for s in outlines) > 20 * (finding.view.facet != "features")
            assert window.pane.canvas.display.box_of(replace(selection, members=selection.members[:1])) is not None
        label = finding.view.snapshot or finding.snapshot or network.labels[-1]
        assert session.snapshot.label == label
        assert session.view.facet == finding.view.facet
        if session.history.can_undo:
            before = session.view
            key(qtbot, window.pane.canvas, "Ctrl+Z")
            settle(window)
            assert session.view != before
