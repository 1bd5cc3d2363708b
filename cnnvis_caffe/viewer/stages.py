"""Where the viewer meets what it shows: the stages that make a picture, asked for one picture at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from cnnvis_caffe.aggregation.aggregate import aggregate
from cnnvis_caffe.aggregation.cache import Cache
from cnnvis_caffe.aggregation.relations import relation
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.cache import SceneCache
from cnnvis_caffe.scene.legend import legend_height, legend_shapes
from cnnvis_caffe.scene.picture import build_scene, start_drawing
from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.child import run_in_child


@dataclass(frozen=True, eq=False)
class Wanted:
    """A picture that is asked for.

    Attributes
    ----------
    analysis : Analysis
    view : View
    selection : Target or None
    size : (float, float)
        Of the canvas.
    """

    analysis: Analysis
    view: View
    selection: Target | None = None
    size: tuple[float, float] = (1000.0, 640.0)


@dataclass(frozen=True, eq=False)
class Made:
    """A picture.

    Attributes
    ----------
    wanted : Wanted
    aggregation : Aggregation
    scene : Scene
    display : Display
        The scene, ready to be painted.
    legend : Scene
        As wide as the canvas, whatever the picture's own size.
    seconds : float
        What it took.
    """

    wanted: Wanted
    aggregation: Aggregation
    scene: Scene
    display: Display
    legend: Scene
    seconds: float


class PictureMaker:
    """Makes pictures, each from what the last one left; one thread at a time."""

    def __init__(self) -> None:
        self._cache, self._scenes = Cache(), SceneCache()
        self._analysis: Analysis | None = None
        self._last: tuple[View, Aggregation] | None = None

    def __call__(self, wanted: Wanted) -> Made:
        """Aggregate, lay out, draw."""
        started = time.perf_counter()
        if wanted.analysis is not self._analysis:
            self._analysis, self._last, self._scenes = wanted.analysis, None, SceneCache()
        view = wanted.view
        if self._last is not None and self._last[0] == view:
            aggregation = self._last[1]
        else:
            aggregation = aggregate(wanted.analysis, view, self._cache)
            self._last = (view, aggregation)
        scene = build_scene(
            wanted.analysis,
            aggregation,
            view,
            selection=in_picture(aggregation, wanted.selection),
            size=wanted.size,
            relations=self._relations(wanted.analysis, view, aggregation),
            cache=self._scenes,
            has_title=False,
            has_legend=False,
        )
        legend = self._legend(wanted, aggregation)
        return Made(wanted, aggregation, scene, Display(scene), legend, time.perf_counter() - started)

    def _legend(self, wanted: Wanted, aggregation: Aggregation) -> Scene:
        """The legend of the picture as a scene of its own, so that it does not shrink with wide networks."""
        drawing, entries, notes = start_drawing(
            wanted.analysis,
            aggregation,
            wanted.view,
            size=wanted.size,
            cache=self._scenes,
            has_title=False,
            has_legend=False,
        )
        width = wanted.size[0]
        height = legend_height(entries, notes, width)
        drawing = replace(drawing, geometry=replace(drawing.geometry, width=width, height=height))
        return Scene(width, height, drawing.theme.ground, tuple(legend_shapes(drawing, entries, notes)), "Legend")

    def _relations(self, analysis: Analysis, view: View, aggregation: Aggregation):
        labels = [snapshot.label for snapshot in analysis.snapshots]
        number = labels.index(view.snapshot) if view.snapshot in labels else len(labels) - 1
        stops = tuple(column.node for column in aggregation.columns)

        def relations(source: str, target: str) -> np.ndarray:
            def make():
                found = relation(analysis, number, source, target, stops)
                if found is None:
                    return np.zeros((analysis.node(target).n_neurons, analysis.node(source).n_neurons), np.float32)
                return found.matrix

            return self._cache.get("viewer relation", (number, source, target, stops), make)

        return relations


def in_picture(aggregation: Aggregation, target: Target | None) -> Target | None:
    """Return what a selection is called in the picture of an aggregation; None if it is not in it any more."""
    if target is None or target.kind in ("class", "legend", "image"):
        return target
    if target.kind == "group":
        return target if any(group.name == target.node for group in aggregation.groups) else None
    columns = {column.node: column for column in aggregation.columns}
    column = columns.get(target.node)
    if column is None:
        return None
    if target.kind == "neuron":
        if any(neuron >= len(column.labels) for neuron in target.members):
            return None
        return replace(target, index=int(column.labels[target.members[0]]) if len(target.members) == 1 else -1)
    if target.kind == "cluster":
        for index, cluster in enumerate(column.clusters):
            if tuple(cluster.neurons.tolist()) == target.members:
                return replace(target, index=index)
        return None
    if target.kind in ("edge", "bicluster"):
        for gap in aggregation.gaps:
            if (gap.source, gap.target) == (target.node, target.other_node):
                return _bundle(columns, gap, target)
        return None
    return target


def _bundle(columns, gap, target: Target) -> Target | None:
    """The bicluster or curve of the same clusters, with the number that it has now."""
    if target.kind == "edge":
        return target
    for index, bicluster in enumerate(gap.biclusters):
        ends = (
            bundle_members(columns[gap.source], bicluster.sources),
            bundle_members(columns[gap.target], bicluster.targets),
        )
        if bicluster.sign == target.sign and ends == (target.members, target.other_members):
            return replace(target, index=index)
    return None


def bundle_members(column, clusters: tuple[int, ...]) -> tuple[int, ...]:
    """Return the neurons of some clusters of a column, in the clusters' order."""
    return tuple(np.concatenate([column.clusters[cluster].neurons for cluster in clusters]).tolist())


def load_analysis(path: str, progress) -> Analysis:
    """Open an analysis file."""
    from cnnvis_caffe.store import read_analysis

    progress.start(1, "opening")
    analysis = read_analysis(path)
    progress.step()
    progress.done()
    return analysis


def find_all(analysis: Analysis, aggregation: Aggregation, snapshot: str, progress):
    """Find what an expert would point at."""
    from cnnvis_caffe.findings.find import find

    if analysis.path:
        return run_in_child(
            "cnnvis_caffe.viewer.child_findings",
            "find_in_file",
            {"path": analysis.path, "snapshot": snapshot},
            progress,
        )
    progress.start(1, "findings")
    found = find(analysis, snapshot=snapshot, aggregation=aggregation)
    progress.step()
    progress.done()
    return found


def page_of(analysis: Analysis, snapshot: str, node: str, neuron: int, theme: str, progress) -> Scene:
    """Lay out the page of a neuron."""
    from cnnvis_caffe.scene.neuron_page import build_neuron_page
    from cnnvis_caffe.scene.theme import theme_named

    progress.start(1, "page")
    scene = build_neuron_page(analysis, snapshot, node, neuron, theme=theme_named(theme))
    progress.step()
    progress.done()
    return scene
