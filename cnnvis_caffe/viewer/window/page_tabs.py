"""Shows the network and the pages beside it, one tab each."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.canvas.page_view import PageView
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.pages.image_tab import ImageTab
from cnnvis_caffe.viewer.pages.layer_tab import LayerTab
from cnnvis_caffe.viewer.pages.mistakes_tab import MistakesTab
from cnnvis_caffe.viewer.pages.neuron_tab import NeuronTab
from cnnvis_caffe.viewer.pages.scene_tab import SceneTab
from cnnvis_caffe.viewer.qt import Qt, QtWidgets, QVBoxLayout, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.work.threads import Jobs


class PageTabs(QWidget):
    """The pages with their tabs; these are hidden while there is the network alone.

    Signals
    -------
    chosen : (Session, Target)
        Something on a page was clicked that is to be shown in the picture.
    opened : (Session, Target)
        Something on a page has a page of its own, which is to be opened.
    pointed : (Session, Target or None)
    turned : ()
        To another page.
    """

    chosen = Signal(object, object)
    opened = Signal(object, object)
    turned = Signal()
    pointed = Signal(object, object)

    def __init__(self, network: QWidget, session: Session, jobs: Jobs) -> None:
        super().__init__()
        self._session, self._jobs = session, jobs
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.tabs = QtWidgets.QTabBar()
        self.tabs.setDocumentMode(True)
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(False)
        self.tabs.setTabsClosable(False)
        self.tabs.setMovable(False)
        self.tabs.setElideMode(Qt.ElideMiddle)
        self.tabs.setAccessibleName("Pages")
        self.tabs.setContextMenuPolicy(Qt.NoContextMenu)
        self.tabs.hide()
        self._stack = QtWidgets.QStackedWidget()
        self._stack.addWidget(network)
        self.tabs.addTab("Network")
        layout.addWidget(self.tabs)
        layout.addWidget(self._stack, 1)
        self.tabs.currentChanged.connect(self._show)
        self.tabs.tabCloseRequested.connect(self.close_page)

    @property
    def current(self) -> QWidget:
        """Return the page that is seen."""
        return self._stack.currentWidget()

    def show_network(self) -> None:
        """Leave the pages."""
        self.tabs.setCurrentIndex(0)

    def open_neuron(self, session: Session, node: str, neuron: int) -> None:
        """Open the page of a neuron, or go to it."""
        self._open(session, ("neuron", node, neuron), lambda: NeuronTab(session, self._jobs, node, neuron))

    def open_layer(self, session: Session, target: Target) -> None:
        """Open the page of a layer, a cluster or several neurons, or go to it."""
        key = "layer", target.node, target.members
        self._open(session, key, lambda: LayerTab(session, self._jobs, target))

    def open_mistakes(self, session: Session) -> None:
        """Open the page of mistakes, or go to it."""
        self._open(session, "mistakes", lambda: MistakesTab(session, self._jobs))

    def open_image(self, session: Session) -> ImageTab:
        """Open the page of an image, or go to it."""
        page: ImageTab = self._open(session, ImageTab.key, lambda: ImageTab(session))
        return page

    def _open(self, session: Session, key: Hashable, make: Callable[[], SceneTab | ImageTab]) -> Any:
        """Open a page, or go to it where it is open; return it."""
        for at in range(1, self.tabs.count()):
            page = self._stack.widget(at)
            if (page.session, page.key) == (session, key):
                self.tabs.setCurrentIndex(at)
                return page
        page = make()
        self._add(page, session)
        page.setFocus(Qt.OtherFocusReason)
        return page

    @property
    def shows_image(self) -> bool:
        """Return whether the page of an image is seen, which needs the whole window."""
        return isinstance(self.current, ImageTab)

    @property
    def is_busy(self) -> bool:
        """Return whether a page still computes something."""
        pages = (self._stack.widget(at) for at in range(1, self._stack.count()))
        return any(isinstance(page, ImageTab) and page.is_busy for page in pages)

    def _add(self, page: SceneTab | ImageTab, session: Session) -> None:
        page.chosen.connect(lambda target: self.chosen.emit(session, target))
        page.opened.connect(lambda target: self.opened.emit(session, target))
        page.pointed.connect(lambda target: self.pointed.emit(session, target))
        page.went_on.connect(lambda: self._went_on(page))
        self._stack.addWidget(page)
        at = self.tabs.addTab(self._label(page))
        self._add_close_button(at)
        self.tabs.show()
        self.tabs.setCurrentIndex(at)

    def close_page(self, at: int) -> None:
        """Close a page; the network stays."""
        if at <= 0 or at >= self.tabs.count():
            return
        page = self._stack.widget(at)
        page.shutdown()
        self.tabs.setCurrentIndex(0)
        self.tabs.removeTab(at)
        self._stack.removeWidget(page)
        page.deleteLater()
        self.tabs.setVisible(self.tabs.count() > 1)

    def close_pages(self, session: Session | None = None) -> None:
        """Close the pages, all or those of one session."""
        for at in range(self.tabs.count() - 1, 0, -1):
            if session is None or self._stack.widget(at).session is session:
                self.close_page(at)

    def _show(self, at: int) -> None:
        if 0 <= at < self._stack.count():
            focused = self.window().focusWidget()
            had_focus = focused is not None and self._stack.isAncestorOf(focused)
            self._stack.setCurrentIndex(at)
            page = self._stack.widget(at)
            view = page.findChild(PageView)
            if had_focus and view is not None:  # Qt would choose the page's first button
                view.setFocus(Qt.OtherFocusReason)
            if at > 0 and page.target is not None:  # what is looked at is selected everywhere
                page.session.select(page.target)
            self.turned.emit()

    def _label(self, page: SceneTab | ImageTab) -> str:
        """What a tab says: also the snapshot, where it is of the picture on the right."""
        snapshot = page.session.snapshot
        is_beside = page.session is not self._session and snapshot is not None
        return f"{page.name}  ({snapshot.label})" if is_beside and snapshot is not None else page.name

    def _went_on(self, page: SceneTab | ImageTab) -> None:
        """Follow a page that went on to another neuron."""
        at = self._stack.indexOf(page)
        self.tabs.setTabText(at, self._label(page))
        if at == self.tabs.currentIndex() and page.target is not None:
            page.session.select(page.target)

    def _add_close_button(self, at: int) -> None:
        """Give a tab a button of ours: Qt's own ones would stay behind it, one for each page that ever was."""
        button = style.close_button()
        button.setAccessibleName(f"Close {self.tabs.tabText(at)}")
        page = self._stack.widget(at)
        button.clicked.connect(lambda: self.close_page(self._stack.indexOf(page)))
        self.tabs.setTabButton(at, QtWidgets.QTabBar.RightSide, button)
