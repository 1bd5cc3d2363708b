"""Shows a neuron's own page in a tab beside the picture."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.viewer.canvas.page_view import PageView
from cnnvis_caffe.viewer.canvas.scene_index import Hit
from cnnvis_caffe.viewer.model.describe import neuron_name
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.pages.consent_dialog import ask_for_consent
from cnnvis_caffe.viewer.pages.model_files import ask_for_files
from cnnvis_caffe.viewer.qt import QHBoxLayout, Qt, QtGui, QtWidgets, QVBoxLayout, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.work.tasks import deconvolutions, page_of, python_layers_of
from cnnvis_caffe.viewer.work.threads import Job, Jobs


class NeuronTab(QWidget):
    """Shows the page of one neuron; follows the snapshot and the theme.

    Deconvolutions are made when they are asked for: they need the model and take seconds.

    Signals
    -------
    chosen : Target
        A neuron or class on the page was clicked.
    pointed : (Target or None)
    went_on : ()
        To the page of another neuron.
    """

    chosen = Signal(object)
    went_on = Signal()
    pointed = Signal(object)

    def __init__(self, session: Session, jobs: Jobs, node: str, neuron: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self._jobs = session, jobs
        self.node, self.neuron = node, neuron
        self._shown: tuple | None = None
        self._projections: dict[tuple[str, str, int], dict[int, np.ndarray]] = {}
        self._job: Job | None = None
        self._build()
        self.back.clicked.connect(lambda: self.chosen.emit(self.target))
        self.previous.clicked.connect(lambda: self.go_to(self.node, self.neuron - 1))
        self.next.clicked.connect(lambda: self.go_to(self.node, self.neuron + 1))
        self.page.clicked.connect(self._clicked)
        self.page.double_clicked.connect(self._double_clicked)
        self.page.hovered.connect(lambda hit: self.pointed.emit(hit.target if hit is not None else None))
        session.view_changed.connect(self._view_changed)
        self.refresh()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(style.MARGIN, 6, style.MARGIN, 6)
        row.setSpacing(style.SPACE)
        self.back = QtWidgets.QPushButton("Show in the picture")
        self.previous, self.next = QtWidgets.QToolButton(), QtWidgets.QToolButton()
        for button, icon, name in ((self.previous, "left", "Neuron before"), (self.next, "right", "Neuron after")):
            button.setIcon(style.icon(icon))
            button.setProperty("cnnvis_icon", icon)
            button.setToolTip(name)
            button.setAccessibleName(name)
        self.title = style.label("", "title")
        for widget in (self.previous, self.next, self.title):
            row.addWidget(widget)
        row.addStretch(1)
        self.project = QtWidgets.QPushButton()
        self.project.clicked.connect(self._project)
        row.addWidget(self.project)
        row.addWidget(self.back)
        layout.addWidget(head)
        self.trouble = style.label("", "warning")
        self.trouble.setWordWrap(True)
        self.trouble.setTextInteractionFlags(Qt.TextSelectableByMouse)
        self.trouble.setContentsMargins(style.MARGIN, 0, style.MARGIN, style.SPACE)
        self.trouble.hide()
        layout.addWidget(self.trouble)
        layout.addWidget(style.rule())
        self.page = PageView()
        layout.addWidget(self.page, 1)

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
        self.went_on.emit()

    def _view_changed(self, view: View) -> None:
        self.refresh()

    def refresh(self) -> None:
        """Make the page of what is to be seen now, if it is another one."""
        session = self.session
        if session.analysis is None or session.snapshot is None:
            return
        key = (session.snapshot.label, self.node, self.neuron)
        projections = self._projections.get(key, {})
        shown = (self.node, self.neuron, session.snapshot.label, session.view.theme, bool(projections))
        if shown == self._shown:
            return
        if self._shown is None or self._shown[:3] != shown[:3]:
            self._stop_projecting()
            self.trouble.hide()
        self._shown = shown
        self._show_button()
        self.title.setText(self.name)
        for button in (self.previous, self.next):
            button.setIcon(style.icon(button.property("cnnvis_icon")))
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
            projections,
            succeeded=lambda scene: self._show(shown, scene),
        )

    def _show(self, shown: tuple, scene: Scene) -> None:
        if shown == self._shown:
            theme = style.theme_named(shown[3])
            self.page.set_scene(scene, theme.ground, theme.ink)

    # -- deconvolutions

    def _key(self) -> tuple[str, str, int]:
        snapshot = self.session.snapshot
        return (snapshot.label if snapshot is not None else "", self.node, self.neuron)

    def _show_button(self) -> None:
        """Say what the button does now."""
        is_running = self._job is not None
        self.project.setText("Cancel" if is_running else "Deconvolve")
        self.project.setEnabled(is_running or self._key() not in self._projections)
        self.project.setToolTip(
            "Stop it"
            if is_running
            else "Project its strongest images back to the pixels; needs the model of the analysis"
        )

    def _project(self) -> None:
        """Ask for deconvolutions, or stop what was asked for."""
        if self._job is not None:
            self._stop_projecting()
            return
        analysis = self.session.analysis
        if analysis is None:
            return
        trouble = ask_for_files(self.session, self)
        if trouble:
            self._say_trouble(trouble)
        elif trouble is not None:
            codes = python_layers_of(analysis, self._key()[0], self.session.model_places)
            ask_for_consent(codes, lambda: self._begin_projecting(bool(codes)), self)

    def _begin_projecting(self, may_run_code: bool) -> None:
        key = self._key()
        self.trouble.hide()
        self._job = self._jobs.start(
            deconvolutions,
            self.session.analysis,
            *key,
            may_run_code,
            self.session.model_places,
            succeeded=lambda found: self._projected(key, found),
            failed=lambda error: self._not_projected(key, error),
        )
        self._show_button()

    def _stop_projecting(self) -> None:
        if self._job is not None:
            job, self._job = self._job, None
            job.cancel()
        self._show_button()

    def _projected(self, key: tuple[str, str, int], found: dict[int, np.ndarray]) -> None:
        self._projections[key] = found
        if key == self._key():
            self._job = None
            self._show_button()
            self.refresh()

    def _not_projected(self, key: tuple[str, str, int], error: BaseException) -> None:
        if key == self._key():
            self._job = None
            self._show_button()
            self._say_trouble(str(error))

    def _say_trouble(self, text: str) -> None:
        self.trouble.setText(f"No deconvolution: {text}")
        self.trouble.show()

    def shutdown(self) -> None:
        """Stop listening and working, before the tab is closed."""
        self.session.view_changed.disconnect(self._view_changed)
        self._stop_projecting()

    # -- pointing

    def _clicked(self, hit: Hit | None) -> None:
        if hit is not None and hit.target.kind == "class":
            self.chosen.emit(hit.target)

    def _double_clicked(self, hit: Hit | None) -> None:
        if hit is not None and hit.target.kind == "neuron" and hit.target.members:
            self.go_to(hit.target.node, hit.target.members[0])

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Left and right go from neuron to neuron."""
        step = {Qt.Key_Left: -1, Qt.Key_Right: 1}.get(event.key())
        if step is not None:
            self.go_to(self.node, self.neuron + step)
        else:
            super().keyPressEvent(event)
