"""Lists neurons with what they do for the chosen classes; sorts, filters and selects them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from cnnvis_caffe.readings.neurons import NeuronNumbers
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.table_files import Part
from cnnvis_caffe.viewer.model.neuron_list import (
    COLUMNS,
    EVERYWHERE,
    IN_PICTURE,
    NAMES,
    Measurements,
    NeuronList,
    chosen_words,
    layers_to_list,
    state_line,
)
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import (
    QHBoxLayout,
    QLineEdit,
    QModelIndex,
    QPoint,
    Qt,
    QtCore,
    QtGui,
    QtWidgets,
    QVBoxLayout,
    QWidget,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.inputs import Check, Dropdown, Line
from cnnvis_caffe.viewer.widgets.table import Table, TableModel
from cnnvis_caffe.viewer.work.threads import Job, Jobs

WIDTHS = {"layer": 160, "neuron": 76, "cluster": 76, "strongest": 130, "dead": 68, "redundant": 140}
WIDTH = 108
LAYERS_WIDTH, FILTER_WIDTH = 150, 220


class NeuronsModel(TableModel):
    """The rows of a `NeuronList`."""

    titles = tuple(column.title for column in COLUMNS)
    tips = tuple(column.tip for column in COLUMNS)
    words = ("layer", "strongest", "dead", "redundant")

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.neurons: NeuronList | None = None

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """Return how many neurons are listed."""
        return 0 if parent.isValid() or self.neurons is None else len(self.neurons.rows)

    def text(self, row: int, column: int) -> str:
        """Return the words of a cell."""
        return self.neurons.cell(row, NAMES[column]) if self.neurons is not None else ""

    def is_text(self, column: int) -> bool:
        """Return whether a column has words, rather than numbers."""
        return NAMES[column] in self.words

    def change(self, function: Callable[[], None]) -> None:
        """Do something that changes the rows."""
        self.beginResetModel()
        try:
            function()
        finally:
            self.endResetModel()


class NeuronsPanel(QWidget):
    """The table, and above it which layers are listed, a filter, and how many rows there are.

    Signals
    -------
    chosen : Target
        Neurons of one layer were selected.
    opened : Target
    menu_requested : (Target, QPoint)
    export_requested : ()
    """

    chosen = Signal(object)
    opened = Signal(object)
    menu_requested = Signal(object, QPoint)
    export_requested = Signal()

    def __init__(self, session: Session, jobs: Jobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session, self._jobs = session, jobs
        self.model = NeuronsModel(self)
        self._measure: Measurements | None = None
        self._job: Job | None = None
        self._asked: tuple[object, ...] = ()
        self._is_following = False
        self._places = np.zeros(0, np.int64)  # what is selected, also where a filter hides it
        self._build()
        self._connect()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(style.MARGIN, 2, style.SPACE, style.SPACE)
        row.setSpacing(style.SPACE)
        self.layers = Dropdown("Layers whose neurons are listed")
        self.layers.setMaximumWidth(LAYERS_WIDTH)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("filter: conv2 dead mean>0.1")
        self.filter.setAccessibleName("Filter of the neurons")
        self.filter.setToolTip(
            "Words that all hold: part of a layer's or class's name, a number, conv2:17, dead, redundant,\n"
            "or a column with <, > or =, such as selectivity>0.5 or active<10%"
        )
        self.filter.setClearButtonEnabled(True)
        self.filter.setFixedWidth(FILTER_WIDTH)
        self.only = Check("Selected only")
        self.only.setAccessibleName("List the selected neurons alone")
        self.only.setToolTip("List the selected neurons alone, to compare them")
        self.state = Line(role="muted", least=40)
        self.export = QtWidgets.QToolButton()
        self.export.setText("Export…")
        self.export.setAccessibleName("Export the table of neurons")
        self.export.setToolTip("Write the selected rows, or all that are listed, as CSV, JSON or npz")
        for widget in (self.layers, self.filter, self.only):
            row.addWidget(widget)
        row.addWidget(self.state, 1)
        row.addWidget(self.export)
        self.table = Table(self.model, "Neurons")
        for at, name in enumerate(NAMES):
            self.table.setColumnWidth(at, WIDTHS.get(name, WIDTH))
        layout.addWidget(bar)
        layout.addWidget(self.table, 1)

    def _connect(self) -> None:
        session, table = self.session, self.table
        session.analysis_changed.connect(self._analysis_changed)
        session.view_changed.connect(lambda _: self.refresh())
        session.picture_changed.connect(lambda _: self.refresh())
        session.selection_changed.connect(self.follow)
        self.layers.chosen.connect(lambda _: self.refresh())
        self.filter.textChanged.connect(lambda _: self._filter())
        self.only.toggled.connect(lambda _: self._filter())
        self.export.clicked.connect(lambda: self.export_requested.emit())
        table.sorted.connect(self._sort)
        table.selectionModel().selectionChanged.connect(lambda *_: self._selected())
        table.activated.connect(self._activated)
        table.customContextMenuRequested.connect(self._menu)

    # -- what is listed

    @property
    def neurons(self) -> NeuronList | None:
        """Return what is listed."""
        return self.model.neurons

    @property
    def is_settled(self) -> bool:
        """Return whether nothing is being measured for it."""
        return self._job is None

    def showEvent(self, event: QtGui.QShowEvent) -> None:  # noqa: N802
        """List the neurons when somebody looks."""
        super().showEvent(event)
        self.refresh()

    def _analysis_changed(self) -> None:
        analysis = self.session.analysis
        self._measure = Measurements(analysis) if analysis is not None else None
        self._asked, self._places = (), self._places[:0]
        self._stop()
        self.model.change(self._list_nothing)
        if analysis is not None:
            options = [(IN_PICTURE, "Layers in the picture"), (EVERYWHERE, "All layers")]
            self.layers.set_options(options + [(name, name) for name in layers_to_list(self.session, EVERYWHERE)])
        self.refresh()

    def _list_nothing(self) -> None:
        self.model.neurons = None

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None

    def refresh(self) -> None:
        """List what the session shows now, if somebody looks at the list."""
        analysis, snapshot = self.session.analysis, self.session.snapshot
        if not self.isVisible() or analysis is None or snapshot is None or self._measure is None:
            return
        layers = layers_to_list(self.session, self.layers.value)
        if self.neurons is None or self.neurons.layers != layers:
            self._list(analysis, layers)
        self._show_clusters()
        asked = (snapshot.label, layers, self.session.view.classes)
        if asked != self._asked and layers:
            self._asked = asked
            self._stop()
            found, failed = partial(self._take, asked), partial(self._fail, asked)
            self._job = self._jobs.start(self._measure, *asked, succeeded=found, failed=failed)
        self._say()

    def _list(self, analysis: Analysis, layers: tuple[str, ...]) -> None:
        """List other layers, in the order that the header shows."""
        neurons = NeuronList(analysis, layers)
        header = self.table.horizontalHeader()
        if header.sortIndicatorSection() < len(NAMES):
            is_falling = header.sortIndicatorOrder() == Qt.DescendingOrder
            neurons.sort(NAMES[header.sortIndicatorSection()], is_falling=is_falling)

        def show() -> None:
            self.model.neurons = neurons

        self.only.setChecked(False)
        self.model.change(show)
        self._filter()
        self.follow(self.session.selection)

    def _show_clusters(self) -> None:
        neurons, aggregation = self.neurons, self.session.aggregation
        if neurons is not None:
            self._change(lambda: neurons.set_clusters(aggregation))

    def _take(self, asked: tuple[object, ...], numbers: NeuronNumbers) -> None:
        if asked == self._asked and self.neurons is not None:
            self._job = None
            neurons = self.neurons
            self._change(lambda: neurons.set_numbers(numbers))
            self._say()

    def _fail(self, asked: tuple[object, ...], error: BaseException) -> None:
        if asked == self._asked:
            self._job = None
        self._jobs.failed.emit(error)

    # -- order and filter

    def _change(self, function: Callable[[], None]) -> None:
        """Do something that changes the rows; what is selected stays selected."""
        self._is_following = True
        self.model.change(function)
        if self.neurons is not None:
            self.table.select_rows(self.neurons.rows_of(self._places))
        self._is_following = False

    def _sort(self, column: int, is_falling: bool) -> None:
        neurons = self.neurons
        if neurons is not None:
            self._change(lambda: neurons.sort(NAMES[column], is_falling=is_falling))

    def _filter(self) -> None:
        neurons, only = self.neurons, self._places if self.only.isChecked() else None
        if neurons is None:
            return
        problem = ""
        try:
            self._change(lambda: neurons.filter(self.filter.text(), only))
        except ValueError as error:
            problem = str(error)
        self._say(problem)

    def _say(self, problem: str = "") -> None:
        neurons = self.neurons
        if neurons is None:
            self.state.setText("")
            return
        line = state_line(neurons, len(self._places), self.session.selection)
        measured = "measuring…" if self._job is not None else f"for {chosen_words(self.session)}"
        self.state.setText(problem or f"{line}  ·  {measured}", [line])
        self.export.setEnabled(bool(len(neurons.rows)) and neurons.numbers is not None)

    # -- what is selected

    def follow(self, target: Target | None) -> None:
        """Select what is selected elsewhere."""
        neurons = self.neurons
        if neurons is None or self._is_following or not self.isVisible():
            return
        self._places = neurons.places(target)
        rows = neurons.rows_of(self._places)
        self._is_following = True
        self.table.select_rows(rows)
        if len(rows):
            self.table.scrollTo(self.model.index(int(rows[0]), 0))
        self._is_following = False
        self._say()

    def _selected(self) -> None:
        """The user has selected other rows."""
        neurons = self.neurons
        if self._is_following or neurons is None:
            return
        self._places = neurons.rows[self.table.selected_rows()]
        target = self._target()
        if target is not None:
            self._is_following = True
            self.chosen.emit(target)
            self._is_following = False
        self._say()

    def _target(self) -> Target | None:
        neurons, current = self.neurons, self.table.currentIndex().row()
        if neurons is None:
            return None
        place = int(neurons.rows[current]) if 0 <= current < len(neurons.rows) else None
        return neurons.target(self._places.tolist(), place)

    def _activated(self, index: QModelIndex) -> None:
        if self.neurons is not None:
            target = self.neurons.target([int(self.neurons.rows[index.row()])])
            if target is not None:
                self.opened.emit(target)

    def _menu(self, position: QtCore.QPoint) -> None:
        target = self._target()
        if target is not None and self.table.indexAt(position).isValid():
            self.menu_requested.emit(target, self.table.viewport().mapToGlobal(position))

    def parts(self) -> list[Part]:
        """Return what a file gets: the selected rows where there are several, else all that are listed."""
        if self.neurons is None:
            return []
        return self.neurons.parts(self._places if len(self._places) > 1 else None)
