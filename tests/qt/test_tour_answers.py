"""The tour's part about questions: which neurons matter for a class, what changed; `test_tour.py` has a list."""

from __future__ import annotations

import csv

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Bitmap, Target
from cnnvis_caffe.viewer.model.neuron_list import NAMES
from cnnvis_caffe.viewer.qt import QPoint, Qt

from . import pointer
from .tour import answer, choose, key, point_at, snap, targets, texts


def click_row(table, row, column=0, modifiers=Qt.NoModifier, button=Qt.LeftButton):
    """Click into a cell of a table."""
    index = table.model().index(row, column)
    table.scrollTo(index)
    pointer.click(table.viewport(), table.visualRect(index).center(), button, modifiers)


def sort_by(qtbot, table, column):
    """Click on the head of a column."""
    header = table.horizontalHeader()
    at = header.viewport().rect().center()
    at.setX(header.sectionViewportPosition(column) + 12)
    qtbot.mouseClick(header.viewport(), Qt.LeftButton, pos=at)


def open_neurons(window, qtbot, settle):
    """Show the table by its key."""
    key(qtbot, window.pane.canvas, "Ctrl+T")
    settle(window)
    assert window.neurons.isVisible() and window.neurons.filter.hasFocus()
    return window.neurons, window.neurons.table


def test_which_neurons_matter_for_a_class(make_window, settle, qtbot, network, tmp_path):
    window = make_window(network.analysis)
    chip = window.control_panel.classes._chips[3]
    pointer.double_click(chip, chip.rect().center())
    assert window.session.view.classes == (3,) and window.session.history.undo() == View()
    window.session.redo()
    panel, table = open_neurons(window, qtbot, settle)
    assert panel.state.text().endswith(f"class {network.analysis.data.short_names[3]}")
    sort_by(qtbot, table, NAMES.index("contribution"))
    values = panel.neurons.values("contribution")[panel.neurons.rows]
    known = values[values == values]
    assert len(known) and (known[:-1] >= known[1:]).all()
    snap(window, "neurons", network)
    layer = network.second
    qtbot.keyClicks(panel.filter, f"{layer} cluster>0")
    assert {table.model().index(row, 0).data() for row in range(3)} == {layer}
    click_row(table, 0)
    settle(window)
    first = int(table.model().index(0, 1).data())
    assert (window.session.selection.node, window.session.selection.members) == (layer, (first,))
    click_row(table, 2, modifiers=Qt.ShiftModifier)
    settle(window)
    three = tuple(sorted(int(table.model().index(row, 1).data()) for row in range(3)))
    assert window.session.selection.members == three
    snap(window, "neurons-several", network)
    path = str(tmp_path / "some.csv")
    assert answer(qtbot, lambda: qtbot.mouseClick(panel.export, Qt.LeftButton), path) == "Export neurons"
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["neuron"]) for row in rows] == [int(table.model().index(row, 1).data()) for row in range(3)]
    key(qtbot, table, "Ctrl+T")
    assert not window.neurons.isVisible()


def test_the_picture_selects_rows_and_several_neurons_move_together(make_window, settle, qtbot, network):
    window = make_window(network.analysis)
    panel, table = open_neurons(window, qtbot, settle)
    canvas, node = window.pane.canvas, network.second
    display = canvas.display
    found = [t for t in targets(window, "neuron", node) if len(t.members) == 1]
    found.sort(key=lambda t: -display.box_of(t).width() * display.box_of(t).height())
    one, two = found[:2]
    pointer.click(canvas, point_at(canvas, one))
    settle(window)
    assert table.currentIndex().siblingAtColumn(1).data() == str(one.members[0])
    pointer.click(canvas, point_at(canvas, two), modifiers=Qt.ControlModifier)
    settle(window)
    both = tuple(sorted((*one.members, *two.members)))
    assert window.session.selection.members == both and len(table.selected_rows()) == 2
    qtbot.mouseClick(panel.only, Qt.LeftButton)
    assert table.model().rowCount() == 2
    snap(window, "neurons-two", network)
    pointer.menu(canvas, point_at(canvas, one))
    assert window.session.selection.members == both
    choose(qtbot, window.menu, "New cluster")
    settle(window)
    assert {move.neuron for move in window.session.view.moves} == set(both)
    assert len({table.model().index(row, 2).data() for row in range(2)}) == 1


def test_what_changed_between_two_snapshots(make_window, settle, qtbot, trained):
    window = make_window(trained.analysis)
    key(qtbot, window.pane.canvas, "Ctrl+D")
    settle(window)
    panel, right = window.changes, window.pictures.comparison.pane
    assert panel.isVisible() and "rows" in panel.state.text()
    panel.kind.setFocus()
    for _ in range(2):
        qtbot.keyClick(panel.kind, Qt.Key_Down)
    assert panel.kind.value == "connections"
    sort_by(qtbot, panel.table, 4)
    click_row(panel.table, 0)
    settle(window)
    model = panel.table.model()
    node, neuron = model.index(0, 0).data(), int(model.index(0, 2).data())
    snap(window, "changed-connections", trained)
    for pane in (window.pane, right):
        selected = pane.session.selection
        assert (selected.kind, selected.members) == ("neuron", (neuron,))
        owner = trained.analysis.node
        assert owner(selected.node).owner == owner(node).owner
    window.pictures.end_comparison()
    settle(window)
    assert model.rowCount() == 0 and "side by side" in panel.state.text()


