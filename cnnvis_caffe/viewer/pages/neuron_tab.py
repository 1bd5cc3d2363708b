"""Shows a neuron's own page in a tab beside the picture."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np

from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.viewer.canvas.scene_index import Hit
from cnnvis_caffe.viewer.model.describe import neuron_name
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.pages.consent_dialog import ask_for_consent
from cnnvis_caffe.viewer.pages.model_files import ask_for_files
from cnnvis_caffe.viewer.pages.scene_tab import SceneTab
from cnnvis_caffe.viewer.qt import Qt, QtGui, QtWidgets, QWidget
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.work.tasks import deconvolutions, page_of, python_layers_of
from cnnvis_caffe.viewer.work.threads import Job, Jobs


class NeuronTab(SceneTab):
    """Shows the page of one neuron; follows the snapshot and the theme.

    Deconvolutions are made when they are asked for: they need the model and take seconds.
    """

    def __init__(self, session: Session, jobs: Jobs, node: str, neuron: int, parent: QWidget | None = None) -> None:
        self.node, self.neuron = node, neuron
        self._projections: dict[tuple[str, str, int], dict[int, np.ndarray]] = {}
        self._job: Job | None = None
        self._about: tuple[str, str, int] | None = None
        super().__init__(session, jobs, parent)
        self.back.clicked.connect(lambda: self.chosen.emit(self.target))
        self.previous.clicked.connect(lambda: self.go_to(self.node, self.neuron - 1))
        self.next.clicked.connect(lambda: self.go_to(self.node, self.neuron + 1))
        self.refresh()

    def fill_head(self) -> None:
        """Put the title and buttons into the head."""
        row = self.head
        self.back = QtWidgets.QPushButton("Show in the picture")
        self.previous, self.next = QtWidgets.QToolButton(), QtWidgets.QToolButton()
        for button, icon, name in ((self.previous, "left", "Neuron before"), (self.next, "right", "Neuron after")):
            button.setIcon(style.icon(icon))
            button.setProperty("cnnvis_icon", icon)
            button.setToolTip(name)
            button.setAccessibleName(name)
        for widget in (self.previous, self.next, self.title):
            row.addWidget(widget)
        row.addStretch(1)
        self.project = QtWidgets.QPushButton()
        self.project.clicked.connect(self._project)
        row.addWidget(self.project)
        row.addWidget(self.back)

    @property
    def key(self) -> Hashable:
        """The neuron."""
        return "neuron", self.node, self.neuron

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

    def what_to_show(self) -> tuple[Hashable, ...]:
        """Return what the scene depends on."""
        return (self.node, self.neuron, bool(self._projections.get(self._key())))

    def make(self) -> tuple[Callable[..., Scene], tuple[object, ...]]:
        """Lay out the page of the neuron."""
        key = self._key()
        return page_of, (self.session.analysis, *key, self._projections.get(key, {}))

    def refresh(self) -> None:
        """Make the page of what is to be seen now, if it is another one."""
        snapshot, key = self.session.snapshot, self._key()
        if snapshot is None:
            return
        if key != self._about:
            self._about = key
            self._stop_projecting()
            self.say_trouble("")
        super().refresh()
        self._show_button()
        for button in (self.previous, self.next):
            button.setIcon(style.icon(button.property("cnnvis_icon")))
        self.previous.setEnabled(self.neuron > 0)
        self.next.setEnabled(self.neuron + 1 < snapshot.features[self.node].n_neurons)

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
            self._say_no_deconvolution(trouble)
        elif trouble is not None:
            codes = python_layers_of(analysis, self._key()[0], self.session.model_places)
            ask_for_consent(codes, lambda: self._begin_projecting(bool(codes)), self)

    def _begin_projecting(self, may_run_code: bool) -> None:
        key = self._key()
        self.say_trouble("")
        self._job = self.jobs.start(
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
            self._say_no_deconvolution(str(error))

    def _say_no_deconvolution(self, text: str) -> None:
        self.say_trouble(f"No deconvolution: {text}")

    def shutdown(self) -> None:
        """Stop listening and working, before the tab is closed."""
        super().shutdown()
        self._stop_projecting()

    # -- pointing

    def answer_double_click(self, hit: Hit | None) -> None:
        """Go to another neuron that was double-clicked."""
        if hit is not None and hit.target.kind == "neuron" and hit.target.members:
            self.go_to(hit.target.node, hit.target.members[0])

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:  # noqa: N802
        """Left and right go from neuron to neuron."""
        step = {Qt.Key_Left: -1, Qt.Key_Right: 1}.get(event.key())
        if step is not None:
            self.go_to(self.node, self.neuron + step)
        else:
            super().keyPressEvent(event)
