"""Where the viewer meets what it shows: the stages that make a picture, asked for one picture at a time."""

from __future__ import annotations

import importlib
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from cnnvis_caffe import pipeline
from cnnvis_caffe.aggregation.cache import Cache
from cnnvis_caffe.drawing.pictures import DrawnPicture, ViewDrawer
from cnnvis_caffe.errors import CnnvisError
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.layer_code import LayerCode
from cnnvis_caffe.records.view import FACETS, View
from cnnvis_caffe.scene.cache import SceneCache, Value
from cnnvis_caffe.scene.facets import PictureLayout, prepare_matrices
from cnnvis_caffe.scene.legend import legend_entries, legend_height, legend_shapes, picture_notes
from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.scene.theme import SIZES, theme_named
from cnnvis_caffe.viewer.canvas.display import Display
from cnnvis_caffe.viewer.work.child import run_in_child
from cnnvis_caffe.viewer.work.threads import give_memory_back, pass_over_modules

#: Room that a column and the gap beside it need, in scene units, to guess the width of a long network.
LEAST_COLUMN, LEAST_GAP = 100.0, 104.0
#: Height of a canvas at least, in pixels.
LEAST_HEIGHT = 160
#: Columns are not made higher than so many times the canvas.
MOST_STRETCH = 2.6
#: Pictures of fewer neurons are whole before one would notice: they are not sketched.
LEAST_SKETCHED = 1000
#: What is kept for the next pictures, so that memory does not grow with every view: layouts, which are large, other
#: results of drawing, and results of each stage of the aggregation. One view of a large network has one, 300 and 100.
MOST_LAYOUTS, MOST_DRAWN, MOST_AGGREGATED = 8, 1536, 320
#: Between large and small things that go, memory is left over in which nothing larger has room: after so many seconds
#: of work it goes back to the system, which takes milliseconds.
GIVE_BACK_S = 20.0


@dataclass(frozen=True, eq=False)
class PictureRequest:
    """A picture that is asked for.

    Attributes
    ----------
    analysis : Analysis
    view : View
    selection : Target or None
    size : (float, float)
        Of the canvas.
    legend_width : float
    legend_comes : bool
        Whether the canvas has yet to make room for the legend, in the height of `size`.
    """

    analysis: Analysis
    view: View
    selection: Target | None = None
    size: tuple[float, float] = (1000.0, 640.0)
    legend_width: float = 1000.0
    legend_comes: bool = False


@dataclass(frozen=True, eq=False)
class FinishedPicture:
    """A picture.

    Attributes
    ----------
    wanted : PictureRequest
    aggregation : Aggregation
    scene : Scene
    display : Display
        The scene, ready to be painted.
    legend : Scene
        As wide as the canvas, whatever the picture's own size.
    seconds : float
        What it took.
    """

    wanted: PictureRequest
    aggregation: Aggregation
    scene: Scene
    display: Display
    legend: Scene
    seconds: float


class _Kept(SceneCache):
    """What drawing keeps; of layouts only the last few."""

    def __init__(self) -> None:
        super().__init__(MOST_DRAWN)
        self._layouts = SceneCache(MOST_LAYOUTS)

    def get(self, key: Hashable, make: Callable[[], Value], *, alive: object = None) -> Value:
        """Return the result of a key, making it if it is new."""
        if isinstance(key, tuple) and key[:1] == ("geometry",):
            return self._layouts.get(key, make, alive=alive)
        return super().get(key, make, alive=alive)


