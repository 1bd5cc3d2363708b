"""Small screens: what is seen, what comes back, what the next window has."""

from __future__ import annotations

import pytest

pytest.importorskip("PyQt5")
pytest.importorskip("pytestqt")

from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.preview import NOTHING
from cnnvis_caffe.viewer.qt import QPoint, Qt, QtWidgets
from cnnvis_caffe.viewer.window.main_window import MainWindow


def shown(window) -> set[str]:
    return {name for name, dock in window.docks.by_name.items() if dock.isVisible()}


def share(window) -> float:
    """Of the window that the picture has."""
    canvas = window.pane.canvas
    return canvas.width() * canvas.height() / (window.width() * window.height())


def test_the_picture_has_most_of_a_small_screen_and_panels_come_back(make_window, settle, lenet):
    window = make_window(lenet)
    window.resize(1366, 768)
    settle(window)
    assert shown(window) == {"findings", "layers", "control"} and share(window) > 0.45
    window.resize(1024, 700)
    settle(window)
    assert (window.width(), window.height()) == (1024, 700)
    assert shown(window) == {"control"} and share(window) > 0.5
    assert window.pane.legend.height() <= 28 and "Panels" in window.status.text
    window.pane.legend.folded.emit()
    settle(window)
    assert window.pane.legend.height() > 60  # the whole legend, because somebody asked for it
    window.docks.by_name["findings"].toggleViewAction().trigger()
    window.resize(1400, 900)
    settle(window)
    assert shown(window) == {"findings", "layers", "control", "debugging"}


def test_panels_keep_their_sizes_and_say_their_names_once(make_window, settle, lenet, settings, qtbot):
    window = make_window(lenet)
    docks = window.docks.by_name
    window.resizeDocks([docks["findings"], docks["control"]], [310, 350], Qt.Horizontal)
    window.resizeDocks([docks["debugging"]], [230], Qt.Vertical)
    window.toggle_neurons()
    settle(window)
    assert docks["neurons"].head.label.isHidden() and docks["neurons"].head.height() == 0  # the tab says it
    (bar,) = window.findChildren(QtWidgets.QTabBar, "", Qt.FindDirectChildrenOnly)
    names = [bar.tabText(at) for at in range(bar.count())]
    bar.tabButton(names.index("Neurons"), QtWidgets.QTabBar.RightSide).click()
    settle(window)
    assert docks["neurons"].isHidden() and not docks["debugging"].head.label.isHidden()
    before = {name: (dock.width(), dock.height()) for name, dock in docks.items() if dock.isVisible()}
    window.close()
    again = MainWindow(settings)
    again.set_reduced_motion(True)
    again.show()
    again.show_analysis(lenet)
    settle(again)
    after = {name: (dock.width(), dock.height()) for name, dock in again.docks.by_name.items() if dock.isVisible()}
    again.discard_and_close()
    again.deleteLater()
    assert after.keys() == before.keys()
    for name, size in before.items():
        assert after[name] == pytest.approx(size, abs=2), name


def test_a_menu_shows_in_the_picture_what_it_would_do(make_window, settle, lenet):
    window = make_window(lenet)
    canvas = window.pane.canvas
    clusters = [tuple(one.neurons.tolist()) for one in window.session.aggregation.column("conv2").clusters]
    window.session.select(Target("neuron", "conv2", clusters[0][:1]))
    settle(window)
    window.show_context_menu(window.session.selection, QPoint(100, 100))
    menu = window.menu
    moves = next(one for one in menu.findChildren(QtWidgets.QMenu) if one.title() == "Move to cluster")
    moves.aboutToShow.emit()
    assert [name for _, name in canvas.preview.names] == [str(k + 1) for k in range(len(clusters))]
    moves.hovered.emit(moves.actions()[0])
    (target,) = canvas.preview.targets
    assert target.members == clusters[1] and moves.actions()[0].text().startswith("Cluster 2,")
    canvas.grab()  # it can be painted
    menu.aboutToHide.emit()
    menu.close()
    assert canvas.preview == NOTHING
