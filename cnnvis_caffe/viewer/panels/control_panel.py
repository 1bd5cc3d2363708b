"""Holds everything that changes what is shown: each control does an edit of the session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from cnnvis_caffe.edits.kinds import (
    ChooseClassCutoff,
    ChooseClasses,
    ChooseClustering,
    ChooseClustersOf,
    ChooseEdgeFilter,
    ChooseEdges,
    ChooseFacet,
    ChooseImportance,
    ChooseRepresentative,
    ChooseStrength,
    ChooseStrongBy,
    ChooseTheme,
    CollapseGroup,
    ExpandGroup,
)
from cnnvis_caffe.records.aggregation import LayerGroup
from cnnvis_caffe.records.view import (
    CLUSTERINGS,
    EDGE_QUANTITIES,
    FACETS,
    IMPORTANCES,
    STRENGTHS,
    STRONG_BY,
    THEMES,
    Choice,
    View,
)
from cnnvis_caffe.text.words import class_name, numbered_class
from cnnvis_caffe.viewer.model import edit_actions
from cnnvis_caffe.viewer.model.actions import key_of
from cnnvis_caffe.viewer.model.edge_colours import missing_edge_colours
from cnnvis_caffe.viewer.model.lookup import clusters_by_themselves
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import QHBoxLayout, QSize, Qt, QtCore, QtGui, QtWidgets, QVBoxLayout, QWidget
from cnnvis_caffe.viewer.widgets import style
from cnnvis_caffe.viewer.widgets.inputs import CheckDelegate, Chip, Dropdown, Elided, Flow, Segmented, Slider, Stepper

#: More classes than this are a list with a search field instead of chips.
MOST_CHIPS = 24
WIDTH = 288


class ControlPanel(QtWidgets.QScrollArea):
    """Shows a view and lets the user change it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.setWidgetResizable(True)
        self.setFrameShape(QtWidgets.QFrame.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarAlwaysOff)
        self.setAccessibleName("Control panel")
        self.setFocusPolicy(Qt.NoFocus)
        body = QWidget()
        self._layout = QVBoxLayout(body)
        self._layout.setContentsMargins(style.MARGIN, style.SPACE, style.MARGIN, style.MARGIN)
        self._layout.setSpacing(6)
        self.setWidget(body)

        self._build()
        self._connect()
        self._show(session.view)
        # Nothing is cut off at the side, however small the window.
        scroll_bar = self.style().pixelMetric(QtWidgets.QStyle.PM_ScrollBarExtent)
        self.setMinimumWidth(max(WIDTH - 24, body.minimumSizeHint().width() + scroll_bar))

    def _build(self) -> None:
        self.facet = _choice("Facet", FACETS, "facet")
        self._section("Facet of the clusters", self.facet)

        self.edges = _choice("Edges", EDGE_QUANTITIES, "edges")
        self.strength = _choice("Strength", STRENGTHS)
        self.filter = Slider(5, 100, "Edge filter", lambda value: f"{value}% of strength")
        self._section("Connections, coloured by", self.edges)
        self._row("Width by", self.strength)
        self._row("Show", self.filter)

        self.importance = _choice("Importance", IMPORTANCES)
        self._section("Size of neurons, by", self.importance)

        self.clustering = Dropdown("Clustering", tuple((name, one.words) for name, one in CLUSTERINGS.items()))
        self.n_clusters = Stepper(0, 20, "Number of clusters", "auto")
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(style.SPACE)
        line.addWidget(self.clustering, 1)
        line.addWidget(style.label("k", "muted"))
        line.addWidget(self.n_clusters)
        self._section("Clusters of neurons", row)
        self.clusters_of = Dropdown("Snapshot whose clusters are shown")
        self.clusters_of.setToolTip("Clusters, sizes and places stay those of this snapshot, whichever is shown")
        self._clusters_row = self._row("Those of", self.clusters_of)

        self.classes = ClassChooser(self.session)
        self._columns_heading = self._section("Classes", self.classes)
        self.cutoff = Slider(5, 100, "Cut-off", lambda value: f"{value}% of largest")
        self._row("Strong from", self.cutoff)
        self.strong_by = _choice("Strong by", STRONG_BY)
        self._layout.addWidget(self.strong_by)

        self.groups = GroupList(self.session)
        self._section("Layer groups", self.groups)

        self.theme = _choice("Theme", THEMES)
        self._section("Theme", self.theme)
        self._layout.addStretch(1)

    def _connect(self) -> None:
        session, apply = self.session, self.session.apply
        self.facet.chosen.connect(lambda value: apply(ChooseFacet(value)))
        self.edges.chosen.connect(lambda value: apply(ChooseEdges(value)))
        self.strength.chosen.connect(lambda value: apply(ChooseStrength(value)))
        self.importance.chosen.connect(lambda value: apply(ChooseImportance(value)))
        self.strong_by.chosen.connect(lambda value: apply(ChooseStrongBy(value)))
        self.theme.chosen.connect(lambda value: apply(ChooseTheme(value)))
        self.clustering.chosen.connect(lambda value: apply(ChooseClustering(value, self.n_clusters.value)))
        self.clusters_of.chosen.connect(lambda value: apply(ChooseClustersOf(value)))
        self.n_clusters.chosen.connect(
            lambda value: apply(ChooseClustering(self.clustering.value, value), together=True)
        )
        self.filter.moved.connect(lambda value: apply(ChooseEdgeFilter(value / 100), together=self._drags(self.filter)))
        self.cutoff.moved.connect(
            lambda value: apply(ChooseClassCutoff(value / 100), together=self._drags(self.cutoff))
        )
        for slider in (self.filter, self.cutoff):
            slider.slider.sliderPressed.connect(self._press)
        self._is_first_move = False
        session.view_changed.connect(self._show)
        session.analysis_changed.connect(self._analysis_changed)
        session.picture_changed.connect(lambda picture: self.groups.show_groups(picture.aggregation.groups))
        for changed in (session.picture_changed, session.selection_changed):
            changed.connect(lambda _: self._show_own_clusters())

    def _show_own_clusters(self) -> None:
        """Let the number of clusters begin where the picture has them, while nobody gave one."""
        session = self.session
        n = clusters_by_themselves(session.aggregation, session.selection) if not session.view.n_clusters else 0
        self.n_clusters.set_stands_for(n)

    def _press(self) -> None:
        self._is_first_move = True

    def _drags(self, slider: Slider) -> bool:
        """Whether a move belongs to the one before: one drag is one step to undo."""
        together = slider.slider.isSliderDown() and not self._is_first_move
        self._is_first_move = False
        return together

    def _section(self, title: str, widget: QWidget) -> QtWidgets.QLabel:
        if self._layout.count():
            self._layout.addSpacing(8)
        heading = style.label(title, "section")
        heading.setBuddy(widget)
        self._layout.addWidget(heading)
        self._layout.addWidget(widget)
        return heading

    def _row(self, name: str, widget: QWidget) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(style.SPACE)
        row.addWidget(style.label(name, "muted"))
        row.addWidget(widget, 1)
        self._layout.addWidget(box)
        return box

    def _show(self, view: View) -> None:
        self.facet.set_value(view.facet)
        self.edges.set_value(view.edges)
        self.strength.set_value(view.strength)
        self.importance.set_value(view.importance)
        self.theme.set_value(view.theme)
        self.filter.set_value(round(100 * view.edge_filter))
        self.cutoff.set_value(round(100 * view.class_cutoff))
        self.clustering.set_value(view.clustering)
        self.n_clusters.set_value(view.n_clusters)
        self.clusters_of.set_value(view.clusters_of)
        self.n_clusters.setEnabled(view.clustering != "meanshift")
        self.strong_by.set_value(view.strong_by)
        for widget in (self.cutoff, self.strong_by):
            widget.setEnabled(bool(view.classes))
        self.classes.show_classes(view.classes)

    def _analysis_changed(self) -> None:
        self.classes.analysis_changed()
        if self.session.analysis is not None:
            self._columns_heading.setText(self.session.analysis.data.columns.capitalize())
        self.groups.show_groups(())
        analysis = self.session.analysis
        labels = [one.label for one in analysis.snapshots] if analysis is not None else []
        # Views name the last one by nothing.
        self.clusters_of.set_options([(label, label) for label in labels[:-1]] + [("", label) for label in labels[-1:]])
        self.clusters_of.set_value(self.session.view.clusters_of)
        self._clusters_row.setVisible(len(labels) > 1)
        self.edges.set_unavailable(missing_edge_colours(analysis))