class _ViewDrawer(ViewDrawer):
    """Pictures that keep less, and that can also be drawn of another aggregation than the view's own."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        self._aggregations, self._scenes = Cache(MOST_AGGREGATED), _Kept()
        self._given: Aggregation | None = None

    def aggregate(self, view: View) -> Aggregation:
        """Aggregate for a view, unless something is given."""
        return self._given if self._given is not None else super().aggregate(view)

    @contextmanager
    def given(self, aggregation: Aggregation) -> Iterator[None]:
        """Draw this one meanwhile."""
        self._given = aggregation
        try:
            yield
        finally:
            self._given = None


class PictureMaker:
    """Makes pictures, each from what the last one left; one thread at a time."""

    def __init__(self) -> None:
        self._pictures: _ViewDrawer | None = None
        self._last: tuple[PictureRequest, Aggregation] | None = None
        self._is_loaded = False  # all modules that it takes
        self._unprepared: PictureLayout | None = None  # the last picture's, until all its facets are at hand
        self._known: OrderedDict[tuple[View, tuple[float, float]], None] = OrderedDict()  # views whose places are kept
        self._gave_back = time.monotonic()

    def __call__(self, wanted: PictureRequest) -> FinishedPicture:
        """Aggregate, lay out, draw."""
        started = time.perf_counter()
        if self._pictures is None or wanted.analysis is not self._pictures.analysis:
            self._pictures = _ViewDrawer(wanted.analysis)
            self._known.clear()
        aggregation = self._pictures.aggregate(wanted.view)
        if wanted.legend_comes:
            wanted = replace(wanted, size=_beside_legend(wanted, aggregation), legend_comes=False)
        drawn = _draw(self._pictures, wanted, aggregation)
        self._last, self._unprepared = (wanted, aggregation), drawn.layout
        self._known[wanted.view, wanted.size] = None
        if len(self._known) > MOST_LAYOUTS:
            self._known.popitem(last=False)
        return _made(wanted, aggregation, drawn, started)

    def sketch(self, wanted: PictureRequest) -> FinishedPicture | None:
        """Draw other classes in the places of the last picture, which is quick: the sizes of patches follow.

        None where the last picture differs in more than the classes, so that its places are of no use, and where the
        whole is quick enough.
        """
        pictures, last = self._pictures, self._last
        if pictures is None or last is None or wanted.analysis is not pictures.analysis:
            return None
        before, shown = last
        if sum(len(column.labels) for column in shown.columns) < LEAST_SKETCHED:
            return None
        if wanted.size != before.size or wanted.view == before.view or (wanted.view, wanted.size) in self._known:
            return None
        if replace(before.view, classes=wanted.view.classes, class_cutoff=wanted.view.class_cutoff) != wanted.view:
            return None
        started = time.perf_counter()
        aggregation = pictures.aggregate(wanted.view)
        places = {column.node: column for column in shown.placed.columns}
        if any(column.importance.shape != places[column.node].importance.shape for column in aggregation.columns):
            return None
        columns = tuple(replace(one, importance=places[one.node].importance) for one in aggregation.placed.columns)
        placed = replace(aggregation.placed, columns=columns)
        sketched = placed if aggregation.kept is None else replace(aggregation, kept=placed)
        with pictures.given(sketched):
            drawn = _draw(pictures, wanted, aggregation)
        return _made(wanted, aggregation, drawn, started)

    def idle(self) -> Iterator[None]:
        """Prepare the matrices of what was shown last, a column in each step, so that switching facets is quick."""
        now = time.monotonic()
        if self._pictures is not None and now - self._gave_back > GIVE_BACK_S:
            # Before the first step, which only comes when the user pauses.
            self._gave_back = now
            give_memory_back()
        return self._steps()

    def _steps(self) -> Iterator[None]:
        if self._pictures is None:
            # The first picture clusters, and what it does that with takes its time to load.
            importlib.import_module("cnnvis_caffe.aggregation.clustering")
            yield
        if not self._is_loaded:
            self._is_loaded = True
            pass_over_modules()
        layout = self._unprepared
        if layout is None:
            return
        for facet in FACETS:
            if facet not in ("features", layout.view.facet):
                for column in layout.aggregation.columns:
                    prepare_matrices(layout, column, facet)
                    yield
        self._unprepared = None
        give_memory_back()


def _beside_legend(wanted: PictureRequest, aggregation: Aggregation) -> tuple[float, float]:
    """The size of the canvas once the legend has its room, so that the first picture is not laid out twice."""
    entries = legend_entries(wanted.analysis, aggregation, wanted.view, theme_named(wanted.view.theme))
    notes = picture_notes(wanted.analysis, aggregation, wanted.view)
    width, height = wanted.size
    return width, max(height - round(legend_height(entries, notes, wanted.legend_width)), LEAST_HEIGHT)


def _draw(pictures: ViewDrawer, wanted: PictureRequest, aggregation: Aggregation) -> DrawnPicture:
    """The picture alone; title and legend stand beside it in the window."""
    return pictures.draw(
        wanted.view,
        selection=in_picture(aggregation, wanted.selection),
        size=wished_size(aggregation, wanted.size),
        has_title=False,
        has_legend=False,
    )


def _made(wanted: PictureRequest, aggregation: Aggregation, drawn: DrawnPicture, started: float) -> FinishedPicture:
    """What the window gets, with what it took since `started`."""
    display, legend = Display(drawn.scene), _legend(wanted, drawn)
    return FinishedPicture(wanted, aggregation, drawn.scene, display, legend, time.perf_counter() - started)


def _legend(wanted: PictureRequest, drawn: DrawnPicture) -> Scene:
    """The legend of the picture as a scene of its own, so that it does not shrink with wide networks."""
    layout, aggregation = drawn.layout, drawn.aggregation
    entries = legend_entries(wanted.analysis, aggregation, wanted.view, layout.theme, layout)
    notes = picture_notes(wanted.analysis, aggregation, wanted.view)
    width = wanted.legend_width
    height = legend_height(entries, notes, width)
    layout = replace(layout, geometry=replace(layout.geometry, width=width, height=height))
    return Scene(width, height, layout.theme.ground, tuple(legend_shapes(layout, entries, notes)), "Legend")


def wished_size(aggregation: Aggregation, canvas: tuple[float, float]) -> tuple[float, float]:
    """Return the size of a scene that fills a canvas when it is fitted into it.

    A long network is wider than the canvas and is shown smaller; its columns may then be higher by as much.
    """
    width, height = canvas
    n = max((column.depth for column in aggregation.columns), default=0) + 1
    needed = 2 * SIZES.margin + n * LEAST_COLUMN + (n - 1) * LEAST_GAP
    scale = min(max(needed / max(width, 1.0), 1.0), MOST_STRETCH)
    return max(width, needed), height * scale


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
    progress.start(1, "opening")
    analysis = pipeline.open_analysis(path)
    progress.step()
    progress.done()
    return analysis


def find_all(analysis: Analysis, aggregation: Aggregation, snapshot: str, progress):
    """Find what an expert would point at."""
    from cnnvis_caffe.findings.find import find

    if analysis.path:
        return run_in_child(
            "cnnvis_caffe.viewer.work.child_findings",
            "find_in_file",
            {"path": analysis.path, "snapshot": snapshot},
            progress,
        )
    progress.start(1, "findings")
    found = find(analysis, snapshot=snapshot, aggregation=aggregation)
    progress.step()
    progress.done()
    return found


def python_layers(model: str, stages: Sequence[str] = ()) -> tuple[LayerCode, ...]:
    """Return the code that analysing a model would run; of what cannot be read, whoever runs it says why."""
    try:
        return importlib.import_module("cnnvis_caffe.analysis.model").python_layers(model, stages)
    except CnnvisError:
        return ()


def python_layers_of(analysis: Analysis, snapshot: str) -> tuple[LayerCode, ...]:
    """Return the code that running the model of an analysis again would run, likewise."""
    try:
        chosen = next(one for one in analysis.snapshots if one.label == snapshot)
        return importlib.import_module("cnnvis_caffe.analysis.deconvolution").python_layers_of(analysis, chosen)
    except CnnvisError:
        return ()


def deconvolutions(
    analysis: Analysis, snapshot: str, node: str, neuron: int, may_run_code: bool, progress
) -> dict[int, np.ndarray]:
    """Project the strongest images of a neuron back to the pixels."""
    if not analysis.path:
        raise CnnvisError("This analysis is not a file, and so does not say which model and data it was made of.")
    arguments = {"path": analysis.path, "snapshot": snapshot, "node": node, "neuron": neuron}
    arguments["allow_python_layers"] = may_run_code
    return run_in_child("cnnvis_caffe.viewer.work.child_deconvolution", "deconvolve_in_file", arguments, progress)


def page_of(
    analysis: Analysis, snapshot: str, node: str, neuron: int, theme: str, projections: dict[int, np.ndarray], progress
) -> Scene:
    """Lay out the page of a neuron."""
    from cnnvis_caffe.scene.neuron_page import build_neuron_page
    from cnnvis_caffe.scene.theme import theme_named

    progress.start(1, "page")
    scene = build_neuron_page(analysis, snapshot, node, neuron, theme=theme_named(theme), projections=projections)
    progress.step()
    progress.done()
    return scene
