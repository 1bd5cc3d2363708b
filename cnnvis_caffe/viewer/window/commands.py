"""What the actions do: one method for each name in `actions.SPECS`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from cnnvis_caffe.edits.kinds import (
    ChooseClasses,
    ChooseClustersOf,
    ChooseEdgeFilter,
    ChooseEdges,
    ChooseFacet,
    ChooseRepresentative,
    ChooseTheme,
    CollapseGroup,
    Edit,
    ExpandGroup,
    MergeBiclusters,
    NewCluster,
    SplitBicluster,
)
from cnnvis_caffe.edits.sessions import check_session, load_session, save_session
from cnnvis_caffe.files.atomic import atomic_write, write_bytes
from cnnvis_caffe.records.aggregation import Gap
from cnnvis_caffe.scene.shapes import Target
from cnnvis_caffe.viewer.canvas.display import to_image
from cnnvis_caffe.viewer.model import export
from cnnvis_caffe.viewer.model.stages import bundle_members
from cnnvis_caffe.viewer.pages.help import AboutDialog, HelpDialog
from cnnvis_caffe.viewer.qt import QApplication, Qt, QtWidgets

if TYPE_CHECKING:
    from cnnvis_caffe.viewer.window.main_window import MainWindow
    from cnnvis_caffe.viewer.window.pane import Pane

FILTER_STEP = 0.05
ZOOM_STEP = 1.25
ANALYSES = "Analyses and sessions (*.cnnvis.h5 *.h5 *.json);;All files (*)"
SESSIONS = "Sessions (*.cnnvis.json *.json);;All files (*)"


class Commands:
    """The actions of one window."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    @property
    def _session(self):
        return self._window.active_session

    @property
    def _pane(self) -> Pane:
        return self._window.active_pane

    def _apply(self, edit: Edit) -> None:
        self._window.apply(edit)

    # -- File

    def open_file(self) -> None:
        """Ask for a file and open it."""
        window = self._window
        path, _ = QtWidgets.QFileDialog.getOpenFileName(window, "Open", window.settings.folder, ANALYSES)
        if path:
            window.settings.folder = os.path.dirname(path)
            window.open_path(path)

    def open_model(self) -> None:
        """Ask for a model and analyse it."""
        self._window.opening.ask_for_model()

    def open_demo(self) -> None:
        """Make the demo and open it."""
        self._window.opening.demo()

    def save_session(self) -> None:
        """Ask for a name and write the edits."""
        window, analysis = self._window, self._window.session.analysis
        if analysis is None:
            return
        name = os.path.basename(analysis.path or analysis.title)
        start = os.path.join(window.settings.folder, name.replace(".cnnvis.h5", "") + ".cnnvis.json")
        path, _ = QtWidgets.QFileDialog.getSaveFileName(window, "Save session", start, SESSIONS)
        if path:
            window.settings.folder = os.path.dirname(path)
            self.save_session_to(path)

    def save_session_to(self, path: str) -> None:
        """Write the edits."""
        save_session(path, self._window.session.history)
        self._window.say(f"Session saved in {path}")

    def open_session(self) -> None:
        """Ask for a session and do its edits."""
        window = self._window
        path, _ = QtWidgets.QFileDialog.getOpenFileName(window, "Open session", window.settings.folder, SESSIONS)
        if path:
            window.settings.folder = os.path.dirname(path)
            self.open_session_from(path)

    def open_session_from(self, path: str) -> None:
        """Do the edits of a session on this analysis."""
        history = load_session(path)
        if self._window.session.analysis is None:
            self._window.message.show_text("Open the analysis first that the session belongs to.")
            return
        check_session(history, self._window.session.analysis, path)
        self._window.session.open(self._window.session.analysis, history)
        self._window.say(f"Session opened from {path}")

    def export_picture(self) -> None:
        """Ask for a name and write the picture."""
        window = self._window
        start = os.path.join(window.settings.folder, f"{self._session.analysis.title}.svg")
        path, _ = QtWidgets.QFileDialog.getSaveFileName(window, "Export picture", start, export.PICTURE_FILTER)
        if path:
            window.settings.folder = os.path.dirname(path)
            self.export_picture_to(path)

    def export_picture_to(self, path: str) -> None:
        """Write the picture, in the background."""
        window, session = self._window, self._session
        if session.aggregation is None:
            return
        window.say(f"Writing {path}…")
        window.jobs.start(
            export.write_picture,
            path,
            session.analysis,
            session.made.wanted.view,
            session.made.wanted.selection,
            succeeded=lambda written: window.say(f"Written: {written}"),
        )

    def export_table(self) -> None:
        """Ask for a name and write the figures of what is selected."""
        window = self._window
        start = os.path.join(window.settings.folder, "selection.csv")
        path, _ = QtWidgets.QFileDialog.getSaveFileName(window, "Export table", start, "Tables (*.csv)")
        if path:
            window.settings.folder = os.path.dirname(path)
            self.export_table_to(path)

    def export_table_to(self, path: str) -> None:
        """Write the figures of what is selected."""
        write_bytes(path, self._table(",").encode("utf-8"))
        self._window.say(f"Written: {path}")

    def _table(self, delimiter: str) -> str:
        session = self._session
        head, rows = export.table_of(session.analysis, session.aggregation, session.view, session.selection)
        return export.as_text(head, rows, delimiter)

    def export_patches(self) -> None:
        """Ask for a name and write the patches of what is selected."""
        window = self._window
        start = os.path.join(window.settings.folder, "patches.png")
        path, _ = QtWidgets.QFileDialog.getSaveFileName(window, "Export patches", start, "Pictures (*.png)")
        if path:
            window.settings.folder = os.path.dirname(path)
            self.export_patches_to(path)

    def export_patches_to(self, path: str) -> None:
        """Write the patches of what is selected."""
        session = self._session
        sheet = export.patches_of(session.analysis, session.view, session.selection)
        if sheet is None:
            self._window.message.show_text("What is selected has no patches: select a neuron, a cluster or a layer.")
            return
        with atomic_write(path) as temporary:
            if not to_image(sheet).save(str(temporary), "PNG"):
                raise OSError(0, "it cannot be written", path)
        self._window.say(f"Written: {path}")

    def close_analysis(self) -> None:
        """Go back to the start page."""
        self._window.close_analysis()

    def quit(self) -> None:
        """End the program."""
        self._window.close()

    # -- Edit

    def undo(self) -> None:
        """Take the last edit back."""
        self._window.step_history(back=True)

    def redo(self) -> None:
        """Do it again."""
        self._window.step_history(back=False)

    def copy_picture(self) -> None:
        """Copy the picture as it is seen."""
        pixmap = self._pane.canvas.grab()
        QApplication.clipboard().setPixmap(pixmap)
        self._window.say("Picture copied")

    def copy_table(self) -> None:
        """Copy the figures of what is selected."""
        QApplication.clipboard().setText(self._table("\t"))
        self._window.say("Table copied")

    def find(self) -> None:
        """Go to the search field."""
        self._window.search.setFocus(Qt.ShortcutFocusReason)
        self._window.search.selectAll()

    def select_nothing(self) -> None:
        """Select what is around the selection."""
        if self._pane.canvas.is_dragging:
            self._pane.canvas.cancel_drag()
        else:
            self._pane.step_out()

    def select_inside(self) -> None:
        """Select what is in the selection."""
        self._pane.step_into()

    # -- View

    def facet_features(self) -> None:
        """Show learned features."""
        self._apply(ChooseFacet("features"))

    def facet_activations(self) -> None:
        """Show activations."""
        self._apply(ChooseFacet("activations"))

    def facet_contributions(self) -> None:
        """Show contributions."""
        self._apply(ChooseFacet("contributions"))

    def _edges(self, quantity: str) -> None:
        reason = self._window.control_panel.edges.reason_against(quantity)
        if reason:
            self._window.say(reason)
        else:
            self._apply(ChooseEdges(quantity))

    def edges_weight(self) -> None:
        """Colour by weight."""
        self._edges("weight")

    def edges_gradient(self) -> None:
        """Colour by gradient."""
        self._edges("gradient")

    def edges_change(self) -> None:
        """Colour by relative change."""
        self._edges("relative_change")

    def _filter(self, by: float) -> None:
        share = round(min(max(self._session.view.edge_filter + by, FILTER_STEP), 1.0), 2)
        self._window.apply(ChooseEdgeFilter(share), together=True)

    def fewer_edges(self) -> None:
        """Filter more."""
        self._filter(-FILTER_STEP)

    def more_edges(self) -> None:
        """Filter less."""
        self._filter(FILTER_STEP)

    def fit(self) -> None:
        """Show everything."""
        for pane in self._window.panes:
            pane.canvas.fit()

    def go_to_selection(self) -> None:
        """Show the selection."""
        if self._session.selection is not None:
            self._window.places.go_to(self._session.selection)

    def zoom_in(self) -> None:
        """Zoom in."""
        self._pane.canvas.zoom_by(ZOOM_STEP)

    def zoom_out(self) -> None:
        """Zoom out."""
        self._pane.canvas.zoom_by(1 / ZOOM_STEP)

    def actual_size(self) -> None:
        """One to one."""
        self._pane.canvas.zoom_to_actual()

    def minimap(self, on: bool) -> None:
        """Show or hide the minimap."""
        for pane in self._window.panes:
            pane.minimap.set_wanted(on)

    def dark_theme(self, on: bool) -> None:
        """Dark or light."""
        if (self._session.view.theme == "dark") != on:
            self._apply(ChooseTheme("dark" if on else "light"))

    def reduced_motion(self, on: bool) -> None:
        """Let nothing glide."""
        self._window.set_reduced_motion(on)

    def full_screen(self, on: bool) -> None:
        """Use the whole screen."""
        if on:
            self._window.showFullScreen()
        elif self._window.isFullScreen():
            self._window.showNormal()

    def reset_layout(self) -> None:
        """Put all docks back."""
        self._window.reset_layout()

    # -- Network

    def toggle_group(self) -> None:
        """Expand or collapse the group of the selection."""
        selection = self._session.selection
        group = self._session.group_of(selection.node) if selection is not None else None
        if group is not None and len(group.columns) > 1:
            self._apply(CollapseGroup(group.name) if group.is_expanded else ExpandGroup(group.name))

    def expand_all(self) -> None:
        """Show every layer."""
        self._window.control_panel.groups.expand_all()

    def collapse_all(self) -> None:
        """Show groups."""
        self._window.control_panel.groups.collapse_all()

    def next_representative(self) -> None:
        """Let the next layer stand for the group of the selection; after the last one the first."""
        selection = self._session.selection
        group = self._session.group_of(selection.node) if selection is not None else None
        if group is not None and len(group.candidates) > 1 and not group.is_expanded:
            at = group.candidates.index(group.representative) + 1
            node = group.candidates[at % len(group.candidates)]
            self._apply(ChooseRepresentative(group.name, node))
            if selection.kind != "group":
                self._session.select(Target("column", node))

    def new_cluster(self) -> None:
        """Put the selected neuron into a cluster of its own."""
        selection = self._session.selection
        if selection is not None and selection.kind == "neuron":
            self._apply(NewCluster(selection.node, selection.members))

    def _cluster_facet(self, facet: str) -> None:
        cluster = self._window.places.cluster_of(self._session.selection)
        if cluster is not None:
            self._apply(ChooseFacet(facet, cluster.node, cluster.members))

    def cluster_features(self) -> None:
        """Show one cluster's learned features."""
        self._cluster_facet("features")

    def cluster_activations(self) -> None:
        """Show one cluster's activations."""
        self._cluster_facet("activations")

    def cluster_contributions(self) -> None:
        """Show one cluster's contributions."""
        self._cluster_facet("contributions")

    def gap_of(self, target: Target | None) -> Gap | None:
        """Return the gap that an edge or bundle lies in."""
        aggregation = self._session.aggregation
        if aggregation is not None and target is not None:
            for gap in aggregation.gaps:
                if (gap.source, gap.target) == (target.node, target.other_node):
                    return gap
        return None

    def bundle_index(self, target: Target | None) -> int | None:
        """Return the number of a bundle, or of the bundle that a curve belongs to."""
        gap = self.gap_of(target)
        if gap is None or target is None:
            return None
        columns = {column.node: column for column in self._session.aggregation.columns}
        mine, other = set(target.members), set(target.other_members)
        best = None
        for index, bicluster in enumerate(gap.biclusters):
            if bicluster.sign != target.sign:
                continue
            sources = set(bundle_members(columns[gap.source], bicluster.sources))
            targets = set(bundle_members(columns[gap.target], bicluster.targets))
            if (sources, targets) == (mine, other):
                return index
            if best is None and mine <= sources and other <= targets and (mine == sources or other == targets):
                best = index
        return best

    def _named(self, gap: Gap, index: int):
        columns = {column.node: column for column in self._session.aggregation.columns}
        bicluster = gap.biclusters[index]
        return tuple(
            tuple(tuple(columns[node].clusters[k].neurons.tolist()) for k in clusters)
            for node, clusters in ((gap.source, bicluster.sources), (gap.target, bicluster.targets))
        )

    def merge(self, gap: Gap, first: int, second: int) -> None:
        """Draw two bundles as one."""
        sign = gap.biclusters[first].sign
        self._apply(MergeBiclusters(gap.source, gap.target, sign, self._named(gap, first), self._named(gap, second)))

    def merge_bundles(self) -> None:
        """Merge the selected bundle with the one that shares most clusters with it."""
        selection = self._session.selection
        gap, index = self.gap_of(selection), self.bundle_index(selection)
        if gap is None or index is None:
            return
        mine = gap.biclusters[index]
        others = [k for k, b in enumerate(gap.biclusters) if k != index and b.sign == mine.sign]
        if not others:
            self._window.say("There is no other bundle of this sign between these layers")
            return

        def shared(k: int) -> int:
            other = gap.biclusters[k]
            return len({*mine.sources} & {*other.sources}) + len({*mine.targets} & {*other.targets})

        self.merge(gap, index, max(others, key=lambda k: (shared(k), -abs(k - index))))

    def split_bundle(self) -> None:
        """Draw a bundle as one for each of its targets."""
        selection = self._session.selection
        gap, index = self.gap_of(selection), self.bundle_index(selection)
        if gap is not None and index is not None:
            if len(gap.biclusters[index].targets) < 2:
                self._window.say("This bundle leads to one cluster only")
                return
            sign = gap.biclusters[index].sign
            self._apply(SplitBicluster(gap.source, gap.target, sign, self._named(gap, index)))

    def open_page(self) -> None:
        """Open the page of what is selected."""
        if self._session.selection is not None:
            self._window.places.open_target(self._session.selection)

    def all_classes(self) -> None:
        """Choose all classes."""
        self._apply(ChooseClasses(()))

    def invert_classes(self) -> None:
        """Choose the other classes."""
        chosen = set(self._session.view.classes) or set(range(self._session.analysis.data.n_classes))
        others = tuple(c for c in np.arange(self._session.analysis.data.n_classes).tolist() if c not in chosen)
        self._apply(ChooseClasses(others))

    def _step_snapshot(self, by: int) -> None:
        comparison = self._window.comparison
        if comparison is not None and self._pane is comparison.pane:
            comparison.step(by)
        else:
            self._window.snapshots.step(by)

    def snapshot_before(self) -> None:
        """Go back in the training, in the picture that was used last."""
        self._step_snapshot(-1)

    def snapshot_after(self) -> None:
        """Go on in the training, in the picture that was used last."""
        self._step_snapshot(1)

    def play_snapshots(self) -> None:
        """Play, or stop; of two pictures, in the first."""
        self._window.snapshots.play.toggle()

    def cluster_here(self) -> None:
        """Show the clusters of the snapshot that is shown."""
        session = self._session
        if session.analysis is not None and session.snapshot is not None:
            is_last = session.snapshot is session.analysis.snapshots[-1]
            self._apply(ChooseClustersOf("" if is_last else session.snapshot.label))

    def compare_snapshot(self) -> None:
        """Put two snapshots side by side, or end that."""
        self._window.toggle_snapshot_comparison()

    def compare_file(self) -> None:
        """Ask for another analysis and put it beside this one."""
        window = self._window
        path, _ = QtWidgets.QFileDialog.getOpenFileName(
            window, "Compare with", window.settings.folder, "Analyses (*.cnnvis.h5 *.h5)"
        )
        if path:
            window.compare_with_path(path)

    def end_comparison(self) -> None:
        """Back to one picture."""
        self._window.end_comparison()

    # -- Help

    def help(self) -> None:
        """Show all keys."""
        self._show(HelpDialog(self._window))

    def about(self) -> None:
        """Show versions."""
        self._show(AboutDialog(self._window))

    @staticmethod
    def _show(dialog: QtWidgets.QDialog) -> None:
        dialog.setAttribute(Qt.WA_DeleteOnClose)
        dialog.show()
