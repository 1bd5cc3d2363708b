"""What a command line asks to see: options into a view, names into numbers, and the picture of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnvis_caffe.aggregation.cache import Cache
    from cnnvis_caffe.records.aggregation import Aggregation
    from cnnvis_caffe.records.analysis import Analysis
    from cnnvis_caffe.records.view import View
    from cnnvis_caffe.scene.cache import SceneCache
    from cnnvis_caffe.scene.facets import Drawing
    from cnnvis_caffe.scene.shapes import Scene, Target


@dataclass
class Clock:
    """Seconds of wall and of processor time by stage."""

    wall: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._last = perf_counter(), process_time()

    def lap(self, stage: str) -> None:
        """Note what has passed since the last lap."""
        now = perf_counter(), process_time()
        self.wall[stage] = round(now[0] - self._last[0], 4)
        self.cpu[stage] = round(now[1] - self._last[1], 4)
        self._last = now


def chosen_classes(analysis: Analysis, text: str) -> tuple[int, ...]:
    """Return the classes of a list such as "3,5" or "cat,dog", sorted.

    Raises
    ------
    UnknownNameError
        If one is neither the name nor the number of a class.
    CnnvisError
        If there is no image of one, so that nothing is known of it.
    """
    from cnnvis_caffe.errors import CnnvisError, UnknownNameError

    names = list(analysis.data.class_names)
    short = [name.split(",")[0].strip() for name in names]
    found = set()
    for part in (piece.strip() for piece in text.split(",")):
        if not part:
            continue
        if part in names:
            index = names.index(part)
        elif part in short:
            index = short.index(part)
        elif part.isdigit() and int(part) < len(names):
            index = int(part)
        else:
            raise UnknownNameError("class", part, [*short, *(str(number) for number in range(len(names)))])
        if analysis.data.class_count[index] == 0:
            raise CnnvisError(f"class {part!r}: there is no image of it in {analysis.data.source}")
        found.add(index)
    return tuple(sorted(found))


def chosen_view(analysis: Analysis, start: View, options: dict[str, Any]) -> View:
    """Return a view with what the options say, the names in them checked; None keeps what is there."""
    from cnnvis_caffe.aggregation.groups import find_groups
    from cnnvis_caffe.errors import UnknownNameError

    changes = {name: value for name, value in options.items() if value is not None}
    labels = [snapshot.label for snapshot in analysis.snapshots]
    if "snapshot" in changes and changes["snapshot"] not in labels:
        by_iteration = {str(one.iteration): one.label for one in analysis.snapshots if one.iteration is not None}
        if changes["snapshot"] not in by_iteration:
            raise UnknownNameError("snapshot", changes["snapshot"], labels)
        changes["snapshot"] = by_iteration[changes["snapshot"]]
    if "classes" in changes:
        changes["classes"] = chosen_classes(analysis, changes["classes"])
    expand: Sequence[str] = changes.pop("expand", ())
    if expand:
        shown = {node.name for node in analysis.shown_nodes}
        names = [group.name for group in find_groups(analysis.nodes, shown)]
        expanded = set(start.expanded)
        for name in expand:
            if name == "all":
                expanded.update(names)
            elif name in names:
                expanded.add(name)
            else:
                raise UnknownNameError("group of layers", name, names)
        changes["expanded"] = tuple(sorted(expanded))
    return replace(start, **changes)


def chosen_neuron(analysis: Analysis, text: str) -> tuple[str, int]:
    """Return node and index of a neuron such as "conv2:17".

    Raises
    ------
    UnknownNameError, CnnvisError
    """
    from cnnvis_caffe.errors import CnnvisError, UnknownNameError

    name, _, index = text.rpartition(":")
    nodes = {node.name: node.n_neurons for node in analysis.shown_nodes}
    if name not in nodes:
        raise UnknownNameError("layer with neurons", name or text, nodes)
    if not index.isdigit() or int(index) >= nodes[name]:
        raise CnnvisError(f"{name} has the neurons 0 to {nodes[name] - 1}, not {index!r}")
    return name, int(index)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture with what it was drawn from."""

    scene: Scene
    aggregation: Aggregation
    drawing: Drawing


def draw(
    analysis: Analysis,
    view: View,
    *,
    size: tuple[float, float] | None = None,
    selection: Target | None = None,
    has_title: bool = True,
    has_legend: bool = True,
    aggregation_cache: Cache | None = None,
    scene_cache: SceneCache | None = None,
    clock: Clock | None = None,
) -> Drawn:
    """Aggregate, lay out and draw a view of an analysis."""
    from cnnvis_caffe.aggregation.aggregate import aggregate
    from cnnvis_caffe.scene.cache import SceneCache
    from cnnvis_caffe.scene.picture import build_scene, start_drawing

    clock = clock or Clock()
    cache = SceneCache() if scene_cache is None else scene_cache
    aggregation = aggregate(analysis, view, aggregation_cache)
    clock.lap("aggregate")
    drawing, _, _ = start_drawing(
        analysis, aggregation, view, size=size, cache=cache, has_title=has_title, has_legend=has_legend
    )
    clock.lap("lay out")
    scene = build_scene(
        analysis,
        aggregation,
        view,
        selection=selection,
        size=size,
        relations=relations_between(analysis, view, aggregation),
        cache=cache,
        has_title=has_title,
        has_legend=has_legend,
    )
    clock.lap("draw")
    return Drawn(scene, aggregation, drawing)


def relations_between(analysis: Analysis, view: View, aggregation: Aggregation) -> Callable[[str, str], Any]:
    """Return what gives the signed relation of the neurons of two shown columns."""
    from cnnvis_caffe.aggregation.aggregate import snapshot_index
    from cnnvis_caffe.aggregation.relations import relation

    number = snapshot_index(analysis, view.snapshot)
    shown = [column.node for column in aggregation.columns]

    def between(source: str, target: str) -> Any:
        import numpy as np

        stops = [node for node in shown if node not in (source, target)]
        found = relation(analysis, number, source, target, stops)
        if found is None:
            return np.zeros((analysis.node(target).n_neurons, analysis.node(source).n_neurons), np.float32)
        return found.matrix

    return between
