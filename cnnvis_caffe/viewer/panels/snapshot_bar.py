"""Goes through the snapshots by a slider under the picture."""

from __future__ import annotations

from cnnvis_caffe.records.analysis import Snapshot
from cnnvis_caffe.text.words import figure, percent
from cnnvis_caffe.viewer.model import edit_actions
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import QFrame, QHBoxLayout, QSize, Qt, QTimer, QtWidgets, QWidget
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.inputs import Line

PLAY_MS = 900
#: Room of a snapshot's label on the button, in pixels.
WIDEST_LABEL = 110


class SnapshotBar(QFrame):
    """Goes through the snapshots; hidden where there is one."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setProperty("role", "bar")
        row = QHBoxLayout(self)
        row.setContentsMargins(style.MARGIN, 4, style.MARGIN, 4)
        row.setSpacing(style.SPACE)
        row.addWidget(style.label("Snapshot", "muted"))
        self.back = self._button("left", "Snapshot before")
        self.play = self._button("play", "Play the training")
        self.play.setCheckable(True)
        self.forth = self._button("right", "Snapshot after")
        self.slider = QtWidgets.QSlider(Qt.Horizontal)
        self.slider.setAccessibleName("Snapshot")
        self.slider.setPageStep(1)
        self.slider.setTickPosition(QtWidgets.QSlider.NoTicks)
        self.slider.setMinimumSize(72, 22)
        self.label = Line()
        self.label.setAlignment(Qt.AlignRight | Qt.AlignVCenter)
        self.clusters = QtWidgets.QPushButton()
        self.clusters.setStyleSheet("padding: 1px 10px;")
        self.clusters.clicked.connect(lambda: edit_actions.do_action("cluster_here", session))
        for widget in (self.back, self.play, self.forth):
            row.addWidget(widget)
        row.addWidget(self.slider, 1)
        row.addWidget(self.label)
        row.addSpacing(style.SPACE)
        row.addWidget(self.clusters)
        self._timer = QTimer(self)
        self._timer.setInterval(PLAY_MS)
        self._timer.timeout.connect(self._next)
        self.slider.valueChanged.connect(self._moved)
        self.back.clicked.connect(lambda: self._step(-1))
        self.forth.clicked.connect(lambda: self._step(1))
        self.play.toggled.connect(self._toggle_play)
        session.analysis_changed.connect(self._analysis_changed)
        session.view_changed.connect(lambda _: self._show())
        self.hide()

    def _button(self, icon: str, name: str) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton()
        button.setProperty("cnnvis_icon", icon)
        button.setIcon(style.icon(icon))
        button.setIconSize(QSize(14, 14))
        button.setToolTip(name)
        button.setAccessibleName(name)
        return button

    def restyle(self) -> None:
        """Draw the icons in the colours of another theme."""
        for button in (self.back, self.play, self.forth):
            button.setIcon(style.icon(button.property("cnnvis_icon")))

    def _analysis_changed(self) -> None:
        analysis = self.session.analysis
        self.play.setChecked(False)
        n = len(analysis.snapshots) if analysis is not None else 0
        self.setVisible(n > 1)
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(n - 1, 0))
        self.slider.blockSignals(False)
        if analysis is not None:
            # What grew and shrank would move the slider under the pointer.
            whole = max(self.label.width_of(self._texts(snapshot)[0]) for snapshot in analysis.snapshots)
            least = max(self.label.width_of(snapshot.label) for snapshot in analysis.snapshots)
            self.label.set_room(whole, min(least, WIDEST_LABEL))
            widths = []
            for snapshot in analysis.snapshots:
                self.clusters.setText(self._clusters_text(snapshot))
                widths.append(self.clusters.sizeHint().width())
            self.clusters.setFixedWidth(max(widths, default=0))
        self._show()

    @staticmethod
    def _texts(snapshot: Snapshot) -> list[str]:
        """What is said of a snapshot, from all of it to its label alone."""
        parts = [snapshot.label]
        if snapshot.error == snapshot.error:
            parts.append(f"error {percent(snapshot.error)}")
        if snapshot.loss == snapshot.loss:
            parts.append(f"loss {figure(snapshot.loss)}")
        return [" · ".join(parts[:n]) for n in range(len(parts), 0, -1)]

    def _clusters_text(self, snapshot: Snapshot) -> str:
        label = self.fontMetrics().elidedText(snapshot.label, Qt.ElideMiddle, WIDEST_LABEL)
        return f"Clusters of {label}"

    def _show(self) -> None:
        analysis = self.session.analysis
        if analysis is None:
            return
        kept = analysis.snapshot(self.session.view.clusters_of)
        shown = analysis.snapshots[self.session.snapshot_index]
        is_other = kept is not shown
        self.clusters.setText(self._clusters_text(kept))
        self.clusters.setEnabled(is_other)
        self.clusters.setToolTip(
            f"Clusters, sizes and places are those of {kept.label}, and stay from snapshot to snapshot."
            + (f"\nClick to see those of {shown.label}  (K)" if is_other else "")
        )
        self.slider.blockSignals(True)
        self.slider.setValue(self.session.snapshot_index)
        self.slider.blockSignals(False)
        text, *shorter = self._texts(analysis.snapshots[self.session.snapshot_index])
        self.label.setText(text, shorter)
        self.back.setEnabled(self.session.snapshot_index > 0)
        self.forth.setEnabled(self.session.snapshot_index < self.slider.maximum())

    def _moved(self, number: int) -> None:
        self.session.go_to_snapshot(number, together=self.slider.isSliderDown())

    def _step(self, by: int) -> None:
        self.session.go_to_snapshot(self.session.snapshot_index + by)

    def _toggle_play(self, on: bool) -> None:
        if on and self.session.snapshot_index == self.slider.maximum():
            self.session.go_to_snapshot(0)
        if on:
            self._timer.start()
        else:
            self._timer.stop()

    def _next(self) -> None:
        if self.session.is_busy:
            return
        if self.session.snapshot_index >= self.slider.maximum():
            self.play.setChecked(False)
        else:
            self.session.go_to_snapshot(self.session.snapshot_index + 1, together=True)
