"""The base of all pages beside the picture: a title, buttons, and a scene that follows the snapshot and the theme."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.viewer.canvas.page_view import PageView
from cnnvis_caffe.viewer.canvas.scene_index import Hit
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import QHBoxLayout, Qt, QVBoxLayout, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.work.threads import Jobs


class SceneTab(QWidget):
    """Shows a page; subclasses say which.

    Signals
    -------
    chosen : Target
        Something on the page is to be shown in the picture.
    opened : Target
        Something on the page has a page of its own, which is to be opened.
    pointed : (Target or None)
    went_on : ()
        The page is about something else now.
    """

    chosen = Signal(object)
    opened = Signal(object)
    pointed = Signal(object)
    went_on = Signal()

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self.jobs = session, jobs
        self.shown: tuple[Hashable, ...] | None = None
        self._build()
        self.page.clicked.connect(self.answer_click)
        self.page.double_clicked.connect(self.answer_double_click)
        self.page.hovered.connect(lambda hit: self.pointed.emit(hit.target if hit is not None else None))
        session.view_changed.connect(self._refresh_for)
        session.picture_changed.connect(self._refresh_for)

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self._head = QWidget()
        self.head = QHBoxLayout(self._head)
        self.head.setContentsMargins(style.MARGIN, 6, style.MARGIN, 6)
        self.head.setSpacing(style.SPACE)
        self.title = style.label("", "title")
        self.fill_head()
        layout.addWidget(self._head)
        self.trouble = style.label("", "warning")
        self.trouble.setWordWrap(True)
        self.trouble.setTextInteractionFlags(Qt.TextSelectableByMouse)
        self.trouble.setContentsMargins(style.MARGIN, 0, style.MARGIN, style.SPACE)
        self.trouble.hide()
        layout.addWidget(self.trouble)
        layout.addWidget(style.rule())
        self.page = PageView()
        layout.addWidget(self.page, 1)

    # -- what subclasses say

    def fill_head(self) -> None:
        """Put the title and buttons into the head."""
        self.head.addWidget(self.title)
        self.head.addStretch(1)

    @property
    def key(self) -> Hashable:
        """What the page is about: there is one page of each."""
        raise NotImplementedError

    @property
    def target(self) -> Target | None:
        """What is selected everywhere while the page is seen; None leaves the selection as it is."""
        return None

    @property
    def name(self) -> str:
        """For the tab."""
        raise NotImplementedError

    def what_to_show(self) -> tuple[Hashable, ...] | None:
        """Return what the scene depends on; None where there is nothing to show."""
        raise NotImplementedError

    def make(self) -> tuple[Callable[..., Scene], tuple[object, ...]]:
        """Return the work that makes the scene, and its arguments."""
        raise NotImplementedError

    def answer_click(self, hit: Hit | None) -> None:
        """Answer a click on the page: a class is chosen in the picture."""
        if hit is not None and hit.target.kind == "class":
            self.chosen.emit(hit.target)

    def answer_double_click(self, hit: Hit | None) -> None:
        """Answer a double click: a neuron's page opens."""
        if hit is not None and hit.target.kind == "neuron" and hit.target.members:
            self.opened.emit(hit.target)

    # -- the scene

    def _refresh_for(self, _: object) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Make the page of what is to be seen now, if it is another one."""
        session = self.session
        if session.analysis is None or session.snapshot is None:
            return
        what = self.what_to_show()
        if what is None:
            return
        shown = (*what, session.snapshot.label, session.view.theme)
        if shown == self.shown:
            return
        self.shown = shown
        self.title.setText(self.name)
        work, arguments = self.make()
        theme = session.view.theme
        self.jobs.start(
            work,
            *arguments,
            theme,
            succeeded=lambda scene: self._show(shown, scene, theme),
            failed=lambda error: self._fail(shown, error),
        )

    def _show(self, shown: tuple[Hashable, ...], scene: Scene, theme_name: str) -> None:
        if shown == self.shown:
            theme = style.theme_named(theme_name)
            self.page.set_scene(scene, theme.ground, theme.ink)

    def _fail(self, shown: tuple[Hashable, ...], error: BaseException) -> None:
        if shown == self.shown:
            self.say_trouble(str(error))

    def say_trouble(self, text: str) -> None:
        """Say above the page what went wrong; nothing hides it."""
        self.trouble.setText(text)
        self.trouble.setVisible(bool(text))

    def shutdown(self) -> None:
        """Stop listening and working, before the tab is closed."""
        self.session.view_changed.disconnect(self._refresh_for)
        self.session.picture_changed.disconnect(self._refresh_for)