def _choice(name: str, choices: Mapping[str, Choice], actions: str = "") -> Segmented:
    """Buttons for the values of a setting, with what they show and the keys of the actions that begin so."""
    buttons = Segmented(tuple((value, one.button) for value, one in choices.items()), name)
    keys = {value: key_of(f"{actions}_{value}") for value in choices}
    tips = {value: one.tip + (f"  ({keys[value]})" if keys[value] else "") for value, one in choices.items() if one.tip}
    if tips:
        buttons.set_tips(tips)
    return buttons


class ClassChooser(QWidget):
    """Which classes count: chips, or for many classes a list that can be searched."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._chips: list[Chip] = []
        self._is_none = False
        self._shown: tuple | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        buttons.setContentsMargins(0, 0, 0, 0)
        for text, name, slot in (
            ("All", "All classes", self.choose_all),
            ("None", "No class", self.choose_none),
            ("Invert", "The other classes", self.invert),
        ):
            button = QtWidgets.QPushButton(text)
            button.setProperty("link", "true")
            button.setAccessibleName(name)
            button.clicked.connect(slot)
            buttons.addWidget(button)
        self._last_button = button
        buttons.addStretch(1)
        self.summary = style.label(role="muted")
        buttons.addWidget(self.summary)
        layout.addLayout(buttons)
        self._chip_box = QWidget()
        self._flow = Flow(self._chip_box, 2)
        layout.addWidget(self._chip_box)
        self._build_list()
        layout.addWidget(self.search)
        layout.addWidget(self.list)
        self.analysis_changed()

    def _build_list(self) -> None:
        """A list with a search field, for many classes."""
        self.search = QtWidgets.QLineEdit()
        self.search.setPlaceholderText("class by name or number")
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName("Search a class")
        self.list = QtWidgets.QListView()
        self.list.setAccessibleName("Classes")
        self.list.setFixedHeight(150)
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(CheckDelegate(self.list))
        self._model = QtGui.QStandardItemModel(self)
        self._proxy = QtCore.QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self._model)
        self._proxy.setFilterCaseSensitivity(Qt.CaseInsensitive)
        self.list.setModel(self._proxy)
        self.search.textChanged.connect(self._proxy.setFilterFixedString)
        self._model.itemChanged.connect(self._list_changed)
        self.list.doubleClicked.connect(lambda index: self._choose_alone(index.data(Qt.UserRole)))

    @property
    def n_classes(self) -> int:
        """Return how many classes there are."""
        return self.session.analysis.data.n_classes if self.session.analysis is not None else 0

    def analysis_changed(self) -> None:
        """Offer the classes of another analysis."""
        for chip in self._chips:
            self._flow.removeWidget(chip)
            chip.deleteLater()
        self._chips = []
        self._model.blockSignals(True)
        self._model.clear()
        self._model.blockSignals(False)
        analysis, n = self.session.analysis, self.n_classes
        few = n <= MOST_CHIPS
        self._chip_box.setVisible(few)
        self.search.setVisible(not few)
        self.list.setVisible(not few)
        if analysis is not None:
            self.search.setPlaceholderText(f"{analysis.data.column} by name or number")
            self.search.setAccessibleName(f"Search a {analysis.data.column}")
            self.list.setAccessibleName(analysis.data.columns.capitalize())
            colours = style.class_colours(n)
            for c in range(n):
                if few:
                    chip = Chip(class_name(analysis, c), colours[c])
                    name, count = analysis.data.class_names[c], analysis.data.class_count[c]
                    chip.setToolTip(style.tip(f"{name}: {count} images; a double click chooses it alone"))
                    chip.clicked.connect(self._chips_changed)
                    chip.chosen_alone.connect(partial(self._choose_alone, c))
                    self._flow.addWidget(chip)
                    chip.show()
                    QWidget.setTabOrder(self._chips[-1] if self._chips else self._last_button, chip)
                    self._chips.append(chip)
                else:
                    item = QtGui.QStandardItem(numbered_class(analysis, c))
                    item.setCheckable(True)
                    item.setEditable(False)
                    item.setData(c, Qt.UserRole)
                    self._model.appendRow(item)
        self._is_none, self._shown = False, None
        self.show_classes(self.session.view.classes)

    def show_classes(self, classes: tuple[int, ...]) -> None:
        """Show which are chosen; none means all."""
        if classes:
            self._is_none = False
        shown = (classes, self._is_none, style.current())
        if shown == self._shown:
            return  # the view changes often, and a thousand classes take their time
        self._shown = shown
        chosen = set(classes) if classes or self._is_none else set(range(self.n_classes))
        colours = style.class_colours(self.n_classes)
        for c, chip in enumerate(self._chips):
            chip.setChecked(c in chosen)
            chip.set_colour(colours[c])
        self._model.blockSignals(True)
        for row in range(self._model.rowCount()):
            item = self._model.item(row)
            item.setCheckState(Qt.Checked if item.data(Qt.UserRole) in chosen else Qt.Unchecked)
        self._model.blockSignals(False)
        self.list.viewport().update()
        if self._is_none:
            self.summary.setText("choose some")
        else:
            self.summary.setText("all" if not classes else f"{len(classes)} of {self.n_classes}")

    def _chosen(self) -> set[int]:
        if self._chips:
            return {c for c, chip in enumerate(self._chips) if chip.isChecked()}
        items = (self._model.item(row) for row in range(self._model.rowCount()))
        return {item.data(Qt.UserRole) for item in items if item.checkState() == Qt.Checked}

    def _choose_alone(self, number: int) -> None:
        """Choose one class; the first of two clicks has changed its mark, which is no step of its own."""
        self._shown = None
        self.session.apply(ChooseClasses((number,)), together=True)

    def _list_changed(self, item: QtGui.QStandardItem) -> None:
        self._chips_changed()

    def _chips_changed(self) -> None:
        self._shown = None  # the user has changed a mark
        chosen = self._chosen()
        if not chosen:
            self.choose_none()
        else:
            self._is_none = False
            self.choose(chosen)

    def choose(self, classes: Iterable[int]) -> None:
        """Choose some classes; all of them is the same as none."""
        classes = set(classes)
        self._is_none = False
        self.session.apply(ChooseClasses(() if len(classes) == self.n_classes else tuple(sorted(classes))))

    def choose_all(self) -> None:
        """Choose all."""
        self.choose(range(self.n_classes))
        self.show_classes(self.session.view.classes)

    def choose_none(self) -> None:
        """Take all marks away; the picture shows all classes until one is chosen."""
        self._is_none = True
        self.session.apply(ChooseClasses(()))
        self.show_classes(())

    def invert(self) -> None:
        """Choose the others."""
        others = set(range(self.n_classes)) - self._chosen()
        if others:
            self.choose(others)
        else:
            self.choose_none()


class GroupList(QWidget):
    """The layer groups: expanded or not, and the layer that stands for each."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._groups: tuple[LayerGroup, ...] = ()
        self._names: tuple = ()
        self._rows: dict[str, tuple[QtWidgets.QToolButton, Dropdown | None]] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        buttons = QHBoxLayout()
        buttons.setSpacing(0)
        for text, name in (("Expand all", "expand_all"), ("Collapse all", "collapse_all")):
            button = QtWidgets.QPushButton(text)
            button.setProperty("link", "true")
            button.clicked.connect(lambda _=False, name=name: edit_actions.do_action(name, session))
            buttons.addWidget(button)
        self._last_button = button
        buttons.addStretch(1)
        self._layout.addLayout(buttons)
        self._grid_box = QWidget()
        self._grid = QtWidgets.QGridLayout(self._grid_box)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(4)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        self._layout.addWidget(self._grid_box)

    def show_groups(self, groups: tuple[LayerGroup, ...]) -> None:
        """Show the groups of an aggregation."""
        groups = tuple(group for group in groups if group.kind != "input")
        if tuple((g.name, g.candidates) for g in groups) != self._names:
            self._build(groups)
        self._groups = groups
        for group in groups:
            button, dropdown = self._rows[group.name]
            button.setIcon(style.icon("down" if group.is_expanded else "right"))
            button.setAccessibleName(f"{'Collapse' if group.is_expanded else 'Expand'} {group.name}")
            button.setToolTip(button.accessibleName())
            if dropdown is not None:
                dropdown.set_value(group.representative)
                dropdown.setEnabled(not group.is_expanded)

    def _build(self, groups: tuple[LayerGroup, ...]) -> None:
        while self._grid.count():
            widget = self._grid.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self._rows = {}
        self._names = tuple((g.name, g.candidates) for g in groups)
        before: QWidget = self._last_button
        for row, group in enumerate(groups):
            button = QtWidgets.QToolButton()
            button.setFixedSize(20, 22)
            button.setIconSize(QSize(12, 12))
            button.setStyleSheet("padding: 0;")
            button.setProperty("group", group.name)
            button.clicked.connect(self._toggle)
            name = Elided(group.name)
            name.setToolTip(style.tip(", ".join(group.nodes)))
            self._grid.addWidget(button, row, 0)
            if len(group.columns) < 2:
                button.hide()
            self._grid.addWidget(name, row, 1)
            self._grid.setRowMinimumHeight(row, 24)
            dropdown = None
            if len(group.candidates) > 1:
                options = [(node, node) for node in group.candidates]
                dropdown = Dropdown(f"Layer that stands for {group.name}", options)
                dropdown.setFixedHeight(24)
                dropdown.setMaximumWidth(132)
                dropdown.setProperty("group", group.name)
                dropdown.setToolTip("Layer that stands for the group")
                dropdown.chosen.connect(self._represent)
                self._grid.addWidget(dropdown, row, 2)
            self._rows[group.name] = (button, dropdown)
            for widget in (button, dropdown):
                if widget is not None:
                    QWidget.setTabOrder(before, widget)
                    before = widget

    def _toggle(self) -> None:
        name = self.sender().property("group")
        group = next(group for group in self._groups if group.name == name)
        self.session.apply(CollapseGroup(name) if group.is_expanded else ExpandGroup(name))

    def _represent(self, node: str) -> None:
        self.session.apply(ChooseRepresentative(self.sender().property("group"), node))
