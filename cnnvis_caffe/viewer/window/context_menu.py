"""The context menu of a thing: the same actions as in the menus, and what needs to know which thing it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnvis_caffe.edits.kinds import ChooseClasses, ChooseFacet, ChooseRepresentative, MoveNeuron
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import FACETS
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.words import class_name
from cnnvis_caffe.viewer.model.describe import title_of
from cnnvis_caffe.viewer.qt import QMenu, Qt

if TYPE_CHECKING:
    from cnnvis_caffe.viewer.window.main_window import MainWindow

#: Clusters or classes that a submenu lists at most.
MOST = 24


def context_menu(window: MainWindow, target: Target | None) -> QMenu:
    """Return the menu of a thing, or of the ground."""
    menu = QMenu(window)
    menu.setAttribute(Qt.WA_DeleteOnClose)
    session, actions = window.active_session, window.actions_by_name

    def add(*names: str) -> None:
        for name in names:
            menu.addAction(actions[name])

    if target is None:
        add("facet_features", "facet_activations", "facet_contributions")
        menu.addSeparator()
        add("edges_weight", "edges_gradient", "edges_change", "fewer_edges", "more_edges")
        menu.addSeparator()
        _class_menu(window, menu)
        menu.addSeparator()
        add("fit", "expand_all", "collapse_all")
        if actions["cluster_here"].isEnabled():
            add("cluster_here")
        menu.addSeparator()
        add("copy_picture", "export_picture")
        return menu
    if target.kind == "neuron":
        add("open_page")
        _move_menu(window, menu, target)
        add("new_cluster")
        menu.addSeparator()
    if target.kind in ("neuron", "cluster"):
        _facet_menu(window, menu, target)
        if target.kind == "cluster":
            add("open_page")
    if target.kind in ("edge", "bicluster"):
        _merge_menu(window, menu, target)
        add("split_bundle")
        menu.addSeparator()
        add("edges_weight", "edges_gradient", "edges_change", "fewer_edges", "more_edges")
    if target.kind == "class" and session.analysis is not None:
        _only_class(window, menu, session.analysis, target.members[0], "Only class ")
        add("all_classes", "invert_classes")
    group = session.group_of(target.node) if target.node else None
    if group is not None and group.kind != "input" and target.kind in ("neuron", "cluster", "column", "group"):
        menu.addSeparator()
        if len(group.columns) > 1:
            action = actions["toggle_group"]
            menu.addAction(action)
        _representative_menu(window, menu, group)
    menu.addSeparator()
    add("go_to_selection", "copy_table", "export_table")
    if target.kind in ("neuron", "cluster", "column"):
        add("export_patches")
    return menu


def _only_class(window: MainWindow, menu: QMenu, analysis: Analysis, number: int, before: str = "") -> None:
    action = menu.addAction(before + class_name(analysis, number).replace("&", "&&"))
    action.triggered.connect(lambda: window.apply(ChooseClasses((number,))))


def _class_menu(window: MainWindow, menu: QMenu) -> None:
    analysis = window.active_session.analysis
    if analysis is not None and analysis.data.n_classes <= MOST:  # for more there is a list in the control panel
        submenu = menu.addMenu("Only class")
        for number in range(analysis.data.n_classes):
            _only_class(window, submenu, analysis, number)
    menu.addAction(window.actions_by_name["all_classes"])
    menu.addAction(window.actions_by_name["invert_classes"])


def _move_menu(window: MainWindow, menu: QMenu, target: Target) -> None:
    session = window.active_session
    aggregation = session.aggregation
    column = next((c for c in aggregation.columns if c.node == target.node), None) if aggregation else None
    if column is None or len(column.clusters) < 2:
        return
    submenu = menu.addMenu("Move to cluster")
    own = int(column.labels[target.members[0]])
    for number, cluster in enumerate(column.clusters[:MOST]):
        if number != own:
            action = submenu.addAction(f"Cluster {number + 1}, {len(cluster.neurons)} neurons")
            members = tuple(cluster.neurons.tolist())
            action.triggered.connect(
                lambda _=False, members=members: window.apply(MoveNeuron(target.node, target.members[0], members))
            )


def _facet_menu(window: MainWindow, menu: QMenu, target: Target) -> None:
    session = window.active_session
    cluster = window.places.cluster_of(target)
    if cluster is None:
        return
    submenu = menu.addMenu("This cluster by")
    key = (cluster.node, cluster.members)
    current = next((f for node, members, f in session.view.facets if (node, members) == key), session.view.facet)
    for facet, one in FACETS.items():
        action = submenu.addAction(one.words)
        action.setCheckable(True)
        action.setChecked(facet == current)
        action.triggered.connect(
            lambda _=False, facet=facet: window.apply(ChooseFacet(facet, cluster.node, cluster.members))
        )


def _merge_menu(window: MainWindow, menu: QMenu, target: Target) -> None:
    index = window.commands.bundle_index(target)
    gap = window.commands.gap_of(target)
    if gap is None or index is None:
        return
    submenu = menu.addMenu("Merge with bundle")
    for other, bicluster in enumerate(gap.biclusters):
        if other != index and bicluster.sign == gap.biclusters[index].sign:
            ends = f"{_list(bicluster.sources)} → {_list(bicluster.targets)}"
            action = submenu.addAction(f"Clusters {ends}")
            action.triggered.connect(lambda _=False, other=other: window.commands.merge(gap, index, other))
    submenu.setEnabled(not submenu.isEmpty())


def _list(clusters: tuple[int, ...]) -> str:
    return ", ".join(str(cluster + 1) for cluster in clusters)


def _representative_menu(window: MainWindow, menu: QMenu, group) -> None:
    if len(group.candidates) < 2 or group.is_expanded:
        return
    submenu = menu.addMenu(f"Show {group.name} by")
    for node in group.candidates:
        action = submenu.addAction(title_of(None, node))
        action.setCheckable(True)
        action.setChecked(node == group.representative)
        action.triggered.connect(lambda _=False, node=node: window.apply(ChooseRepresentative(group.name, node)))
