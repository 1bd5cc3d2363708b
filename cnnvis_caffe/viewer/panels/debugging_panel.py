"""The line chart of debugging information under the picture, and the fields that choose it."""

from __future__ import annotations

from cnnvis_caffe.edits.kinds import ChooseSnapshot
from cnnvis_caffe.readings.debugging import QUANTITIES, TRAINING, chart_of
from cnnvis_caffe.records.chart import Chart
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.chart.line_chart import LineChart
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import QHBoxLayout, QVBoxLayout, QWidget, Signal
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.inputs import Dropdown


class DebuggingPanel(QWidget):
    """Shows one chart of the analysis, and follows view and selection.

    Signals
    -------
    node_chosen : str
        A point or the name of a layer was clicked.
    pointed : str
        The point under the pointer, in words; empty for none.
    """

    node_chosen = Signal(str)
    pointed = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.chart: Chart | None = None
        self._shown: tuple | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(style.MARGIN, 2, style.MARGIN, 4)
        layout.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(style.SPACE)
        options = [(name, quantity.title) for name, quantity in QUANTITIES.items()]
        options += [(name, title) for name, title in TRAINING.items()]
        self.quantity = Dropdown("Quantity", options)
        self.level = Dropdown("By", (("layer", "by layer"), ("iteration", "over snapshots")))
        self.note = style.label(role="muted")
        self.note.setMinimumWidth(10)
        for widget in (self.quantity, self.level):
            widget.setFixedHeight(24)
            row.addWidget(widget)
        row.addWidget(self.note, 1)
        layout.addLayout(row)
        self.plot = LineChart()
        layout.addWidget(self.plot, 1)
        self.quantity.chosen.connect(lambda _: self.refresh())
        self.level.chosen.connect(lambda _: self.refresh())
        self.plot.point_clicked.connect(self._clicked)
        self.plot.pointed.connect(self.pointed)
        session.analysis_changed.connect(self._analysis_changed)
        session.view_changed.connect(lambda _: self.refresh())
        session.picture_changed.connect(lambda _: self._levels())
        session.selection_changed.connect(self._selected)

    def _analysis_changed(self) -> None:
        self._shown = None
        analysis = self.session.analysis
        if analysis is not None:
            # Begin with the first quantity that is known.
            for name in (*("relative_change", "mean_abs_gradient", "mean_abs_weight"), *TRAINING):
                chart = self._make(name, "layer")
                if chart.series:
                    self.quantity.set_value(name)
                    break
        self._levels()
        self.refresh()

    def _levels(self) -> None:
        aggregation = self.session.aggregation
        options = [("layer", "by layer"), ("iteration", "over snapshots, all layers")]
        if aggregation is not None:
            options += [
                (f"group:{group.name}", f"over snapshots, {group.name}")
                for group in aggregation.groups
                if group.kind != "input"
            ]
        if [self.level.itemData(i) for i in range(self.level.count())] != [value for value, _ in options]:
            self.level.set_options(options)

    def _make(self, quantity: str, level: str) -> Chart:
        session = self.session
        assert session.analysis is not None
        group = session.group_of(level[6:]) if level.startswith("group:") else None
        nodes, title = (group.nodes, group.name) if group is not None else ((), "")
        by = "layer" if level == "layer" else "iteration"
        return chart_of(session.analysis, quantity, by=by, snapshot=session.view.snapshot, nodes=nodes, title=title)

    def refresh(self) -> None:
        """Show the chosen chart, if it is another one than before."""
        if self.session.analysis is None or self.session.snapshot is None:
            return
        wanted = (
            self.session.analysis,
            self.quantity.value,
            self.level.value,
            self.session.snapshot.label,
            self.session.view.theme,
        )
        if wanted == self._shown:
            return
        self._shown = wanted
        self.level.setEnabled(self.quantity.value not in TRAINING)
        self.chart = self._make(self.quantity.value, self.level.value)
        self.plot.show_chart(self.chart, style.theme_named(self.session.view.theme))
        self._show_note()
        self._selected(self.session.selection)

    def _show_note(self) -> None:
        assert self.chart is not None
        parts = [*self.chart.notes]
        if self.chart.y.is_log:
            parts.append("logarithmic axis")
        text = " · ".join(parts)
        self.note.setToolTip(style.tip(text))
        self.note.setText(text)

    def _selected(self, target: Target | None) -> None:
        node = ""
        if target is not None and target.node and self.session.analysis is not None:
            try:
                found = self.session.analysis.node(target.node)
                node = target.node if self._has(found.name) else found.owner
            except KeyError:
                group = self.session.group_of(target.node)
                node = group.nodes[0] if group is not None else ""
        self.plot.mark_node(node)

    def _has(self, node: str) -> bool:
        return self.chart is not None and any(node in series.nodes for series in self.chart.series)

    def _clicked(self, node: str, snapshot: str) -> None:
        session = self.session
        if session.analysis is None:
            return
        by_layer = self.chart is not None and bool(self.chart.x.labels) and bool(node)
        if snapshot and session.snapshot is not None and snapshot != session.snapshot.label:
            last = session.analysis.snapshots[-1].label
            session.apply(ChooseSnapshot("" if snapshot == last else snapshot))
        if node and (by_layer or not snapshot):
            self.node_chosen.emit(node)
