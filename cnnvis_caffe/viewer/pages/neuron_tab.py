"""A neuron's own page in a tab beside the picture."""

from __future__ import annotations

from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.viewer import look
from cnnvis_caffe.viewer.canvas.page_view import PageView
from cnnvis_caffe.viewer.describe import neuron_name
from cnnvis_caffe.viewer.qt import QHBoxLayout, Qt, QtWidgets, QVBoxLayout, QWidget, Signal
from cnnvis_caffe.viewer.session import Session
from cnnvis_caffe.viewer.stages import page_of
from cnnvis_caffe.viewer.worker import Jobs


class NeuronTab(QWidget):
    """Shows the page of one neuron; follows the snapshot and the theme.

    Signals
    -------
    chosen : Target
        A neuron or class on the page was clicked.
    pointed : (Target or None)
    """

    chosen = Signal(object)
    pointed = Signal(object)

    def __init__(self, session: Session, jobs: Jobs, node: str, neuron: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self._jobs = session, jobs
        self.node, self.neuron = node, neuron
        self._wanted: tuple | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(look.MARGIN, 6, look.MARGIN, 6)
        row.setSpacing(look.SPACE)
        self.back = QtWidgets.QPushButton("Show in the picture")
        self.previous, self.next = QtWidgets.QToolButton(), QtWidgets.QToolButton()
        for button, icon, name in ((self.previous, "left", "Neuron before"), (self.next, "right", "Neuron after")):
            button.setIcon(look.icon(icon))
            button.setProperty("cnnvis_icon", icon)
            button.setToolTip(name)
            button.setAccessibleName(name)
        self.title = look.label("", "title")
        for widget in (self.previous, self.next, self.title):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.back)
        layout.addWidget(head)
        layout.addWidget(look.rule())
        self.page = PageView()
        layout.addWidget(self.page, 1)
        self.back.clicked.connect(lambda: self.chosen.emit(self.target))
        self.previous.clicked.connect(lambda: self.go_to(self.node, self.neuron - 1))
        self.next.clicked.connect(lambda: self.go_to(self.node, self.neuron + 1))
        self.page.clicked.connect(self._clicked)
        self.page.double_clicked.connect(self._double_clicked)
        self.page.hovered.connect(lambda hit: self.pointed.emit(hit.target if hit is not None else None))
        # A method, not a lambda: Qt forgets it when the tab is closed.
        session.view_changed.connect(self._view_changed)
        self.refresh()

    @property
    def target(self) -> Target:
        """The neuron."""
        return Target("neuron", self.node, (self.neuron,))

    @property
    def name(self) -> str:
        """For the tab."""
        return neuron_name(self.node, self.neuron)

    def go_to(self, node: str, neuron: int) -> None:
        """Show another neuron."""
        snapshot = self.session.snapshot
        features = snapshot.features.get(node) if snapshot is not None else None
        if features is None or not 0 <= neuron < features.n_neurons:
            return
        self.node, self.neuron = node, neuron
        self.refresh()

    def _view_changed(self, view: View) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Make the page of what is to be seen now, if it is another one."""
        session = self.session
        if session.analysis is None or session.snapshot is None:
            return
        wanted = (self.node, self.neuron, session.snapshot.label, session.view.theme)
        if wanted == self._wanted:
            return
        self._wanted = wanted
        self.title.setText(self.name)
        for button in (self.previous, self.next):
            button.setIcon(look.icon(button.property("cnnvis_icon")))
        features = session.snapshot.features[self.node]
        self.previous.setEnabled(self.neuron > 0)
        self.next.setEnabled(self.neuron + 1 < features.n_neurons)
        self._jobs.start(
            page_of,
            session.analysis,
            session.snapshot.label,
            self.node,
            self.neuron,
            session.view.theme,
            succeeded=lambda scene: self._show(wanted, scene),
        )

    def _show(self, wanted: tuple, scene: Scene) -> None:
        if wanted == self._wanted:
            theme = look.theme_named(wanted[3])
            self.page.set_scene(scene, theme.ground, theme.ink)

    def _clicked(self, hit) -> None:
        if hit is not None and hit.target.kind == "class":
            self.chosen.emit(hit.target)

    def _double_clicked(self, hit) -> None:
        if hit is not None and hit.target.kind == "neuron" and hit.target.members:
            self.go_to(hit.target.node, hit.target.members[0])

    def keyPressEvent(self, event) -> None:  # noqa: N802
        """Left and right go from neuron to neuron."""
        step = {Qt.Key_Left: -1, Qt.Key_Right: 1}.get(event.key())
        if step is not None:
            self.go_to(self.node, self.neuron + step)
        else:
            super().keyPressEvent(event)
