"""Shows what the network does with an image of the user, in a tab beside the picture."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np

from cnnvis_caffe.datasets.camera import has_camera
from cnnvis_caffe.records.explanation import Explanation, GivenImage, Reaction
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.reaction import strip_scene
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.canvas.canvas import Canvas
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.canvas.page_view import PageView
from cnnvis_caffe.viewer.canvas.pictures import to_image
from cnnvis_caffe.viewer.canvas.scene_index import Hit
from cnnvis_caffe.viewer.model.analysed_images import analysed_images
from cnnvis_caffe.viewer.model.image_questions import METHODS_SHOWN, ImageQuestions
from cnnvis_caffe.viewer.model.image_worker import ImageRequest, ImageWorker, Lights, NetworkChoice
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.pages.consent_dialog import ask_for_consent
from cnnvis_caffe.viewer.pages.model_files import ask_for_files
from cnnvis_caffe.viewer.qt import (
    QApplication,
    QHBoxLayout,
    QImage,
    QMenu,
    Qt,
    QtGui,
    QTimer,
    QtWidgets,
    QVBoxLayout,
    QWidget,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.answer_bars import AnswerBars
from cnnvis_caffe.viewer.widgets.image_view import ImageView, image_of, to_pixels
from cnnvis_caffe.viewer.widgets.inputs import Dropdown, Line, Segmented
from cnnvis_caffe.viewer.work.camera_thread import CameraThread
from cnnvis_caffe.viewer.work.tasks import missing_file, python_layers_of
from cnnvis_caffe.viewer.work.threads import Latest

SIDE_WIDTH, IMAGE_SIDE = 292, 268
#: Height of the explanations for one image, and what another one adds.
STRIP_HEIGHT, SECOND_ROW = 212, 150
#: The picture is asked for in another size when the window has kept its size for so long, in ms.
SETTLE_MS = 150
IMAGES = "Images (*.png *.jpg *.jpeg *.bmp *.ppm *.pgm *.tif *.tiff *.webp);;All files (*)"
_FILLS = (("grey", "grey"), ("black", "black"), ("white", "white"), ("mean", "its mean"))
_FILL_COLOURS = {"grey": "#808080", "black": "#000000", "white": "#FFFFFF"}


class ImageTab(QWidget):
    """Puts images into the network of a session: answers, the picture that lights up, explanations.

    Signals
    -------
    chosen : Target
        Something is to be shown in the picture.
    opened : Target
        Something has a page of its own, which is to be opened.
    pointed : Target or None
    went_on : ()
        The tab has another name now.
    """

    chosen = Signal(object)
    pointed = Signal(object)
    went_on = Signal()
    opened = Signal(object)
    key, target, name = "image", None, "Image"

    def __init__(self, session: Session, folder: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self._folder = session, folder
        self.questions = ImageQuestions()
        self._work = Latest(ImageWorker(Display), self)
        self._asked: ImageRequest | None = None
        self._shown: tuple[object, ...] = (None, None, None)
        self._camera: CameraThread | None = None
        self._code_is_allowed = False
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._build()
        self._connect()
        self._choose_network()

    # -- building

    def _build(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._side())
        split = QtWidgets.QSplitter(Qt.Vertical)
        split.setChildrenCollapsible(False)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._head())
        self.canvas = Canvas()
        self.canvas.setAccessibleName("The network as the image lights it")
        self.canvas.empty_text = "The network lights up here as soon as there is an image"
        self.canvas.reduced_motion = True
        column.addWidget(self.canvas, 1)
        self.strip = PageView()
        self.strip.setAccessibleName("Explanations")
        self.strip.setMinimumHeight(120)
        split.addWidget(upper)
        split.addWidget(self.strip)
        split.setStretchFactor(0, 1)
        split.setSizes([1000, STRIP_HEIGHT])
        self._split = split
        layout.addWidget(split, 1)

    def _side(self) -> QWidget:
        """The images and their answers."""
        side = QtWidgets.QFrame()
        side.setFixedWidth(SIDE_WIDTH)
        column = QVBoxLayout(side)
        column.setContentsMargins(style.MARGIN, 8, style.MARGIN, 8)
        column.setSpacing(6)
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        self.open_button = self._button("Open…", "Open an image file", self.open_file)
        self.paste_button = self._button("Paste", "Take the image that was copied (Ctrl+V)", self.paste)
        self.own_button = self._button("Analysed ▾", "Choose one of the analysis's own images", self.offer_own)
        self.camera_button = self._button("Camera", "Look through the camera", self.toggle_camera)
        self.camera_button.setCheckable(True)
        self.camera_button.setVisible(has_camera())
        for button in (self.open_button, self.paste_button, self.own_button, self.camera_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        self.views = (
            ImageView("Image A", "Drop, paste or open an image"),
            ImageView("Image B", "Drop another image here to compare", hides=False),
        )
        self._images = QWidget()
        images = QHBoxLayout(self._images)
        images.setContentsMargins(0, 0, 0, 0)
        images.setSpacing(8)
        for view in self.views:
            images.addWidget(view, 1)
        self._images.setMaximumHeight(IMAGE_SIDE)
        column.addWidget(self._images, 5)
        self.title = Line("", "section", 40)
        self.prepared = Line("", "small", 40)
        self.problem = style.label("", "warning", wrap=True)
        self.problem.setTextInteractionFlags(Qt.TextSelectableByMouse)
        self.problem.hide()
        self.find_button = self._button("Find the model…", "Say where the model and its weights are now", self._find)
        self.find_button.hide()
        for widget in (self.title, self.prepared, self.problem, self.find_button):
            column.addWidget(widget)
        column.addLayout(self._square_row())
        self.bars = AnswerBars()
        column.addWidget(self.bars, 4)
        return side

    def _button(self, text: str, tip: str, do: Callable[[], object]) -> QtWidgets.QPushButton:
        button = QtWidgets.QPushButton(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setStyleSheet("padding: 4px 8px;")
        button.clicked.connect(lambda _=False: do())
        return button

    def _square_row(self) -> QHBoxLayout:
        """What the square shows."""
        row = QHBoxLayout()
        row.setSpacing(6)
        self.square_label = style.label("Drag over the image to hide a part", "small")
        self.fill = Dropdown("What the square shows", _FILLS)
        self.whole_button = QtWidgets.QPushButton("Whole")
        self.whole_button.setToolTip("Show the whole image again (double click or Escape)")
        self.whole_button.setStyleSheet("padding: 4px 8px;")
        self.whole_button.hide()
        row.addWidget(self.square_label, 1)
        row.addWidget(self.fill)
        row.addWidget(self.whole_button)
        return row

    def _head(self) -> QWidget:
        """What lights the picture."""
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(style.MARGIN, 6, style.MARGIN, 4)
        row.setSpacing(style.SPACE)
        self.lit_line = Line("", "small", 80)
        self.lit_by = Segmented((("A", "Image A"), ("B", "Image B"), ("difference", "Difference")), "What lights it")
        self.lit_by.setFixedWidth(264)
        self.lit_by.hide()
        self.cancel_button = self._button("Cancel", "Stop what is being computed", self.cancel)
        self.cancel_button.hide()
        self.compare_button = self._button("Compare", "Put another image beside this one", self.toggle_comparison)
        row.addWidget(self.lit_line, 1)
        for widget in (self.cancel_button, self.lit_by, self.compare_button):
            row.addWidget(widget)
        return head

    def _connect(self) -> None:
        questions, session = self.questions, self.session
        self._work.answered.connect(self._take)
        self._work.failed.connect(self._fail)
        questions.changed.connect(self._go_on)
        first, second = self.views
        first.hidden_at.connect(questions.hide_at)
        first.moved.connect(questions.move_square)
        first.resized.connect(questions.resize_square)
        first.shown_whole.connect(questions.show_whole)
        first.dropped.connect(lambda what: self.look_at(what, 0))
        second.dropped.connect(lambda what: self.look_at(what, 1))
        self.whole_button.clicked.connect(questions.show_whole)
        self.fill.chosen.connect(questions.fill_with)
        self.lit_by.chosen.connect(questions.light_by)
        self.canvas.clicked.connect(self._clicked)
        self.canvas.double_clicked.connect(self._double_clicked)
        self.canvas.hovered.connect(lambda hit: self.pointed.emit(hit.target if hit is not None else None))
        self._settle.timeout.connect(self._tell_picture)
        session.view_changed.connect(self._view_changed)
        session.picture_changed.connect(self._picture_changed)
        self.views[1].hide()
        self.setFocusProxy(first)

    # -- the network

    def _choose_network(self) -> None:
        """Put images into the network of the session, if it can be found."""
        session = self.session
        if session.analysis is None or session.snapshot is None:
            return
        before = self.questions.network
        if before is not None and (before.snapshot, before.places) == (session.snapshot, session.model_places):
            return
        missing = missing_file(session.analysis, session.snapshot.label, session.model_places)
        self.find_button.setVisible(bool(missing))
        if missing:
            self._say_problem(f"{os.path.basename(missing)} is not where it was when it was analysed.")
            return
        codes = python_layers_of(session.analysis, session.snapshot.label, session.model_places)
        if codes and not self._code_is_allowed:
            ask_for_consent(codes, self._allow_code, self)
            return
        choice = NetworkChoice(session.analysis, session.snapshot, session.model_places, self._code_is_allowed)
        self.questions.choose_network(choice)

    def _allow_code(self) -> None:
        self._code_is_allowed = True
        self._choose_network()

    def _find(self) -> None:
        trouble = ask_for_files(self.session, self)
        if trouble:
            self._say_problem(trouble)
        elif trouble is not None:
            self._choose_network()

    def _view_changed(self, view: View) -> None:
        self._choose_network()
        self._settle.start()

    def _picture_changed(self, _: object) -> None:
        self._settle.start()

    def _tell_picture(self) -> None:
        session = self.session
        if session.aggregation is not None and self.canvas.width() > 0:
            size = float(self.canvas.width()), float(self.canvas.height())
            self.questions.show_in(session.view, session.aggregation, size)
        self._show_strip()

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:  # noqa: N802
        """Ask for a picture of the new size, once it stays."""
        super().resizeEvent(event)
        self._settle.start()

    # -- images

    def look_at(self, what: str | QImage | GivenImage, place: int | None = None) -> None:
        """Look at a file, at what was pasted, or at an image of the analysis; as image B while two are compared."""
        if isinstance(what, str):
            what = GivenImage(os.path.basename(what), path=what)
        elif isinstance(what, QImage):
            what = GivenImage("pasted image", pixels=to_pixels(what))
        if place is None:
            is_second = not self.views[1].isHidden() and self.questions.given[1] is None
            place = 1 if is_second and self.questions.given[0] is not None else 0
        self._choose_network()
        self.questions.look_at(what, place)

    def open_file(self) -> None:
        """Ask for an image file."""
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self, "Open image", self._folder, IMAGES)
        if path:
            self._folder = os.path.dirname(path)
            self.look_at(path)

    def paste(self) -> None:
        """Take what was copied."""
        found = image_of(QApplication.clipboard().mimeData())
        if found is None:
            self._say_problem("Nothing that was copied is an image: copy an image or an image file, and paste again.")
        else:
            self.look_at(found)

    def offer_own(self) -> None:
        """Offer images of the analysis in a menu."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WA_DeleteOnClose)
        for given in analysed_images(self.session.analysis):
            action = menu.addAction(given.name)
            pixmap = QtGui.QPixmap.fromImage(_thumbnail(given))
            action.setIcon(QtGui.QIcon(pixmap))
            action.setIconVisibleInMenu(True)
            action.triggered.connect(lambda _=False, given=given: self.look_at(given))
        menu.setStyleSheet("QMenu { icon-size: 28px; }")
        self.menu = menu
        menu.popup(self.own_button.mapToGlobal(self.own_button.rect().bottomLeft()))

    def toggle_comparison(self) -> None:
        """Make room for another image, or take it away."""
        is_on = self.views[1].isHidden()
        self.views[1].setVisible(is_on)
        self.compare_button.setText("End comparison" if is_on else "Compare")
        self._images.setMaximumHeight(IMAGE_SIDE // 2 if is_on else IMAGE_SIDE)
        height = STRIP_HEIGHT + (SECOND_ROW if is_on else 0)
        self._split.setSizes([max(self.height() - height, 200), height])
        if not is_on:
            self.questions.look_at(None, 1)
        self._settle.start()

    def toggle_camera(self) -> None:
        """Look through the camera, or stop."""
        if self._camera is not None:
            self._stop_camera()
            return
        self._camera = CameraThread(self)
        self._camera.seen.connect(self._seen_by_camera)
        self._camera.failed.connect(self._camera_failed)
        self._camera.start()
        self.camera_button.setChecked(True)

    def _stop_camera(self) -> None:
        if self._camera is not None:
            camera, self._camera = self._camera, None
            camera.stop()
        self.camera_button.setChecked(False)

    def _seen_by_camera(self, pixels: np.ndarray) -> None:
        if self._camera is not None:
            self.questions.look_at(GivenImage("camera", pixels=pixels), 0)

    def _camera_failed(self, error: BaseException) -> None:
        self._stop_camera()
        self._say_problem(str(error))

    # -- work

    @property
    def is_busy(self) -> bool:
        """Return whether something is still to come."""
        is_moving = self._settle.isActive() or not self.canvas.is_painted
        return self._asked is not None or is_moving

    def cancel(self) -> None:
        """Stop what is being computed; what is there stays."""
        if self._asked is not None:
            self._asked.progress.cancel()

    def _go_on(self) -> None:
        """Show what is known, and ask for what is not."""
        self._show()
        asked = self._asked
        if asked is not None:
            if not self.questions.is_wanted(asked) and self.questions.is_long(asked):
                asked.progress.cancel()
            return  # what is under way is over soon, and then the newest is asked for
        wanted = self.questions.next_request()
        if wanted is not None:
            self._asked = wanted
            self._work.request(wanted)
        elif self._camera is not None:
            self._camera.take_next()
        self.cancel_button.setVisible(wanted is not None and self.questions.is_long(wanted))

    def _take(self, request: ImageRequest, answer: Reaction | Explanation | Lights) -> None:
        self._asked = None
        self.questions.take(request, answer)
        self._go_on_if_idle()

    def _fail(self, request: ImageRequest, error: BaseException) -> None:
        self._asked = None
        self.questions.fail(request, error)
        self._go_on_if_idle()

    def _go_on_if_idle(self) -> None:
        if self._asked is None:
            self._go_on()

    # -- showing

    def _show(self) -> None:
        questions = self.questions
        for place, view in enumerate(self.views):
            reaction = questions.reaction(place)
            if self._shown[place] is not reaction:
                view.set_pixels(reaction.image.pixels if reaction is not None else None)
        self._shown = (questions.reaction(0), questions.reaction(1), self._shown[2])
        self.views[0].set_square(questions.square, self._fill_colour())
        self.whole_button.setVisible(questions.square is not None)
        self.square_label.setText(questions.square_words)
        names = [given.name for given in questions.given if given is not None]
        self.title.setText(" · ".join(names))
        self.prepared.setText(questions.preparation_words)
        self.prepared.setToolTip(style.tip(questions.preparation_words))
        self.bars.show_rows(questions.answer_rows(self.bars.most))
        self.lit_by.setVisible(questions.given[1] is not None)
        self.lit_by.set_value(questions.lit_by)
        self.lit_line.setText(questions.lit_words)
        if not self.find_button.isVisible():
            self._say_problem(questions.problem)
        self._show_lights(questions.lights)
        self._show_strip()

    def _fill_colour(self) -> str:
        reaction = self.questions.reaction(0)
        if self.questions.fill != "mean" or reaction is None:
            return _FILL_COLOURS.get(self.questions.fill, "#808080")
        return "#{:02X}{:02X}{:02X}".format(*reaction.image.pixels.reshape(-1, 3).mean(0).round().astype(int).tolist())

    def _show_lights(self, lights: Lights | None) -> None:
        if lights is None or lights is self._shown[2]:
            return
        self._shown = (*self._shown[:2], lights)
        self.canvas.set_theme(self.session.view.theme)
        self.canvas.set_scene(lights.display)
        self._outline()

    def _outline(self) -> None:
        node, _, number = self.questions.neuron.rpartition(":")
        self.canvas.set_selected((Target("neuron", node, (int(number),)),) if node else ())

    def _show_strip(self) -> None:
        questions, theme = self.questions, style.theme_named(self.session.view.theme)
        rows = questions.explained_rows()
        methods = METHODS_SHOWN if rows else ()
        size = float(self.strip.viewport().width()), float(self.strip.viewport().height())
        best = questions.best_patches(theme) if rows else []
        scene = strip_scene(questions.title, questions.line, methods, rows, best, size, theme)
        self.strip.set_scene(scene, theme.ground, theme.ink)

    def _say_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    # -- pointing and keys

    def _clicked(self, hit: Hit | None) -> None:
        if hit is None:
            self.questions.choose_neuron("")
        elif hit.target.kind == "neuron" and hit.target.node != self._input_name():
            self.questions.choose_neuron(f"{hit.target.node}:{hit.target.members[0]}")
        self._outline()

    def _input_name(self) -> str:
        return self.session.analysis.data.input_name if self.session.analysis is not None else ""

    def _double_clicked(self, hit: Hit | None) -> None:
        if hit is None:
            self.canvas.fit()
        elif hit.target.kind == "neuron":
            self.chosen.emit(hit.target)

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Paste by its keys; Escape stops what is being computed."""
        if event.matches(QtGui.QKeySequence.Paste):
            self.paste()
        elif event.key() == Qt.Key_Escape and self._asked is not None:
            self.cancel()
        else:
            super().keyPressEvent(event)

    def shutdown(self) -> None:
        """Stop listening and working, before the tab is closed."""
        self._stop_camera()
        self.session.view_changed.disconnect(self._view_changed)
        self.session.picture_changed.disconnect(self._picture_changed)
        self.cancel()
        self._work.close(0)


def _thumbnail(given: GivenImage) -> QImage:
    assert given.pixels is not None
    return to_image(given.pixels).scaled(56, 56, Qt.KeepAspectRatio, Qt.FastTransformation)