def on_page(tab, target):
    """Where something is on a page, brought into sight."""
    view = tab.page
    shape = next(shape for shape in view.display.shapes if shape.target == target)
    x, y = round((shape.x + 4) * view.zoom + view.left), round((shape.y + 4) * view.zoom)
    view.ensureVisible(x, y)
    return view.widget(), QPoint(x, y)


def test_where_it_errs_is_three_steps_from_the_neurons_behind_it(make_window, settle, qtbot, cifar10_full):
    """A key, a click on a square, a double click on a neuron; classes and layers from there."""
    window = make_window(cifar10_full.analysis)
    key(qtbot, window.pane.canvas, "Ctrl+R")
    settle(window)
    tab, confusion = window.pages.current, cifar10_full.analysis.snapshots[-1].confusion
    snap(window, "mistakes", cifar10_full)
    row, column = 3, 5
    assert confusion[row, column] > 0
    pointer.click(*on_page(tab, Target("cell", members=(row,), other_members=(column,))))
    settle(window)
    names = cifar10_full.analysis.data.class_names
    assert texts(tab.page.display)["mistakes/cell/title"] == f"{names[row]}, named as {names[column]}"
    kept = cifar10_full.analysis.snapshots[-1].cell_images.of(row, column).tolist()
    shown = [shape.target.members[0] for shape in tab.page.display.shapes if shape.name.startswith("mistakes/image/")
             and isinstance(shape, Bitmap)]  # fmt: skip
    assert shown == kept and all(cifar10_full.analysis.image_class[image] == row for image in kept)
    snap(window, "mistakes-square", cifar10_full)
    driver = next(s.target for s in tab.page.display.shapes if s.name == "mistakes/driver0/0/bar")
    pointer.double_click(*on_page(tab, driver))
    settle(window)
    assert (window.pages.current.node, window.pages.current.neuron) == (driver.node, driver.members[0])
    window.pages.tabs.setCurrentIndex(1)
    qtbot.mouseClick(tab.show_classes, Qt.LeftButton)
    settle(window)
    assert window.session.view.classes == (row, column) and window.pages.current is window.pictures
    window.session.go_to_snapshot(0)
    settle(window)
    assert texts(tab.page.display)["mistakes/number"] == cifar10_full.labels[0]  # it follows the snapshot


def test_pages_of_a_layer_of_a_cluster_and_of_several_neurons(make_window, settle, qtbot, trained):
    window = make_window(trained.analysis)
    canvas, node = window.pane.canvas, trained.first
    pointer.click(canvas, point_at(canvas, Target("column", node)))
    key(qtbot, canvas, "P")
    settle(window)
    numbers = {t.members[0] for t in window.pages.current.page.display.targets() if t.kind == "neuron"}
    assert numbers == set(range(trained.analysis.node(node).n_neurons))
    snap(window, "layer", trained)
    window.pages.show_network()
    cluster = next(t for t in targets(window, "cluster", node) if len(t.members) > 1)
    window.session.select(cluster)
    key(qtbot, canvas, "P")
    settle(window)
    page = window.pages.current
    assert {t.members[0] for t in page.page.display.targets() if t.kind == "neuron"} == set(cluster.members)
    snap(window, "cluster", trained)
    one = next(t for t in page.page.display.targets() if t.kind == "neuron")
    pointer.double_click(*on_page(page, one))
    settle(window)
    assert (window.pages.current.node, window.pages.current.neuron) == (node, one.members[0])
    window.session.select(Target("neuron", node, (0, 1)))
    window.actions_by_name["open_page"].trigger()
    settle(window)
    assert window.pages.current.name == f"{node} · 2 neurons"


def test_what_was_checked_leads_to_its_layer(make_window, settle, qtbot, trained):
    window = make_window(trained.analysis)
    panel = window.findings
    if panel.model.findings:
        assert not panel.checked.isVisible()
        qtbot.mouseClick(panel.shows_checked, Qt.LeftButton)
    assert panel.checked.isVisible() and not panel.list.isVisible()
    rules = panel.checked.rules.rules
    snap(window, "checked", trained)
    row = next(i for i, rule in enumerate(rules) if rule.kind == "one_sign")
    index = panel.checked.rules.index(row)
    panel.checked.scrollTo(index)
    pointer.click(panel.checked.viewport(), panel.checked.visualRect(index).center())
    settle(window)
    owner = trained.analysis.node
    assert owner(window.session.selection.node).owner == owner(rules[row].nearest.place.node).owner
    if panel.model.findings:
        qtbot.mouseClick(panel.shows_checked, Qt.LeftButton)
        assert panel.list.isVisible() and not panel.checked.isVisible()
