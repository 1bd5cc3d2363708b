"""What the tour's steps share: networks to go through, keys, menus, file dialogs, screenshots."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.scene.shapes import Bitmap, Text
from cnnvis_caffe.viewer.qt import QApplication, QKeySequence, QMenu, QPainter, QPoint, Qt, QTimer, QtWidgets

from . import pointer

#: Seconds until a file dialog that does not come, or does not go, is a failure.
PATIENCE_S = 20


@dataclass(frozen=True, eq=False)
class Network:
    """An analysis that the tour goes through.

    Attributes
    ----------
    name : str
        For the screenshots.
    analysis : Analysis
    path : str
        Its file.
    first, second, third : str
        Columns that follow each other, with clusters.
    """

    name: str
    analysis: Analysis
    path: str
    first: str
    second: str
    third: str

    @property
    def labels(self) -> list[str]:
        """Of its snapshots."""
        return [snapshot.label for snapshot in self.analysis.snapshots]


def targets(window, kind, node=""):
    """What the picture has of a kind."""
    return in_pane(window.pane, kind, node)


def in_pane(pane, kind, node=""):
    """The same for one of two pictures."""
    return [t for t in pane.canvas.display.targets() if t.kind == kind and (not node or t.node == node)]


def boxes(window, kind):
    """Places of clusters or neurons in the picture."""
    display = window.pane.canvas.display
    return {(t.node, t.members): display.box_of(t) for t in targets(window, kind)}


def is_same(one, other):
    """Whether two targets name one thing, whatever its number in the picture."""
    return one is not None and replace(one, index=-1) == replace(other, index=-1)


def matrices(window):
    """The layers and neurons that are shown as matrices."""
    found: dict[str, set] = {}
    for shape in window.pane.canvas.display.shapes:
        if isinstance(shape, Bitmap) and shape.rows and shape.columns:
            found.setdefault(shape.target.node, set()).update(shape.rows)
    return found


def texts(display):
    """What a scene says, by name."""
    return {shape.name: shape.text for shape in display.shapes if isinstance(shape, Text)}


def point_at(canvas, target):
    """Bring something into sight, large enough to be hit, and say where it is."""
    canvas.reveal(target)
    return pointer.place_of(canvas, target)


def key(qtbot, widget, text):
    """Press the keys of a shortcut."""
    QApplication.setActiveWindow(widget.window())
    sequence = QKeySequence(text)[0]
    qtbot.keyClick(widget, sequence & ~0xFE000000, Qt.KeyboardModifiers(sequence & 0xFE000000))


def snap(window, name, network=None):
    """A screenshot of the step with menus and dialogs above the window, where somebody wants to look at them."""
    folder = os.environ.get("CNNVIS_TOUR_DIR")
    if not folder:
        return
    pixmap = window.grab()
    painter = QPainter(pixmap)
    corner = window.mapToGlobal(QPoint(0, 0))
    for other in QApplication.topLevelWidgets():
        if other is not window and other.isVisible() and isinstance(other, (QMenu, QtWidgets.QDialog)):
            painter.drawPixmap(other.mapToGlobal(QPoint(0, 0)) - corner, other.grab())
    painter.end()
    before = f"{network.name}-" if network is not None else ""
    pixmap.save(os.path.join(folder, f"tour-{before}{name}.png"))


def choose(qtbot, menu, *words):
    """Click on an action of an open menu, through its submenus, by the beginnings of their texts."""
    for i, word in enumerate(words):
        found = [a for a in menu.actions() if a.text().replace("&&", "&").startswith(word) and a.isVisible()]
        assert found, f"no {word!r} among {[action.text() for action in menu.actions()]}"
        action = found[0]
        assert action.isEnabled(), f"{action.text()} cannot be chosen"
        qtbot.mouseMove(menu, menu.actionGeometry(action).center())
        qtbot.mouseClick(menu, Qt.LeftButton, pos=menu.actionGeometry(action).center())
        if i + 1 < len(words):
            submenu = action.menu()
            qtbot.waitUntil(submenu.isVisible, timeout=PATIENCE_S * 1000)
            menu = submenu
    qtbot.waitUntil(lambda: not _is_open(menu), timeout=PATIENCE_S * 1000)


def _is_open(menu):
    try:
        return menu.isVisible()
    except RuntimeError:  # it was deleted when it closed
        return False


def context_menu(window, qtbot, canvas, target, *words, shot="", network=None):
    """Click with the right button on something, or on the ground, and choose."""
    place = pointer.ground_of(canvas) if target is None else point_at(canvas, target)
    pointer.menu(canvas, place)
    assert window.menu.isVisible()
    if shot:
        snap(window, shot, network)
    choose(qtbot, window.menu, *words)


def window_menu(window, qtbot, name, *words):
    """Choose from the menu bar."""
    menu = window.menus[name]
    menu.popup(window.mapToGlobal(QPoint(10, 30)))
    choose(qtbot, menu, *words)


def answer(qtbot, act, path, shot=None):
    """Do what asks for a file; type its name there and press Enter."""
    answered, tries = [], []

    def fill():
        tries.append(None)
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, QtWidgets.QFileDialog) and not answered:
            answered.append(dialog.windowTitle())
            edit = dialog.findChild(QtWidgets.QLineEdit, "fileNameEdit")
            edit.setText(path[:-1])
            qtbot.keyClicks(edit, path[-1:])
            if edit.completer() is not None:
                edit.completer().popup().hide()
            if shot is not None:
                shot()
            qtbot.keyClick(edit, Qt.Key_Return)
        elif isinstance(dialog, QtWidgets.QFileDialog) and len(tries) > 50 * PATIENCE_S:
            dialog.reject()
        if (dialog is not None or not answered) and len(tries) <= 60 * PATIENCE_S:
            QTimer.singleShot(20, fill)

    QTimer.singleShot(0, fill)
    act()
    qtbot.waitUntil(lambda: bool(answered) and QApplication.activeModalWidget() is None, timeout=PATIENCE_S * 1000)
    return answered[0]


def dialog_named(window, title):
    """An open dialog of the window."""
    found = [d for d in window.findChildren(QtWidgets.QDialog) if d.windowTitle() == title and d.isVisible()]
    assert found, f"no dialog {title!r} is open"
    return found[0]
