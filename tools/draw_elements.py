"""Draw the pictures of docs/paper_elements.md: python tools/draw_elements.py ANALYSIS FOLDER

One is the window with a letter or number on each part of it that the paper names. The other has what the paper's
section 4 lets people do, each as a piece of the window while it is done, with real mouse and key events. The demo's
analysis has no group of several layers; where one is wanted, the made-up analysis of the tests stands in.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from cnnvis_caffe.scene.shapes import Target  # noqa: E402
from cnnvis_caffe.viewer.app import make_application  # noqa: E402
from cnnvis_caffe.viewer.qt import (  # noqa: E402
    QApplication,
    QColor,
    QEvent,
    QKeySequence,
    QPainter,
    QPixmap,
    QPoint,
    QPointF,
    QRect,
    Qt,
    QtGui,
)

SIZE = (1440, 900)
PIECE = (560, 300)
GAP = 12
BADGE, BADGE_INK = "#1E2329", "#FFFFFF"
CLASSES = (3, 8)
DEAD = "relu3_2"


def main(analysis: str, folder: str) -> None:
    from helpers.analyses import make_analysis, with_features

    application = make_application()
    window = open_window(application)
    window.open_path(analysis)
    settle(application, window, seconds=6)  # findings take some seconds to come
    marked(window).save(os.path.join(folder, "elements_window.png"))
    pieces = [act(application, window) for act in (features, activations, drag, merge, classes, gradients)]
    window.discard_and_close()

    deep = make_analysis("deep", n_snapshots=2)
    dead = deep.snapshots[-1].features[DEAD]
    rows = np.arange(len(dead.mean)) % 4 == 1  # one of the planted clusters
    zero = {name: np.where(rows[:, None], 0, getattr(dead, name)) for name in ("mean", "maximum", "contribution")}
    window = open_window(application)
    window.show_analysis(replace(with_features(deep, DEAD, **zero), title="made up"))
    settle(application, window)
    pieces += [act(application, window) for act in (expanded, zero_rows)]
    window.discard_and_close()
    sheet(pieces).save(os.path.join(folder, "elements_interactions.png"))
    os._exit(0)  # without waiting for what still runs


def open_window(application):
    """A window of its own settings."""
    from cnnvis_caffe.viewer.window.main_window import MainWindow

    window = MainWindow()
    window.set_reduced_motion(True)
    window.resize(*SIZE)
    window.show()
    application.setActiveWindow(window)
    return window


def settle(application, window, seconds: float = 0.4) -> None:
    """Wait until the picture is there, and a little longer."""
    end, least = time.time() + 60, time.time() + seconds
    while time.time() < end:
        application.processEvents()
        time.sleep(0.005)
        busy = window.opening.is_busy or window.session.is_busy or not window.pane.canvas.is_painted
        if not busy and window.session.picture is not None and time.time() > least:
            return


# -- the window with its parts


def marked(window) -> QPixmap:
    """The window with a letter for each part of Figure 1 and a number for each thing in it."""
    canvas, panel = window.pane.canvas, window.control_panel
    aggregation = window.session.aggregation
    column = aggregation.columns[-2]
    members = tuple(column.clusters[0].neurons.tolist())
    gap = aggregation.gaps[-1]

    def at(widget, x: float, y: float) -> QPoint:
        """A place in a widget, in shares of its sides."""
        return widget.mapTo(window, QPoint(round(x * widget.width()), round(y * widget.height())))

    def on(target: Target | None, x: float = 0.5, y: float = 0.5) -> QPoint:
        """A place in what the picture shows."""
        box = canvas.display.box_of(target)
        px, py = canvas.camera.to_screen(box.x() + x * box.width(), box.y() + y * box.height())
        return canvas.mapTo(window, QPoint(round(px), round(py)))

    def left_of(widget) -> QPoint:
        return at(widget, 0, 0.5) - QPoint(4, 0)

    find = canvas.display.find
    places = {
        "a": at(canvas, 0, 0) + QPoint(24, 24),
        "b": at(window.docks.by_name["debugging"], 0, 0) + QPoint(184, 17),
        "c": at(window.docks.by_name["control"], 0, 0) + QPoint(130, 17),
        "1": on(find("column", column.node), 0.5, 0) + QPoint(0, -12),
        "2": on(find("cluster", column.node, members), 1.0, 0.0),
        "3": on(find("neuron", aggregation.columns[-1].node), 0.9, 0.1),
        "4": on(find("edge", aggregation.columns[0].node), 0.25, 0.5),
        "5": on(highest_bar(canvas, gap.source)) - QPoint(0, 18),
        "6": at(window.pane.legend, 0, 0.5) + QPoint(12, 0),
        "7": at(window.debugging.quantity, 1, 1) + QPoint(-4, 2),
        "8": at(window.debugging.level, 1, 1) + QPoint(-4, 2),
        "9": left_of(panel.facet),
        "10": left_of(panel.edges),
        "11": at(panel.filter, 0.25, 0.5),
        "12": left_of(panel.importance),
        "13": left_of(panel.clustering),
        "14": at(panel.classes, 1, 0.5) - QPoint(8, 0),
        "15": at(panel.cutoff, 0.3, 0.5),
        "16": at(panel.groups, 0.5, 0) + QPoint(8, 30),
        "17": at(window.pictures.snapshots.slider, 0.5, 0.5),
        "18": at(window.docks.by_name["findings"], 0, 0) + QPoint(90, 17),
        "19": at(window.docks.by_name["layers"], 0, 0) + QPoint(76, 17),
        "20": at(window.search, 1, 0.5) - QPoint(20, 0),
    }  # fmt: skip
    picture = window.grab()
    painter = QPainter(picture)
    for name, place in places.items():
        badge(painter, place, name)
    painter.end()
    return picture


def badge(painter: QPainter, place: QPoint, name: str) -> None:
    """A letter or number in a filled circle."""
    painter.setRenderHint(QPainter.Antialiasing, True)
    painter.setPen(QtGui.QPen(QColor(BADGE_INK), 2))
    painter.setBrush(QColor(BADGE))
    painter.drawEllipse(QPointF(place), 11, 11)
    font = QApplication.font()
    font.setPixelSize(12)
    font.setBold(True)
    painter.setFont(font)
    painter.drawText(QRect(place.x() - 12, place.y() - 12, 24, 24), Qt.AlignCenter, name)


# -- interactions, each as a piece of the picture


def send(widget, kind, place: QPoint, button=Qt.NoButton, buttons=Qt.NoButton) -> None:
    at = QPointF(place)
    event = QtGui.QMouseEvent(kind, at, QPointF(widget.mapToGlobal(place)), button, buttons, Qt.NoModifier)
    QApplication.sendEvent(widget, event)


def click(widget, place: QPoint) -> None:
    send(widget, QEvent.MouseMove, place)
    send(widget, QEvent.MouseButtonPress, place, Qt.LeftButton, Qt.LeftButton)
    send(widget, QEvent.MouseButtonRelease, place, Qt.LeftButton)


def key(application, window, text: str) -> None:
    """Press the keys of an action."""
    action = next(a for a in window.actions_by_name.values() if QKeySequence(text) in a.shortcuts())
    assert action.isEnabled(), text
    action.trigger()
    settle(application, window)


def place_of(canvas, target: Target, x: float = 0.5, y: float = 0.5) -> QPoint:
    box = canvas.display.box_of(target)
    px, py = canvas.camera.to_screen(box.x() + x * box.width(), box.y() + y * box.height())
    return QPoint(round(px), round(py))


def piece(canvas, centre: QPoint, over: Callable[[QPainter, QPoint], None] | None = None) -> QPixmap:
    """A piece of the canvas around a place, with what lies over it."""
    width, height = PIECE
    x = min(max(centre.x() - width // 2, 0), max(canvas.width() - width, 0))
    y = min(max(centre.y() - height // 2, 0), max(canvas.height() - height, 0))
    result = canvas.grab(QRect(x, y, width, height))
    if over is not None:
        painter = QPainter(result)
        over(painter, QPoint(x, y))
        painter.end()
    return result


def highest_bar(canvas, source: str) -> Target:
    """The uppermost bundle of positive weights behind a layer."""
    bars = [t for t in canvas.display.targets() if t.kind == "bicluster" and t.node == source and t.sign > 0]
    return min(bars, key=lambda target: canvas.display.box_of(target).top())


def tallest(window, node: str) -> Target:
    """The cluster that can be seen best."""
    canvas = window.pane.canvas
    found = [target for target in canvas.display.targets() if target.kind == "cluster" and target.node == node]
    return max(found, key=lambda target: canvas.display.box_of(target).height())


def look_at(application, window, target: Target, share: float) -> None:
    """Bring a thing to the middle, as large as a share of a piece."""
    canvas, box = window.pane.canvas, window.pane.canvas.display.box_of(target)
    zoom = min(share * PIECE[0] / box.width(), share * PIECE[1] / box.height())
    canvas.zoom_by(zoom / canvas.camera.zoom)
    canvas.centre_on(box.center().x(), box.center().y())
    settle(application, window)


def features(application, window) -> QPixmap:
    """Figure 3 (a)."""
    canvas = window.pane.canvas
    window.session.select(tallest(window, "conv2"))
    settle(application, window)
    look_at(application, window, window.session.selection, 0.6)
    return piece(canvas, place_of(canvas, window.session.selection))


def activations(application, window) -> QPixmap:
    """Figure 3 (b), the same cluster."""
    canvas = window.pane.canvas
    key(application, window, "Shift+2")
    look_at(application, window, window.session.selection, 0.6)
    result = piece(canvas, place_of(canvas, window.session.selection))
    key(application, window, "Ctrl+Z")
    window.session.select(None)
    key(application, window, "F")
    return result


def drag(application, window) -> QPixmap:
    """A neuron on its way to another cluster."""
    canvas = window.pane.canvas
    source = tallest(window, "conv2")
    found = [t for t in canvas.display.targets() if t.kind == "cluster" and t.node == "conv2" and t != source]
    top = canvas.display.box_of(source).top()
    goal = min(found, key=lambda target: abs(canvas.display.box_of(target).top() - top))
    look_at(application, window, goal, 0.25)
    neurons = [t for t in canvas.display.targets() if t.kind == "neuron" and t.node == "conv2"]
    neuron = next(t for t in neurons if t.members[0] == source.members[0])
    start, end = place_of(canvas, neuron), place_of(canvas, goal, 0.2, 0.6)
    send(canvas, QEvent.MouseMove, start)
    send(canvas, QEvent.MouseButtonPress, start, Qt.LeftButton, Qt.LeftButton)
    for k in range(1, 9):
        send(canvas, QEvent.MouseMove, start + (end - start) * k / 8, Qt.NoButton, Qt.LeftButton)
    result = piece(canvas, (start + end) / 2)
    canvas.cancel_drag()
    send(canvas, QEvent.MouseButtonRelease, end, Qt.LeftButton)
    key(application, window, "F")
    return result


def merge(application, window) -> QPixmap:
    """A bundle's menu."""
    canvas = window.pane.canvas
    gap = window.session.aggregation.gaps[-1]
    bar = highest_bar(canvas, gap.source)
    window.session.select(bar)
    settle(application, window)
    canvas.pan_by(-200, 0)
    window.show_context_menu(bar, QPoint(0, 0))
    menu = window.menu
    inner = next(a.menu() for a in menu.actions() if a.menu() is not None and a.text().startswith("Merge"))
    place = place_of(canvas, bar)
    for one in (menu, inner):
        one.ensurePolished()
        one.resize(one.sizeHint())

    def over(painter: QPainter, corner: QPoint) -> None:
        at = place - corner + QPoint(8, 8)
        menu.setActiveAction(inner.menuAction())
        painter.drawPixmap(at, menu.grab())
        painter.drawPixmap(at + QPoint(menu.width() - 4, menu.actionGeometry(inner.menuAction()).y()), inner.grab())

    result = piece(canvas, place + QPoint(190, 90), over)
    menu.close()
    inner.close()
    window.session.select(None)
    key(application, window, "F")
    return result


