"""The page of an image, by mouse and keys: open, point, hide, explain, compare, paste, cancel."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.tried_network import tried_analysis

from cnnvis_caffe.scene.shapes import Bitmap
from cnnvis_caffe.store import read_analysis
from cnnvis_caffe.viewer.model.image_questions import METHODS_SHOWN
from cnnvis_caffe.viewer.pages.image_tab import ImageTab
from cnnvis_caffe.viewer.qt import QApplication, QImage, QPoint, Qt, QtCore, QtGui

from . import pointer
from .tour import answer, choose, key, snap


@pytest.fixture(scope="module")
def path(tmp_path_factory, repository):
    return tried_analysis(tmp_path_factory, repository)


@pytest.fixture(scope="module")
def analysis(path):
    return read_analysis(path)


@pytest.fixture
def open_page(make_window, settle, qtbot, analysis):
    """Open a window, and the page of an image by its key."""

    def do():
        window = make_window(analysis)
        key(qtbot, window, "Ctrl+I")
        found = window.pages.current
        assert isinstance(found, ImageTab) and window.docks.by_name["control"].isHidden()
        settle(window)
        return found

    return do


def drop(widget, path):
    """Drop a file on a widget."""
    mime = QtCore.QMimeData()
    mime.setUrls([QtCore.QUrl.fromLocalFile(str(path))])
    enter = QtGui.QDragEnterEvent(QPoint(5, 5), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    event = QtGui.QDropEvent(QtCore.QPointF(5, 5), Qt.CopyAction, mime, Qt.LeftButton, Qt.NoModifier)
    QApplication.sendEvent(widget, event)


def at(view, y, x):
    """A pixel of the image in the widget."""
    place = view.place_of(y, x)
    return QPoint(round(place.x()), round(place.y()))


def tiles(page):
    """Explanations that are there."""
    return {s.name.split("/")[2] for s in page.strip.display.shapes if isinstance(s, Bitmap) and "tile/" in s.name}


def test_an_image_from_opening_to_its_explanation(open_page, qtbot, settle, path):
    page = open_page()
    window = page.window()
    assert "Drop, paste or open" in page.views[0].empty_text and page.canvas.display is None
    answer(qtbot, lambda: qtbot.mouseClick(page.open_button, Qt.LeftButton), str(path.parent / "seven.png"))
    settle(window)
    rows = page.bars.rows
    assert len(rows) == 10 and sum(row.whole for row in rows) == pytest.approx(1, abs=1e-4)
    assert tiles(page) == set(METHODS_SHOWN) - {"activation"}  # an inner product has no map
    snap(window, "image")
    # A neuron.
    target = next(t for t in page.canvas.display.targets() if t.kind == "neuron" and t.node == "conv2")
    pointer.click(page.canvas, pointer.place_of(page.canvas, target))
    settle(window)
    assert page.questions.neuron == f"conv2:{target.members[0]}"
    assert tiles(page) == set(METHODS_SHOWN)
    assert page.strip.accessibleName() == f"conv2 · neuron {target.members[0]}"
    # The square follows the mouse, and the bars with it.
    view = page.views[0]
    lit = page.questions.lights
    pointer.press_and_move(view, at(view, 4, 4), at(view, 14, 14))
    settle(window)
    assert page.questions.square is not None and not np.isnan(page.bars.rows[0].now)
    assert page.questions.lights is not lit
    pointer.release(view, at(view, 14, 14))
    snap(window, "image-square")
    before = page.questions.square
    key(qtbot, view, "Down")
    assert page.questions.square[0] == before[0] + 1
    size = page.questions.square_size
    key(qtbot, view, "+")
    assert page.questions.square_size > size
    pointer.wheel(view, at(view, 14, 14), -120)
    key(qtbot, view, "-")
    assert page.questions.square_size == size or size == 0
    key(qtbot, view, "Escape")
    settle(window)
    assert page.questions.square is None and np.isnan(page.bars.rows[0].now)


def test_two_images_side_by_side(open_page, qtbot, settle, path):
    page = open_page()
    window = page.window()
    drop(page.views[0], path.parent / "seven.png")
    qtbot.mouseClick(page.compare_button, Qt.LeftButton)
    drop(page.views[1], path.parent / "wide.png")
    settle(window)
    assert page.lit_by.isVisible() and page.lit_by.value == "difference"
    assert all(not np.isnan(row.other) for row in page.bars.rows)
    assert len({s.name.split("/")[1] for s in page.strip.display.shapes if s.name.startswith("tile/")}) == 2
    snap(window, "image-compared")
    page.lit_by.setFocus()
    key(qtbot, page.lit_by, "Left")
    assert page.questions.lit_by == "B"
    qtbot.mouseClick(page.compare_button, Qt.LeftButton)
    settle(window)
    assert page.views[1].isHidden() and page.questions.given[1] is None


def test_paste_choose_and_what_goes_wrong(open_page, qtbot, settle, path, analysis):
    page = open_page()
    window = page.window()
    QApplication.clipboard().setText("no image")
    qtbot.mouseClick(page.paste_button, Qt.LeftButton)
    assert "Nothing that was copied is an image" in page.problem.text()
    image = QImage(40, 30, QImage.Format_RGB32)
    image.fill(Qt.darkGreen)
    QApplication.clipboard().setImage(image)
    key(qtbot, page, "Ctrl+V")
    settle(window)
    assert page.title.text() == "pasted image" and page.bars.rows and page.problem.isHidden()
    qtbot.mouseClick(page.own_button, Qt.LeftButton)
    name = page.menu.actions()[2].text()
    choose(qtbot, page.menu, name)
    settle(window)
    assert page.title.text() == name and name.startswith("digits:test[")
    drop(page.views[0], path.parent / "broken.png")
    settle(window)
    assert "broken.png" in page.problem.text() and page.problem.isVisible()
    # The page goes, and the panels come back.
    window.pages.close_page(window.pages.tabs.currentIndex())
    assert not window.docks.by_name["control"].isHidden() and window.pages.tabs.isHidden()


def test_an_image_dropped_on_the_window_opens_the_page(make_window, settle, qtbot, analysis, path):
    window = make_window(analysis)
    window.open_path(str(path.parent / "seven.png"))
    settle(window)
    page = window.pages.current
    assert isinstance(page, ImageTab) and page.bars.rows
    # What is long is stopped by a key, and goes on when something else is asked.
    page.questions.choose_neuron("conv1:3")
    assert page.questions.is_long(page._asked)
    key(qtbot, page, "Escape")
    settle(window)
    assert tiles(page) >= {"activation", "gradient"}


def test_a_model_that_is_gone_is_asked_for(make_window, settle, qtbot, analysis, repository):
    from dataclasses import replace

    gone = replace(analysis, provenance={**analysis.provenance, "model": "/nowhere/gone.prototxt"})
    window = make_window(gone)
    window.open_image_page()
    page = window.pages.current
    assert "gone.prototxt is not where it was" in page.problem.text() and page.find_button.isVisible()
    deploy = repository / "prototxt" / "lenet" / "deploy.prototxt"
    answer(qtbot, lambda: qtbot.mouseClick(page.find_button, Qt.LeftButton), str(deploy))
    settle(window)
    assert page.find_button.isHidden() and page.questions.network is not None
