"""Pictures of one analysis: aggregate, lay out and draw a view, from what the last pictures left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnnvis_caffe.aggregation.aggregate import aggregate
from cnnvis_caffe.aggregation.cache import Cache
from cnnvis_caffe.readings.graph import Graph
from cnnvis_caffe.readings.relations import relation, strengths_from
from cnnvis_caffe.readings.scales import Beside, Scales
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.cache import SceneCache
from cnnvis_caffe.scene.clock import Clock
from cnnvis_caffe.scene.facets import PictureLayout
from cnnvis_caffe.scene.picture import draw_scene, lay_out, legend_scene
from cnnvis_caffe.scene.shapes import Scene, Target


@dataclass(frozen=True, eq=False)
class DrawnPicture:
    """A picture with what it was drawn from.

    Attributes
    ----------
    scene : Scene
    aggregation : Aggregation
    layout : PictureLayout
        With the places of everything.
    """

    scene: Scene
    aggregation: Aggregation
    layout: PictureLayout


class ViewDrawer:
    """Draws views of an analysis; what a view has in common with those before it is not made again.

    Parameters
    ----------
    analysis : Analysis

    Notes
    -----
    Not safe for several threads at once: what asks for pictures from a thread keeps one of these for itself.
    """

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._aggregations, self._scenes = Cache(), SceneCache()
        self._last: tuple[View, Aggregation] | None = None
        self._own_scales, self._shared_scales = Scales(analysis), Scales(analysis)

    def aggregate(self, view: View) -> Aggregation:
        """Aggregate layers, neurons and connections for a view.

        Raises
        ------
        UnknownSnapshotError
            If there is no snapshot of the view's name.
        """
        if self._last is None or self._last[0] != view:
            self._last = view, aggregate(self.analysis, view, self._aggregations)
        return self._last[1]

    def draw(
        self,
        view: View,
        *,
        selection: Target | None = None,
        size: tuple[float, float] | None = None,
        beside: Beside | None = None,
        has_title: bool = True,
        has_legend: bool = True,
        clock: Clock | None = None,
    ) -> DrawnPicture:
        """Draw a view.

        Parameters
        ----------
        view : View
        selection : Target, optional
            What stands out.
        size : (float, float), optional
            Wished width and height; long networks come out wider. None: as large as is good to read.
        beside : Beside, optional
            What is shown beside this picture: both have the same scales, and one legend.
        has_title, has_legend : bool, default=True
        clock : Clock, optional
            Notes what the stages "aggregate", "lay out" and "draw" take.

        Returns
        -------
        DrawnPicture

        Raises
        ------
        UnknownSnapshotError
            If there is no snapshot of the view's name.
        KeyError
            If there is no such theme.
        """
        clock = clock or Clock()
        aggregation = self.aggregate(view)
        clock.lap("aggregate")
        laid_out = lay_out(
            self.analysis,
            aggregation,
            view,
            size=size,
            cache=self._scenes,
            scales=self.scales(beside),
            beside=beside,
            has_title=has_title,
            has_legend=has_legend,
        )
        clock.lap("lay out")
        relations = self.relations(view, aggregation)
        scene = draw_scene(
            laid_out, selection=selection, relations=relations, has_title=has_title, has_legend=has_legend
        )
        clock.lap("draw")
        return DrawnPicture(scene, aggregation, laid_out.layout)

    def scales(self, beside: Beside | None = None) -> Scales:
        """Return what colours mean in all pictures of the analysis, alone or beside another one's."""
        if beside is None or beside.analysis is self.analysis:
            return self._own_scales
        if self._shared_scales.analyses != (self.analysis, beside.analysis):
            self._shared_scales = Scales(self.analysis, beside.analysis)
        return self._shared_scales

    def legend(self, view: View, *, size: tuple[float, float]) -> Scene:
        """Draw the legend of a view alone, as wide as `size` says, of the picture that has neither title nor legend.

        Parameters
        ----------
        view : View
        size : (float, float)
            As given to `draw`.

        Returns
        -------
        Scene
        """
        laid_out = lay_out(
            self.analysis,
            self.aggregate(view),
            view,
            size=size,
            cache=self._scenes,
            scales=self.scales(),
            has_title=False,
            has_legend=False,
        )
        return legend_scene(laid_out, size[0])

    def relations(self, view: View, aggregation: Aggregation) -> Callable[[str, str], np.ndarray]:
        """Return what gives the strengths between the neurons of two shown columns with signs, (n_target, n_source)."""
        number = self.analysis.snapshot_index(view.snapshot)
        shown = frozenset(column.node for column in aggregation.columns)

        def between(source: str, target: str) -> np.ndarray:
            stops = shown - {source, target}

            def make() -> np.ndarray:
                found = relation(self.analysis, number, source, target, stops)
                if found is None:
                    shape = self.analysis.node(target).n_neurons, self.analysis.node(source).n_neurons
                    return np.zeros(shape, np.float32)
                if view.strength == "signed":
                    return found.matrix
                graph, snapshot = Graph(self.analysis.nodes), self.analysis.snapshots[number]
                strengths = strengths_from(graph, snapshot, source, [target, *stops])[target]
                return np.where(found.matrix < 0, -strengths, strengths)

            key = (number, source, target, stops, view.strength)
            return self._aggregations.get("relation of neurons", key, make)

        return between
