"""Shows groups, layers and neurons as a tree."""

from __future__ import annotations

from cnnvis_caffe.readings.by_class import activation_by_class, measure_of, strongest_class
from cnnvis_caffe.records.aggregation import LayerGroup
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.words import class_name, counted
from cnnvis_caffe.viewer.model.pictures import FinishedPicture
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import (
    QColor,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPainter,
    QPen,
    QPoint,
    QPointF,
    QRect,
    Qt,
    QtCore,
    QtGui,
    QtWidgets,
    Signal,
)
from cnnvis_caffe.viewer.widgets import style

TARGET = Qt.UserRole + 1


class LayersModel(QtCore.QAbstractItemModel):
    """Groups hold layers, layers hold neurons; neurons are made up when they are asked for."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._analysis: Analysis | None = None
        self._groups: list[LayerGroup] = []
        self._layers: list[tuple[int, str, int]] = []  # group, node, number of neurons
        self._of_group: list[list[int]] = []
        self._shown: set[str] = set()

    def set_groups(self, analysis: Analysis | None, groups: tuple[LayerGroup, ...]) -> None:
        """Show other groups; nothing happens if they are the same."""
        same = analysis is self._analysis and [(g.name, g.candidates) for g in groups] == [
            (g.name, g.candidates) for g in self._groups
        ]
        if same:
            return
        self.beginResetModel()
        self._analysis, self._groups = analysis, list(groups)
        self._layers, self._of_group = [], []
        for number, group in enumerate(groups if analysis is not None else ()):
            assert analysis is not None
            mine = []
            for node in group.candidates:
                mine.append(len(self._layers))
                self._layers.append((number, node, analysis.node(node).n_neurons))
            self._of_group.append(mine)
        self.endResetModel()

    def set_shown(self, nodes: set[str]) -> None:
        """Say which layers are columns of the picture."""
        if nodes != self._shown:
            self._shown = nodes
            for group in range(len(self._groups)):
                parent = self.index(group, 0)
                n = self.rowCount(parent)
                if n:
                    self.dataChanged.emit(self.index(0, 0, parent), self.index(n - 1, 1, parent))

    # Internal ids: 0 for groups, 1 + group for layers, 1 + number of groups + layer for neurons.

    def index(self, row: int, column: int, parent: QModelIndex = QModelIndex()) -> QModelIndex:  # noqa: B008
        """Return the index of a row."""
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        if not parent.isValid():
            return self.createIndex(row, column, 0)
        if parent.internalId() == 0:
            return self.createIndex(row, column, 1 + parent.row())
        layer = self._layer(parent)
        return self.createIndex(row, column, 1 + len(self._groups) + layer)

    def _layer(self, index: QModelIndex) -> int:
        return self._of_group[index.internalId() - 1][index.row()]

    def parent(self, index: QModelIndex) -> QModelIndex:
        """Return the row above."""
        if not index.isValid() or index.internalId() == 0:
            return QModelIndex()
        number = index.internalId()
        if number <= len(self._groups):
            return self.createIndex(number - 1, 0, 0)
        layer = number - 1 - len(self._groups)
        group = self._layers[layer][0]
        return self.createIndex(self._of_group[group].index(layer), 0, 1 + group)

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """Return how many are below."""
        if parent.column() > 0:
            return 0
        if not parent.isValid():
            return len(self._groups)
        if parent.internalId() == 0:
            return len(self._of_group[parent.row()])
        if parent.internalId() <= len(self._groups):
            return self._layers[self._layer(parent)][2]
        return 0

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """Return 2: the name, and a word about it."""
        return 2

    def data(self, index: QModelIndex, role: int = Qt.DisplayRole) -> object:
        """Return names, words and targets."""
        if not index.isValid():
            return None
        number = index.internalId()
        if number == 0:
            return self._group_data(self._groups[index.row()], index.column(), role)
        if number <= len(self._groups):
            return self._layer_data(*self._layers[self._layer(index)][1:], index.column(), role)
        _, node, _ = self._layers[number - 1 - len(self._groups)]
        return self._neuron_data(node, index.row(), index.column(), role)

    def _group_data(self, group: LayerGroup, column: int, role: int) -> object:
        if role == Qt.DisplayRole:
            return group.name if column == 0 else counted(len(group.candidates), "layer")
        if role == Qt.FontRole and column == 0:
            return style.text_font(bold=True)
        if role == Qt.ForegroundRole and column == 1:
            return QColor(style.current().muted)
        if role == TARGET:
            return Target("group", group.name)
        return None

    def _layer_data(self, node: str, n_neurons: int, column: int, role: int) -> object:
        if role == Qt.DisplayRole:
            return node if column == 0 else str(n_neurons)
        if role == Qt.TextAlignmentRole and column == 1:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        if role == Qt.ForegroundRole:
            return QColor(style.current().ink if node in self._shown and column == 0 else style.current().muted)
        if role == Qt.ToolTipRole:
            return "in the picture" if node in self._shown else "not in the picture: expand its group to see it"
        if role == TARGET:
            return Target("column", node)
        return None

    def _neuron_data(self, node: str, neuron: int, column: int, role: int) -> object:
        if role == Qt.DisplayRole:
            return f"neuron {neuron}" if column == 0 else self._strongest(node, neuron)
        if role == Qt.ForegroundRole and column == 1:
            return QColor(style.current().muted)
        if role == Qt.TextAlignmentRole and column == 1:
            return int(Qt.AlignRight | Qt.AlignVCenter)
        if role == TARGET:
            return Target("neuron", node, (neuron,))
        return None

    def _strongest(self, node: str, neuron: int) -> str:
        """The class that it answers to most."""
        analysis = self._analysis
        if analysis is None:
            return ""
        features = analysis.snapshot(self._session.view.snapshot).features.get(node)
        if features is None or neuron >= features.n_neurons:
            return ""
        best = strongest_class(activation_by_class(features, measure_of(analysis, node))[neuron])
        if best >= 0:
            return class_name(analysis, best)
        return "never fires" if features.overall_maximum[neuron] <= 0 else ""

    def index_of(self, target: Target) -> QModelIndex:
        """Return where a group, layer or neuron is; invalid if it is not here."""
        for number, group in enumerate(self._groups):
            if target.kind == "group" and group.name == target.node:
                return self.index(number, 0)
            if target.node in group.candidates:
                parent = self.index(number, 0)
                at = self.index(list(group.candidates).index(target.node), 0, parent)
                if target.kind == "neuron" and len(target.members) == 1:
                    return self.index(target.members[0], 0, at)
                return at
        return QModelIndex()


class LayersPanel(QtWidgets.QTreeView):
    """The tree; what is selected here is selected everywhere.

    Signals
    -------
    chosen : Target
        By the user.
    opened : Target
        Double-clicked, or Enter.
    menu_requested : (Target, QPoint)
    """

    chosen = Signal(object)
    opened = Signal(object)
    menu_requested = Signal(object, QtCore.QPoint)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._model = LayersModel(session, self)
        self.setModel(self._model)
        self.setHeaderHidden(True)
        self.setUniformRowHeights(True)
        self.setIndentation(14)
        self.setTextElideMode(Qt.ElideMiddle)  # numbers stand at the end
        self.setAccessibleName("Layers and neurons")
        self.setEditTriggers(QtWidgets.QAbstractItemView.NoEditTriggers)
        self.setExpandsOnDoubleClick(False)
        self.setContextMenuPolicy(Qt.CustomContextMenu)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QtWidgets.QHeaderView.Stretch)
        # Not by the contents: that would ask every neuron for its class whenever fonts or themes change.
        header.setSectionResizeMode(1, QtWidgets.QHeaderView.Fixed)
        header.resizeSection(1, 80)
        header.setMinimumSectionSize(30)
        self._is_following = False
        self.selectionModel().currentChanged.connect(self._current_changed)
        self.activated.connect(self._activated)
        self.customContextMenuRequested.connect(self._menu)
        session.picture_changed.connect(self._picture)
        session.selection_changed.connect(self.follow)
        session.analysis_changed.connect(lambda: self._model.set_groups(None, ()))

    @property
    def layers(self) -> LayersModel:
        """Return the model that it shows."""
        return self._model

    def _picture(self, picture: FinishedPicture) -> None:
        self._is_following = True
        self._model.set_groups(picture.request.analysis, picture.aggregation.groups)
        self._model.set_shown({column.node for column in picture.aggregation.columns})
        self._is_following = False

    def follow(self, target: Target | None) -> None:
        """Show what is selected elsewhere."""
        self._is_following = True
        index = self._model.index_of(target) if target is not None else QModelIndex()
        if index.isValid():
            self.selectionModel().setCurrentIndex(index, QItemSelectionModel.ClearAndSelect | QItemSelectionModel.Rows)
            self.scrollTo(index)
        else:
            self.selectionModel().clear()
        self._is_following = False

    def _current_changed(self, index: QModelIndex, before: QModelIndex) -> None:
        if not self._is_following and index.isValid():
            self.chosen.emit(index.siblingAtColumn(0).data(TARGET))

    def _activated(self, index: QModelIndex) -> None:
        target = index.siblingAtColumn(0).data(TARGET)
        if target is None:
            return
        if target.kind == "group":
            self.setExpanded(index.siblingAtColumn(0), not self.isExpanded(index.siblingAtColumn(0)))
        else:
            self.opened.emit(target)

    def _menu(self, position: QPoint) -> None:
        index = self.indexAt(position)
        if index.isValid():
            self.menu_requested.emit(index.siblingAtColumn(0).data(TARGET), self.viewport().mapToGlobal(position))

    def drawBranches(self, painter: QPainter, rect: QRect, index: QModelIndex) -> None:  # noqa: N802
        """Draw small arrows instead of the style's boxes."""
        chrome = style.current()
        if self.selectionModel().isSelected(index):
            painter.fillRect(rect, QColor(chrome.hover))
        if not self._model.rowCount(index):
            return
        painter.save()
        painter.setRenderHint(QPainter.Antialiasing, True)
        painter.setPen(QPen(QColor(chrome.muted), 1.4, Qt.SolidLine, Qt.RoundCap, Qt.RoundJoin))
        centre = QPointF(rect.right() - 7, rect.center().y() + 0.5)
        path = QtGui.QPainterPath()
        if self.isExpanded(index):
            points = ((-3.5, -1.75), (0.0, 1.75), (3.5, -1.75))
        else:
            points = ((-1.75, -3.5), (1.75, 0.0), (-1.75, 3.5))
        path.moveTo(centre.x() + points[0][0], centre.y() + points[0][1])
        for x, y in points[1:]:
            path.lineTo(centre.x() + x, centre.y() + y)
        painter.drawPath(path)
        painter.restore()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Paint again in another theme."""
        super().changeEvent(event)
        if event.type() == QEvent.PaletteChange:
            self.viewport().update()
