"""Makes the window's pictures, each from what the last ones left."""

from __future__ import annotations

import importlib
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from cnnvis_caffe.aggregation.cache import Cache
from cnnvis_caffe.drawing.pictures import DrawnPicture, ViewDrawer
from cnnvis_caffe.readings.facets import MATRIX_FACETS
from cnnvis_caffe.readings.scales import Beside
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.cache import SceneCache, Value
from cnnvis_caffe.scene.facets import PictureLayout, prepare_matrices
from cnnvis_caffe.scene.legend import (
    LINE_HEIGHT,
    legend_entries,
    legend_height,
    legend_shapes,
    line_shapes,
    picture_notes,
)
from cnnvis_caffe.scene.shapes import Scene, Target
from cnnvis_caffe.scene.theme import SIZES, theme_named
from cnnvis_caffe.viewer.model.lookup import in_picture
from cnnvis_caffe.viewer.model.memory import give_memory_back, pass_over_modules

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
#: What is made for a column that is new, of a large network.
STEPS_OF_COLUMN = 54


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
    legend_is_line : bool
        Whether there is room for one line of it only.
    legend_comes : bool
        Whether the canvas has yet to make room for the legend, in the height of `size`.
    beside : Beside or None
        What the other one of two pictures shows.
    """

    analysis: Analysis
    view: View
    selection: Target | None = None
    size: tuple[float, float] = (1000.0, 640.0)
    legend_width: float = 1000.0
    legend_is_line: bool = False
    legend_comes: bool = False
    beside: Beside | None = None


@dataclass(frozen=True, eq=False)
class FinishedPicture:
    """A picture.

    Attributes
    ----------
    request : PictureRequest
    aggregation : Aggregation
    scene : Scene
    display : object
        The scene as the window paints it; None where nobody does.
    legend : Scene
        As wide as the canvas, whatever the picture's own size.
    seconds : float
        What it took.
    """

    request: PictureRequest
    aggregation: Aggregation
    scene: Scene
    display: Any
    legend: Scene
    seconds: float


class MakingSteps:
    """Counts what is made anew on the way to a picture, and tells somebody, who may stop it.

    Attributes
    ----------
    watch : callable
        Gets words, steps done and steps expected; raises `Cancelled` to stop.
    """

    def __init__(self) -> None:
        self.watch: Callable[[str, int, int], None] = lambda words, done, total: None
        self._done = self._total = 0

    def begin(self) -> None:
        """Begin another picture."""
        self._done = self._total = 0

    def expect_columns(self, n_columns: int) -> None:
        """Say how many columns the picture has."""
        self._total = STEPS_OF_COLUMN * n_columns

    def take(self, words: str) -> None:
        """Take a step."""
        self._done = min(self._done + 1, max(self._total - 1, 0))
        self.watch(words, self._done, self._total)


class _WatchedCache(Cache):
    """What the aggregation keeps; what it makes are steps."""

    def __init__(self, steps: MakingSteps) -> None:
        super().__init__(MOST_AGGREGATED)
        self._steps = steps

    def get(self, stage: str, key: Hashable, make: Callable[[], Any]) -> Any:
        """Return a result, made now if it is not known."""

        def step() -> Any:
            self._steps.take("Clustering and bundling")
            return make()

        value = super().get(stage, key, step)
        if stage == "layout":
            self._steps.expect_columns(len(value.places))
        return value


class _Kept(SceneCache):
    """What drawing keeps; of layouts only the last few. What it makes are steps."""

    def __init__(self, steps: MakingSteps) -> None:
        super().__init__(MOST_DRAWN)
        self._layouts = SceneCache(MOST_LAYOUTS)
        self._steps = steps

    def get(self, key: Hashable, make: Callable[[], Value], *, alive: object = None) -> Value:
        """Return the result of a key, making it if it is new."""
        self._steps.take("Placing and drawing")
        if isinstance(key, tuple) and key[:1] == ("geometry",):
            return self._layouts.get(key, make, alive=alive)
        return super().get(key, make, alive=alive)


class _ViewDrawer(ViewDrawer):
    """Pictures that keep less, and that can also be drawn of another aggregation than the view's own."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        self.steps = MakingSteps()
        self._aggregations, self._scenes = _WatchedCache(self.steps), _Kept(self.steps)
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
    """Makes pictures, each from what the last one left; one thread at a time.

    Parameters
    ----------
    prepare : callable, optional
        Makes of a scene what the window paints it from, so that this too happens beside the window.

    Attributes
    ----------
    watch : callable
        Is told how far a picture is, as of `MakingSteps`; raises `Cancelled` to stop it.
    """

    def __init__(self, prepare: Callable[[Scene], Any] | None = None) -> None:
        self._prepare = prepare
        self.watch: Callable[[str, int, int], None] = lambda words, done, total: None
        self._pictures: _ViewDrawer | None = None
        self._last: tuple[PictureRequest, Aggregation] | None = None
        self._is_loaded = False  # all modules that it takes
        self._unprepared: PictureLayout | None = None  # the last picture's, until all its facets are at hand
        self._known: OrderedDict[tuple[View, tuple[float, float]], None] = OrderedDict()  # views whose places are kept
        self._gave_back = time.monotonic()

    def __call__(self, request: PictureRequest) -> FinishedPicture:
        """Aggregate, lay out, draw."""
        started = time.perf_counter()
        if self._pictures is None or request.analysis is not self._pictures.analysis:
            self._pictures = _ViewDrawer(request.analysis)
            self._known.clear()
        self._pictures.steps.watch = self.watch
        self._pictures.steps.begin()
        aggregation = self._pictures.aggregate(request.view)
        if request.legend_comes:
            request = replace(request, size=_beside_legend(request, aggregation, self._pictures), legend_comes=False)
        drawn = _draw(self._pictures, request, aggregation)
        self._last, self._unprepared = (request, aggregation), drawn.layout
        self._known[request.view, request.size] = None
        if len(self._known) > MOST_LAYOUTS:
            self._known.popitem(last=False)
        return self._finished(request, aggregation, drawn, started)

    def sketch(self, request: PictureRequest) -> FinishedPicture | None:
        """Draw other classes in the places of the last picture, which is quick: the sizes of patches follow.

        None where the last picture differs in more than the classes, so that its places are of no use, and where the
        whole is quick enough.
        """
        pictures, last = self._pictures, self._last
        if pictures is None or last is None or request.analysis is not pictures.analysis:
            return None
        before, shown = last
        if sum(len(column.labels) for column in shown.columns) < LEAST_SKETCHED:
            return None
        if request.size != before.size or request.view == before.view or (request.view, request.size) in self._known:
            return None
        chosen = {name: getattr(request.view, name) for name in ("classes", "strong_by", "class_cutoff")}
        if replace(before.view, **chosen) != request.view:
            return None
        started = time.perf_counter()
        aggregation = pictures.aggregate(request.view)
        places = {column.node: column for column in shown.placed.columns}
        if any(column.importance.shape != places[column.node].importance.shape for column in aggregation.columns):
            return None
        columns = tuple(replace(one, importance=places[one.node].importance) for one in aggregation.placed.columns)
        placed = replace(aggregation.placed, columns=columns, unedited=shown.placed.unedited)
        sketched = placed if aggregation.kept is None else replace(aggregation, kept=placed)
        with pictures.given(sketched):
            drawn = _draw(pictures, request, aggregation)
        return self._finished(request, aggregation, drawn, started)

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
        for facet in MATRIX_FACETS:
            if facet != layout.view.facet:
                for column in layout.aggregation.columns:
                    prepare_matrices(layout, column, facet)
                    yield
        self._unprepared = None
        give_memory_back()

    def _finished(
        self, request: PictureRequest, aggregation: Aggregation, drawn: DrawnPicture, started: float
    ) -> FinishedPicture:
        """What the window gets, with what it took since `started`."""
        display = self._prepare(drawn.scene) if self._prepare is not None else None
        legend = _legend(request, drawn)
        return FinishedPicture(request, aggregation, drawn.scene, display, legend, time.perf_counter() - started)


