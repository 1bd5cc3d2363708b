"""Makes the context menu of a thing: actions of the menu bar, and choices that only this thing has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cnnvis_caffe.edits.kinds import ChooseClasses, ChooseFacet, ChooseRepresentative, Edit
from cnnvis_caffe.records.aggregation import LayerGroup
from cnnvis_caffe.records.view import FACETS
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.text.words import class_name, counted
from cnnvis_caffe.viewer.model.actions import actions_named
from cnnvis_caffe.viewer.model.bundles import bundle_name, bundle_of, numbered
from cnnvis_caffe.viewer.model.describe import title_of
from cnnvis_caffe.viewer.model.edit_actions import edit_of, move_to_cluster
from cnnvis_caffe.viewer.model.lookup import cluster_around, cluster_target, column_of
from cnnvis_caffe.viewer.model.preview import NOTHING, Preview, targets_of
from cnnvis_caffe.viewer.model.session import Session
from cnnvis_caffe.viewer.qt import QAction, QMenu, Qt, QWidget, Signal

#: Clusters or classes that a submenu lists at most.
MOST = 24
_FACETS = actions_named("facet_")
_EDGES = (*actions_named("edges_"), "fewer_edges", "more_edges")


class ContextMenu(QMenu):
    """The menu of a thing, or of the ground.

    Parameters
    ----------
    window : QWidget
    actions : dict of str to QAction
        By name, those of the menu bar.
    session : Session
        Of the picture in which the thing is.
    target : Target or None
        None is the ground.
    apply : callable
        Does an edit.

    Signals
    -------
    previewed : Preview
        What its entries are about in the picture; `NOTHING` when it closes.
    """

    previewed = Signal(object)

    def __init__(
        self,
        window: QWidget,
        actions: dict[str, QAction],
        session: Session,
        target: Target | None,
        apply: Callable[[Edit], None],
    ) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WA_DeleteOnClose)
        self._actions, self._session, self._apply = actions, session, apply
        self._edits: dict[QAction, Edit] = {}
        self._names: dict[QMenu, tuple[tuple[Target, str], ...]] = {}
        if target is None:
            self._add_ground()
        else:
            self._add_thing(target)
        for menu in (self, *self.findChildren(QMenu)):
            menu.hovered.connect(self._preview)
            menu.aboutToShow.connect(partial(self._preview_names, menu))
        self.aboutToHide.connect(lambda: self.previewed.emit(NOTHING))

    def _preview_names(self, menu: QMenu) -> None:
        """Name in the picture what a menu offers."""
        self.previewed.emit(Preview(names=self._names.get(menu, ())))

    def _preview(self, action: QAction) -> None:
        """Show in the picture what an entry is about."""
        edit = self._edits.get(action) or edit_of(action.objectName(), self._session)
        targets = targets_of(self._session, edit) if isinstance(edit, Edit) else ()
        menu = next((menu for menu in self._names if action in menu.actions()), self)
        self.previewed.emit(Preview(targets, self._names.get(menu, ())))

    def _add(self, *names: str) -> None:
        for name in names:
            self.addAction(self._actions[name])

    def _add_edit(self, menu: QMenu, text: str, edit: Edit, is_chosen: bool | None = None) -> None:
        """An entry of a submenu that does an edit; with a mark where one of them is chosen."""
        action = menu.addAction(text.replace("&", "&&"))
        if is_chosen is not None:
            action.setCheckable(True)
            action.setChecked(is_chosen)
        action.triggered.connect(lambda: self._apply(edit))
        self._edits[action] = edit

    def _add_ground(self) -> None:
        self._add(*_FACETS)
        self.addSeparator()
        self._add(*_EDGES)
        self.addSeparator()
        self._add_classes()
        self.addSeparator()
        self._add("fit", "expand_all", "collapse_all", "arrange_anew")
        if self._actions["cluster_here"].isEnabled():
            self._add("cluster_here")
        self.addSeparator()
        self._add("copy_picture", "export_picture")

    def _add_thing(self, target: Target) -> None:
        kind = target.kind
        if kind == "neuron":
            self._add("open_page")
            self._add_clusters(target)
            self._add("new_cluster")
            self.addSeparator()
        if kind in ("neuron", "cluster"):
            self._add_facets(target)
            if kind == "cluster":
                self._add("open_page")
        if kind in ("edge", "bicluster"):
            self._add_partners(target)
            self._add("split_bundle")
            self.addSeparator()
            self._add(*_EDGES)
        if kind == "class" and self._session.analysis is not None:
            number = target.members[0]
            analysis = self._session.analysis
            text = f"Only {analysis.data.column} {class_name(analysis, number)}"
            self._add_edit(self, text, ChooseClasses((number,)))
            self._add("all_classes", "invert_classes")
        if kind in ("column", "group"):
            self._add("open_page")
        if kind in ("neuron", "cluster", "column", "group"):
            self._add_group(target)
        self.addSeparator()
        self._add("go_to_selection", "copy_table", "export_table")
        if kind in ("neuron", "cluster", "column"):
            self._add("export_patches")

    def _add_classes(self) -> None:
        analysis = self._session.analysis
        if analysis is not None and analysis.data.n_classes <= MOST:  # for more there is a list in the control panel
            submenu = self.addMenu(f"Only {analysis.data.column}")
            for number in range(analysis.data.n_classes):
                self._add_edit(submenu, class_name(analysis, number), ChooseClasses((number,)))
        self._add("all_classes", "invert_classes")

    def _add_clusters(self, target: Target) -> None:
        column = column_of(self._session.aggregation, target.node)
        if column is None or len(column.clusters) < 2:
            return
        submenu = self.addMenu("Move to cluster")
        there = set(column.labels[list(target.members)].tolist())
        for number, cluster in enumerate(column.clusters[:MOST]):
            if there != {number}:
                text = f"Cluster {number + 1}, {counted(len(cluster.neurons), 'neuron')}"
                self._add_edit(submenu, text, move_to_cluster(target, tuple(cluster.neurons.tolist())))
        self._names[submenu] = tuple((cluster_target(column, k), str(k + 1)) for k in range(len(column.clusters)))

    def _add_facets(self, target: Target) -> None:
        cluster = cluster_around(self._session.aggregation, target)
        if cluster is None:
            return
        submenu = self.addMenu("This cluster by")
        view, key = self._session.view, (cluster.node, cluster.members)
        current = next((f for node, members, f in view.facets if (node, members) == key), view.facet)
        for facet, one in FACETS.items():
            self._add_edit(submenu, one.words, ChooseFacet(facet, *key), is_chosen=facet == current)

    def _add_partners(self, target: Target) -> None:
        bundle = bundle_of(self._session.aggregation, target)
        if bundle is None:
            return
        submenu = self.addMenu("Merge with bundle")
        for other in bundle.partners:
            bicluster = bundle.gap.biclusters[other]
            text = f"{bundle_name(other)}, clusters {numbered(bicluster.sources)} → {numbered(bicluster.targets)}"
            self._add_edit(submenu, text, bundle.merged_with(other))
        shown = (*bundle.partners, bundle.index)
        self._names[submenu] = tuple((bundle.target_of(k), str(k + 1)) for k in shown)
        submenu.setEnabled(not submenu.isEmpty())

    def _add_group(self, target: Target) -> None:
        group = self._session.group_of(target.node)
        if group is None or group.kind == "input":
            return
        self.addSeparator()
        if len(group.columns) > 1:
            self._add("toggle_group")
        if len(group.candidates) > 1 and not group.is_expanded:
            self._add_representatives(group)

    def _add_representatives(self, group: LayerGroup) -> None:
        submenu = self.addMenu(f"Show {group.name} by")
        for node in group.candidates:
            edit = ChooseRepresentative(group.name, node)
            self._add_edit(submenu, title_of(None, node), edit, is_chosen=node == group.representative)

