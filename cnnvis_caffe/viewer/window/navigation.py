"""Going places: to a neuron, a layer, a finding; the tabs with the pages of neurons."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cnnvis_caffe.edits.kinds import ChooseRepresentative, CollapseGroup, ExpandGroup
from cnnvis_caffe.records.finding import Finding, Place
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.pages.neuron_tab import NeuronTab
from cnnvis_caffe.viewer.qt import QObject, QSize, Qt, QtWidgets
from cnnvis_caffe.viewer.widgets import style

if TYPE_CHECKING:
    from cnnvis_caffe.viewer.window.main_window import MainWindow


class Places(QObject):
    """Moves one window's picture, or the active one of two, and opens pages."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._wanted: Target | None = None

    @property
    def _session(self) -> Session:
        return self._window.active_session

    # -- in the picture

    def cluster_of(self, target: Target | None) -> Target | None:
        """Return the cluster that a neuron is in, or the cluster itself."""
        aggregation = self._session.aggregation
        if target is None or aggregation is None or target.kind not in ("neuron", "cluster"):
            return None
        for column in aggregation.columns:
            if column.node == target.node:
                for index, cluster in enumerate(column.clusters):
                    if target.members and target.members[0] in cluster.neurons:
                        return Target("cluster", column.node, tuple(cluster.neurons.tolist()), index=index)
        return None

    def choose(self, target: Target) -> None:
        """Select something and bring it into sight."""
        self._session.select(target)
        self._window.active_pane.reveal(target)

    def find(self, target: Target) -> None:
        """Leave the pages and go to something."""
        self._window.tabs.setCurrentIndex(0)
        self.go_to(target)
        self._window.active_pane.canvas.setFocus(Qt.OtherFocusReason)

    def go_to(self, target: Target) -> None:
        """Select something and bring it into sight, expanding its group where it is hidden."""
        if target.kind in ("neuron", "column") and not self._is_shown(target.node):
            self._uncover(target.node)
        self.choose(target)

    def _is_shown(self, node: str) -> bool:
        aggregation = self._session.aggregation
        return aggregation is not None and any(column.node == node for column in aggregation.columns)

    def _uncover(self, node: str) -> None:
        """Bring a layer into the picture: expand its group, or let it stand for it."""
        group = self._session.group_of(node)
        if group is None:
            return
        if node in group.columns and len(group.columns) > 1:
            self._window.apply(ExpandGroup(group.name))
        elif node in group.candidates:
            if group.is_expanded:
                self._window.apply(CollapseGroup(group.name))
            self._window.apply(ChooseRepresentative(group.name, node))

    def go_to_layer(self, node: str) -> None:
        """Select the column of a layer, or the one of its group."""
        session = self._session
        aggregation = session.aggregation
        if aggregation is None or session.analysis is None:
            return
        for column in aggregation.columns:
            if node in (column.node, session.analysis.node(column.node).owner):
                self.go_to(Target("column", column.node))
                return
        group = session.group_of(node)
        if group is not None:
            self.go_to(Target("column", group.representative) if not group.is_expanded else Target("group", group.name))

    # -- to findings

    def go_to_finding(self, finding: Finding) -> None:
        """Show what a finding shows, and where."""
        session = self._window.session
        view = replace(finding.view, snapshot=finding.view.snapshot or finding.snapshot)
        analysis = session.analysis
        if analysis is not None and view.snapshot == analysis.snapshots[-1].label:
            view = replace(view, snapshot="")
        self._window.tabs.setCurrentIndex(0)
        self._window.activate(self._window.pane)
        session.show_view(view, "Go to a finding")
        target = self._target_of(finding.places[0])
        if target is not None:
            self._wanted = target
            if not session.is_busy:
                self.arrive()

    def arrive(self) -> None:
        """Select where a finding is, in the column that stands for its layer, once the picture is there."""
        target, self._wanted = self._wanted, None
        session = self._window.session
        aggregation, analysis = session.aggregation, session.analysis
        if target is None or aggregation is None or analysis is None:
            return
        if target.node and not any(column.node == target.node for column in aggregation.columns):
            owner = analysis.node(target.node).owner
            for column in aggregation.columns:
                node = analysis.node(column.node)
                if node.owner == owner and (not target.members or node.n_neurons > max(target.members)):
                    target = replace(target, node=column.node)
                    break
        session.select(target)
        self._window.pane.reveal(target)

    @staticmethod
    def _target_of(place: Place) -> Target | None:
        if not place.node:
            return Target("class", members=place.classes[:1]) if place.classes else None
        if place.neurons:
            return Target("neuron", place.node, place.neurons)
        return Target("column", place.node)

    # -- pages

    def open_target(self, target: Target) -> None:
        """Open what a double click means: a page, a group."""
        session = self._session
        if target.kind == "neuron" and target.members:
            self.open_neuron(target.node, target.members[0])
        elif target.kind == "cluster" and target.members:
            aggregation = session.aggregation
            column = aggregation.column(target.node) if aggregation is not None else None
            first = (
                int(column.clusters[target.index].representatives[0])
                if column is not None and (0 <= target.index < len(column.clusters))
                else target.members[0]
            )
            self.open_neuron(target.node, first)
        elif target.kind in ("column", "group"):
            session.select(target)
            self._window.commands.toggle_group()

    def open_neuron(self, node: str, neuron: int) -> None:
        """Open the page of a neuron in a tab."""
        window, session, pane = self._window, self._session, self._window.active_pane
        snapshot = session.snapshot
        if snapshot is None or node not in snapshot.features:
            window.say(f"{node} was not analysed: it has no pages")
            return
        tabs, pages = window.tabs, window.pages
        for i in range(1, tabs.count()):
            tab = pages.widget(i)
            if (tab.session, tab.node, tab.neuron) == (session, node, neuron):
                tabs.setCurrentIndex(i)
                return
        tab = NeuronTab(session, window.jobs, node, neuron)
        tab.chosen.connect(lambda target: self._find_in(pane, target))
        tab.pointed.connect(lambda target: window.point_at(session, target))
        tab.went_on.connect(lambda: self._named(tab))
        pages.addWidget(tab)
        at = tabs.addTab(self._label(tab))
        self._close_button(at)  # Qt's own ones would stay behind it, one for each page that ever was
        tabs.show()
        tabs.setCurrentIndex(at)

    def _label(self, tab: NeuronTab) -> str:
        """What a tab says: also the snapshot, where it is of the picture on the right."""
        snapshot = tab.session.snapshot
        is_beside = tab.session is not self._window.session and snapshot is not None
        return f"{tab.name}  ({snapshot.label})" if is_beside and snapshot is not None else tab.name

    def _named(self, tab: NeuronTab) -> None:
        """Follow a page that went on to another neuron."""
        at = self._window.pages.indexOf(tab)
        self._window.tabs.setTabText(at, self._label(tab))
        if at == self._window.tabs.currentIndex():
            tab.session.select(tab.target)

    def _find_in(self, pane, target: Target) -> None:
        """Show what was clicked on a page in the picture that the page is of."""
        self._window.activate(pane)
        self.find(target)

    def _close_button(self, at: int) -> None:
        tabs, pages = self._window.tabs, self._window.pages
        button = QtWidgets.QToolButton()
        button.setIcon(style.icon("close", style.current().muted))
        button.setIconSize(QSize(9, 9))
        button.setFixedSize(18, 18)
        button.setStyleSheet("padding: 0;")
        button.setAccessibleName(f"Close {tabs.tabText(at)}")
        widget = pages.widget(at)
        button.clicked.connect(lambda: self.close_tab(pages.indexOf(widget)))
        tabs.setTabButton(at, QtWidgets.QTabBar.RightSide, button)

    def show_tab(self, at: int) -> None:
        """Show a page by its tab."""
        pages = self._window.pages
        if 0 <= at < pages.count():
            pages.setCurrentIndex(at)
            if at > 0:  # what is looked at is selected everywhere
                tab = pages.widget(at)
                tab.session.select(tab.target)

    def close_tab(self, at: int) -> None:
        """Close a neuron's page."""
        tabs, pages = self._window.tabs, self._window.pages
        if at <= 0 or at >= tabs.count():
            return
        tab = pages.widget(at)
        tab.close_work()
        tabs.setCurrentIndex(0)
        tabs.removeTab(at)
        pages.removeWidget(tab)
        tab.deleteLater()
        tabs.setVisible(tabs.count() > 1)

    def close_pages(self, session: Session | None = None) -> None:
        """Close the pages of neurons, all or those of one session."""
        for at in range(self._window.tabs.count() - 1, 0, -1):
            if session is None or self._window.pages.widget(at).session is session:
                self.close_tab(at)