def _beside_legend(request: PictureRequest, aggregation: Aggregation, pictures: ViewDrawer) -> tuple[float, float]:
    """The size of the canvas once the legend has its room, so that the first picture is not laid out twice."""
    theme, scales = theme_named(request.view.theme), pictures.scales(request.beside)
    entries = legend_entries(request.analysis, aggregation, request.view, theme, scales, beside=request.beside)
    notes = picture_notes(request.analysis, aggregation, request.view)
    width, height = request.size
    taken = LINE_HEIGHT if request.legend_is_line else legend_height(entries, notes, request.legend_width)
    return width, max(height - round(taken), LEAST_HEIGHT)


def _draw(pictures: ViewDrawer, request: PictureRequest, aggregation: Aggregation) -> DrawnPicture:
    """The picture alone; title and legend stand beside it in the window."""
    return pictures.draw(
        request.view,
        selection=in_picture(aggregation, request.selection),
        size=wished_size(aggregation, request.size),
        beside=request.beside,
        has_title=False,
        has_legend=False,
    )


def _legend(request: PictureRequest, drawn: DrawnPicture) -> Scene:
    """The legend of the picture as a scene of its own, so that it does not shrink with wide networks."""
    layout, aggregation = drawn.layout, drawn.aggregation
    entries = legend_entries(
        request.analysis, aggregation, request.view, layout.theme, layout.scales, layout=layout, beside=request.beside
    )
    notes = picture_notes(request.analysis, aggregation, request.view)
    width = request.legend_width
    height = LINE_HEIGHT if request.legend_is_line else legend_height(entries, notes, width)
    layout = replace(layout, geometry=replace(layout.geometry, width=width, height=height))
    draw = line_shapes if request.legend_is_line else legend_shapes
    return Scene(width, height, layout.theme.ground, tuple(draw(layout, entries, notes)), "Legend", notes=notes)


def wished_size(aggregation: Aggregation, canvas: tuple[float, float]) -> tuple[float, float]:
    """Return the size of a scene that fills a canvas when it is fitted into it.

    A long network is wider than the canvas and is shown smaller; its columns may then be higher by as much.
    """
    width, height = canvas
    n = max((column.depth for column in aggregation.columns), default=0) + 1
    needed = 2 * SIZES.margin + n * LEAST_COLUMN + (n - 1) * LEAST_GAP
    scale = min(max(needed / max(width, 1.0), 1.0), MOST_STRETCH)
    return max(width, needed), height * scale