def last_columns(window) -> QPixmap:
    """A piece of the picture where the network ends."""
    canvas = window.pane.canvas
    column = window.session.aggregation.columns[-1].node
    return piece(canvas, place_of(canvas, canvas.display.find("column", column)) + QPoint(-40, 160))


def classes(application, window) -> QPixmap:
    """Neurons that answer to some classes, the others translucent."""
    window.control_panel.classes.choose(CLASSES)
    settle(application, window)
    result = last_columns(window)
    key(application, window, "Ctrl+Z")
    return result


def gradients(application, window) -> QPixmap:
    """Edges by gradient."""
    key(application, window, "G")
    result = last_columns(window)
    key(application, window, "W")
    return result


def expanded(application, window) -> QPixmap:
    """A group with all its layers."""
    canvas = window.pane.canvas
    group = next(one for one in window.session.aggregation.groups if len(one.columns) > 2)
    window.session.select(canvas.display.find("column", group.representative))
    settle(application, window)
    key(application, window, "E")
    window.session.select(None)
    settle(application, window)
    middle = canvas.display.find("column", group.columns[len(group.columns) // 2])
    canvas.reveal(middle)
    settle(application, window)
    return below(canvas, middle)


def zero_rows(application, window) -> QPixmap:
    """Figure 7 (a): a cluster of neurons that answer to no class, here outlined."""
    canvas = window.pane.canvas
    key(application, window, "2")
    window.session.select(canvas.display.find("cluster", DEAD, (1,)))
    settle(application, window)
    column = canvas.display.find("column", DEAD)
    canvas.reveal(column)
    settle(application, window)
    return below(canvas, column)


def below(canvas, column: Target) -> QPixmap:
    """A column and those beside it from their heads on."""
    return piece(canvas, place_of(canvas, column, 0.5, 0.0) + QPoint(0, PIECE[1] // 2 - 8))


def sheet(pieces: list[QPixmap]) -> QPixmap:
    """All pieces in two columns, with letters."""
    width, height = PIECE
    rows = (len(pieces) + 1) // 2
    result = QPixmap(2 * width + 3 * GAP, rows * (height + GAP) + GAP)
    result.fill(QColor("#FFFFFF"))
    painter = QPainter(result)
    for number, one in enumerate(pieces):
        x, y = GAP + (number % 2) * (width + GAP), GAP + (number // 2) * (height + GAP)
        painter.drawPixmap(x, y, one)
        painter.setBrush(Qt.NoBrush)
        painter.setPen(QtGui.QPen(QColor("#D9DCE1"), 1))
        painter.drawRect(x, y, width - 1, height - 1)
        badge(painter, QPoint(x + 20, y + 20), "defghijk"[number])
    painter.end()
    return result


if __name__ == "__main__":
    main(*sys.argv[1:])
