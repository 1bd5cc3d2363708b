"""Lays a picture out: the neurons that each column shows, sizes and places, and the curves between.

Nothing here depends on the facet, the theme or the selection, so that switching these moves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from time import perf_counter
from types import MappingProxyType

import numpy as np

from cnnvis_caffe.layout import columns as column_layout
from cnnvis_caffe.layout.crossings import order_columns
from cnnvis_caffe.layout.edited import match_clusters, place_edited
from cnnvis_caffe.layout.kept import place_among
from cnnvis_caffe.layout.layers import EdgeBundle, LayeredGraph, Link, layered_graph
from cnnvis_caffe.layout.packing import Packing, PackingTask, pack_all, similarity_of
from cnnvis_caffe.layout.routing import Stroke, bundle_curves
from cnnvis_caffe.records.aggregation import Aggregation, Cluster, Column, Gap
from cnnvis_caffe.records.analysis import Analysis, Snapshot
from cnnvis_caffe.scene.cache import SceneCache
from cnnvis_caffe.scene.lettering import text_width
from cnnvis_caffe.scene.neurons import likeness, patches_of
from cnnvis_caffe.scene.theme import SIZES
from cnnvis_caffe.text.words import class_name

#: By source and target column the strength that is drawn widest.
Strongest = Mapping[tuple[str, str], float]
#: Share of a cluster that patches are expected to cover.
FILLED = 0.92
#: Up to so many patches stand in rows.
FEW = 8


@dataclass(frozen=True, eq=False)
class Contents:
    """What stands in a cluster.

    Attributes
    ----------
    neurons : ndarray of shape (m,), int64
        Those whose patches are shown: all where there is room, else the representatives and the most important.
    packing : Packing
        Their places, in the order of `neurons`.
    """

    neurons: np.ndarray
    packing: Packing


@dataclass(frozen=True, eq=False)
class Geometry:
    """Places of everything between the title and the legend.

    Attributes
    ----------
    contents : tuple of tuple of Contents
        By column and cluster; empty tuples for the input's channels.
    graph : LayeredGraph
        Its links are the aggregation's gaps, in their order.
    order : tuple of tuple of int
    places : column_layout.Places
    strokes : tuple of Stroke
    left, top : float
        Where the origin of the places lies in the scene.
    width, height : float
        Of the scene.
    seconds : dict of str to float
        What each step took when it was made.
    """

    contents: tuple[tuple[Contents, ...], ...]
    graph: LayeredGraph
    order: tuple[tuple[int, ...], ...]
    places: column_layout.Places
    strokes: tuple[Stroke, ...]
    left: float
    top: float
    width: float
    height: float
    seconds: dict[str, float] = field(default_factory=dict)

    def cluster_box(self, column: int, cluster: int) -> tuple[float, float, float, float]:
        """Return x, y, width, height of a cluster in the scene."""
        x, y, width, height = self.places.nodes[self.graph.cluster(column, cluster)].tolist()
        return x + self.left, y + self.top, width, height

    def bar_box(self, link: int, bundle: int) -> tuple[float, float, float, float]:
        """Return x, y, width, height of a bicluster's bar in the scene."""
        x, y, width, height = self.places.nodes[self.graph.bundle(link, bundle)].tolist()
        return x + self.left, y + self.top, width, height

    def column_box(self, column: int) -> tuple[float, float, float, float]:
        """Return x, y, width, height around the clusters of a column in the scene."""
        x, y, width, height = self.places.columns[column].tolist()
        return x + self.left, y + self.top, width, height

    def head_box(self, column: int) -> tuple[float, float, float, float]:
        """Return x, y, width, height of a column's head in the scene."""
        x, y, width, height = self.places.heads[column].tolist()
        return x + self.left, y + self.top, width, height


def picture_geometry(
    analysis: Analysis,
    snapshot: Snapshot,
    aggregation: Aggregation,
    size: tuple[float, float] | None,
    cache: SceneCache,
    *,
    above: float,
    below: float,
    has_pills: bool = False,
    widest: Strongest = MappingProxyType({}),
) -> Geometry:
    """Lay out a picture, or find it in the cache.

    Parameters
    ----------
    analysis : Analysis
    snapshot : Snapshot
        Whose clusters are shown.
    aggregation : Aggregation
        Where the snapshot shown is another one, its connections are placed among the clusters as these stand.
    size : (float, float) or None
        Width and height of the scene that is wished for. Long networks come out wider; None chooses.
    cache : SceneCache
    above, below : float
        Heights of what stands over and under the columns: title and legend.
    has_pills : bool
        Whether some heads have a button under them.
    widest : mapping of (str, str) to float
        By source and target column the strongest connection of the picture beside: both have one scale of widths.
    """
    shared = tuple(sorted(widest.items()))
    if aggregation.kept is not None:
        stands = picture_geometry(
            analysis, snapshot, aggregation.kept, size, cache,
            above=above, below=below, has_pills=has_pills, widest=widest,
        )  # fmt: skip
        key = ("geometry", id(stands), *map(_gap_key, aggregation.gaps))
        return cache.get(key, lambda: _with_gaps(stands, aggregation, below, widest), alive=stands)
    if aggregation.unedited is not None:
        before = aggregation.unedited
        stands = picture_geometry(
            analysis, snapshot, before, size, cache, above=above, below=below, has_pills=has_pills, widest=widest
        )
        key = ("geometry", id(stands), *map(_column_key, aggregation.columns), *map(_gap_key, aggregation.gaps))
        return cache.get(
            key, lambda: _edited(analysis, snapshot, stands, before, aggregation, below, cache, widest), alive=stands
        )
    head = SIZES.head_height + SIZES.head_gap + (SIZES.pill_height + 2 if has_pills else 0)
    key = ("geometry", id(snapshot), size, above, below, head, shared, *map(_column_key, aggregation.columns))
    key += tuple(map(_gap_key, aggregation.gaps))
    return cache.get(
        key,
        lambda: _make_geometry(analysis, snapshot, aggregation, size, cache, above, below, head, widest),
        alive=snapshot,
    )


def has_equal_areas(analysis: Analysis, aggregation: Aggregation, column: Column) -> bool:
    """Return whether a column's neurons are the classes, so that none is more important than another."""
    deepest = aggregation.columns[-1].depth
    return column.depth == deepest and len(column.labels) == analysis.data.n_classes


def _column_key(column: Column) -> tuple:
    """What of a column its place depends on."""
    return column.node, column.depth, column.lane, column.labels.tobytes(), column.importance.tobytes()


def _gap_key(gap: Gap) -> tuple:
    """What of a gap its curves depend on."""
    return gap.source, gap.target, gap.positive.tobytes(), gap.negative.tobytes(), gap.biclusters


def _make_geometry(
    analysis: Analysis,
    snapshot: Snapshot,
    aggregation: Aggregation,
    size: tuple[float, float] | None,
    cache: SceneCache,
    above: float,
    below: float,
    head: float,
    widest: Strongest,
) -> Geometry:
    """Lay out a picture."""
    start = perf_counter()
    n_depths = 1 + max(column.depth for column in aggregation.columns)
    height = max(_room_height(aggregation, size, above + below + head), _least_height(aggregation))
    widths, gap = _column_widths(analysis, aggregation, n_depths, size)
    contents = _contents_of_columns(analysis, snapshot, aggregation, height, widths, head, cache)
    sizes = [
        _cluster_sizes(mine, width) if mine else np.array([_tiles_size(len(one.neurons)) for one in column.clusters])
        for column, mine, width in zip(aggregation.columns, contents, widths)
    ]
    widths = [min(width, float(found[:, 0].max(initial=SIZES.column_min))) for width, found in zip(widths, sizes)]
    gap = _widened(gap, widths, aggregation, size)
    packed = perf_counter()
    graph = _graph(aggregation, widest)
    order = order_columns(graph, initial=by_importance(graph, aggregation))
    ordered = perf_counter()
    gaps = gap, gap if size is not None else SIZES.column_gap_most
    places = _places(graph, order, sizes, [(width, head) for width in widths], gaps)
    strokes = bundle_curves(graph, places)
    seconds = {"packing": packed - start, "ordering": ordered - packed, "routing": perf_counter() - ordered}
    wanted_width, wanted_height = size or (0.0, 0.0)
    full_width = max(wanted_width, places.width + 2 * SIZES.margin)
    full_height = max(wanted_height, places.height + above + below)
    return Geometry(
        contents=tuple(contents),
        graph=graph,
        order=tuple(tuple(nodes) for nodes in order),
        places=places,
        strokes=strokes,
        left=round((full_width - places.width) / 2),
        top=round(above + max(0.0, (full_height - above - below - places.height) / 2 * 0.6)),
        width=full_width,
        height=full_height,
        seconds=seconds,
    )


def _places(
    graph: LayeredGraph,
    order: Sequence[Sequence[int]],
    sizes: Sequence[np.ndarray],
    head_sizes: Sequence[tuple[float, float]],
    gaps: tuple[float, float],
) -> column_layout.Places:
    """Place everything, with the least and the largest gap between columns."""
    return column_layout.place(
        graph,
        order,
        sizes,
        head_sizes=head_sizes,
        column_gap=gaps[0],
        widest_gap=gaps[1],
        cluster_gap=SIZES.cluster_gap,
        lane_gap=SIZES.lane_gap,
        bar_width=SIZES.bar_width,
        bar_gap=SIZES.bar_gap,
    )


def _contents_of_columns(
    analysis: Analysis,
    snapshot: Snapshot,
    aggregation: Aggregation,
    height: float,
    widths: Sequence[float],
    head: float,
    cache: SceneCache,
) -> list[tuple[Contents, ...]]:
    """Fill each cluster of each column; columns of one depth share the height."""
    rooms: list[tuple[_Room, ...]] = []
    lanes = [sum(other.depth == column.depth for other in aggregation.columns) for column in aggregation.columns]
    for column, width, n_lanes in zip(aggregation.columns, widths, lanes):
        room = (height - (n_lanes - 1) * (SIZES.lane_gap + head)) / n_lanes
        if column.node == analysis.data.input_name:
            rooms.append(())
            continue
        are_equal = has_equal_areas(analysis, aggregation, column)
        most = output_side(analysis) if are_equal else SIZES.patch_most
        rooms.append(tuple(_rooms(analysis, snapshot, column, width, room, most, cache, are_equal=are_equal)))
    filled = iter(_fill_rooms(snapshot, [one for some in rooms for one in some], cache))
    return [tuple(islice(filled, len(some))) for some in rooms]


def _with_gaps(stands: Geometry, aggregation: Aggregation, below: float, widest: Strongest) -> Geometry:
    """Draw other connections between clusters that stay where they are."""
    start = perf_counter()
    graph = _graph(aggregation, widest)
    order, places = place_among(graph, stands.graph, stands.places, bar_width=SIZES.bar_width, bar_gap=SIZES.bar_gap)
    placed = perf_counter()
    strokes = bundle_curves(graph, places)
    height = max(stands.height, stands.top + places.height + below)
    seconds = {"packing": 0.0, "ordering": placed - start, "routing": perf_counter() - placed}
    return replace(stands, graph=graph, order=order, places=places, strokes=strokes, height=height, seconds=seconds)


def _edited(
    analysis: Analysis,
    snapshot: Snapshot,
    stands: Geometry,
    before: Aggregation,
    aggregation: Aggregation,
    below: float,
    cache: SceneCache,
    widest: Strongest,
) -> Geometry:
    """Edit a picture by hand: what was not touched stays where it is."""
    start = perf_counter()
    graph = _graph(aggregation, widest)
    matches = [match_clusters(was.labels, now.labels) for was, now in zip(before.columns, aggregation.columns)]
    contents: list[tuple[Contents, ...]] = []
    new_sizes: list[list[tuple[float, float]]] = []
    for number, (column, matched) in enumerate(zip(aggregation.columns, matches)):
        is_input = column.node == analysis.data.input_name
        new = [index for index, match in enumerate(matched) if match < 0]
        if is_input:
            contents.append(())
            new_sizes.append([_tiles_size(len(column.clusters[index].neurons)) for index in new])
            continue
        filled = _filled_again(analysis, snapshot, stands, before, column, number, matched, cache)
        contents.append(filled)
        width = max(float(stands.places.columns[number, 2]), SIZES.column_min)
        new_sizes.append([(*_cluster_sizes([filled[index]], width)[0],) for index in new])
    same = [
        link for link, (was, now) in enumerate(zip(before.gaps, aggregation.gaps)) if _gap_key(was) == _gap_key(now)
    ]
    packed = perf_counter()
    order, places = place_edited(
        graph, stands.graph, stands.places, matches, new_sizes, same,
        cluster_gap=SIZES.cluster_gap, bar_width=SIZES.bar_width, bar_gap=SIZES.bar_gap,
    )  # fmt: skip
    placed = perf_counter()
    strokes = bundle_curves(graph, places)
    return replace(
        stands,
        contents=tuple(contents),
        graph=graph,
        order=order,
        places=places,
        strokes=strokes,
        height=max(stands.height, stands.top + places.height + below),
        seconds={"packing": packed - start, "ordering": placed - packed, "routing": perf_counter() - placed},
    )


def _filled_again(
    analysis: Analysis,
    snapshot: Snapshot,
    stands: Geometry,
    before: Aggregation,
    column: Column,
    number: int,
    matched: Sequence[int],
    cache: SceneCache,
) -> tuple[Contents, ...]:
    """What the clusters of a column hold after an edit: those with the same neurons what they held."""
    frame = 2 * SIZES.padding
    are_equal = has_equal_areas(analysis, before, column)
    most = output_side(analysis) if are_equal else SIZES.patch_most
    kept: dict[int, Contents] = {}
    rooms: dict[int, _Room] = {}
    for index, (cluster, match) in enumerate(zip(column.clusters, matched)):
        if match >= 0:
            if np.array_equal(cluster.neurons, before.columns[number].clusters[match].neurons):
                kept[index] = stands.contents[number][match]
                continue
            _, _, width, height = stands.cluster_box(number, match)
        else:
            width = max(float(stands.places.columns[number, 2]), SIZES.column_min)
            in_row = max(1.0, (width - frame) // most)
            height = most * np.ceil(len(cluster.neurons) / in_row) + SIZES.label_height + frame
            height = float(np.clip(height, SIZES.cluster_min, stands.places.height / 3))
        budget = height - SIZES.label_height - frame
        rooms[index] = _room(
            analysis, snapshot, column, cluster, width - frame, budget, most, cache, are_equal=are_equal
        )
    packed = dict(zip(rooms, _fill_rooms(snapshot, list(rooms.values()), cache)))
    return tuple({**kept, **packed}[index] for index in range(len(column.clusters)))


def _room_height(aggregation: Aggregation, size: tuple[float, float] | None, taken: float) -> float:
    """Height that the clusters of a column share."""
    if size is not None:
        return float(max(SIZES.column_height_least, size[1] - taken))
    most_lanes = 1 + max(column.lane for column in aggregation.columns)
    return float(SIZES.column_height * max(1.0, 0.5 * most_lanes))


def _least_height(aggregation: Aggregation) -> float:
    """Height that the column with most clusters takes anyhow, of those that have their depth for themselves."""
    depths = [column.depth for column in aggregation.columns]
    most = max((len(c.clusters) for c in aggregation.columns if depths.count(c.depth) == 1), default=0)
    return most * (SIZES.cluster_min + SIZES.cluster_gap) - SIZES.cluster_gap


def _column_widths(
    analysis: Analysis, aggregation: Aggregation, n_depths: int, size: tuple[float, float] | None
) -> tuple[list[float], float]:
    """Width of each column and of the gaps: wider for more neurons, all narrower where the room is short."""
    wanted, is_fixed = [], []
    for column in aggregation.columns:
        n = len(column.labels)
        if column.node == analysis.data.input_name:
            wanted.append(_tiles_size(1)[0])
        elif has_equal_areas(analysis, aggregation, column) and n <= SIZES.named_outputs:
            wanted.append(_whole(2 * output_side(analysis) + 2 * SIZES.padding))
        else:
            wanted.append(min(SIZES.column_most, SIZES.column_min + 12.0 * np.sqrt(n)))
            is_fixed.append(False)
            continue
        is_fixed.append(True)
    if size is None:
        return [_whole(width) for width in wanted], SIZES.column_gap
    fixed, flexible = 0.0, []
    for depth in {column.depth for column in aggregation.columns}:
        mine = [number for number, column in enumerate(aggregation.columns) if column.depth == depth]
        widest = max(wanted[number] for number in mine)
        if all(is_fixed[number] for number in mine):
            fixed += widest
        else:
            flexible.append(widest)
    total, n_gaps = max(1.0, sum(flexible)), max(1, n_depths - 1)
    free = size[0] - 2 * SIZES.margin - fixed
    gap = float(np.clip((free - total) / n_gaps, SIZES.column_gap, SIZES.column_gap_most))
    share = (free - gap * n_gaps) / total
    if share < 1:
        gap = SIZES.column_gap_min
        share = min(1.0, (free - gap * n_gaps) / total)
        if total * share < 0.8 * SIZES.column_scroll * len(flexible):  # it will not fit: then be good to read
            share = max(share, SIZES.column_scroll * len(flexible) / total)
    share = float(np.clip(share, 0.0, SIZES.column_stretch))
    widths = [
        width if is_set else _whole(max(SIZES.column_min, width * share)) for width, is_set in zip(wanted, is_fixed)
    ]
    return widths, gap


def _widened(gap: float, widths: Sequence[float], aggregation: Aggregation, size: tuple[float, float] | None) -> float:
    """Gaps with what columns left of the width that is wished for."""
    n_gaps = len({column.depth for column in aggregation.columns}) - 1
    if size is None or n_gaps < 1:
        return gap
    widest: dict[int, float] = {}
    for column, width in zip(aggregation.columns, widths):
        widest[column.depth] = max(width, widest.get(column.depth, 0.0))
    spare = (size[0] - 2 * SIZES.margin - sum(widest.values())) / n_gaps
    return float(np.clip(np.floor(spare), gap, max(gap, SIZES.column_gap_widest)))


def output_side(analysis: Analysis) -> float:
    """Return the width of an output's patch, in which its class's name has room."""
    names = [class_name(analysis, index) for index in range(min(analysis.data.n_classes, int(SIZES.named_outputs)))]
    widest = max(text_width(name, SIZES.small, "bold") for name in names)
    return float(np.clip(widest + 20, SIZES.output_least, SIZES.output_most))


def _whole(width: float) -> float:
    """Round down to the base grid."""
    return float(SIZES.grid * np.floor(width / SIZES.grid))


def _tiles_size(n: int) -> tuple[float, float]:
    """Width and height of a cluster of input channels."""
    return SIZES.tile + 2 * SIZES.padding, n * (SIZES.tile + SIZES.padding) + SIZES.padding


@dataclass(frozen=True, eq=False)
class _Room:
    """What is to be packed into a cluster: patches that are `most` wide on average at most."""

    column: Column
    shown: np.ndarray
    importance: np.ndarray
    aspects: np.ndarray
    width: float
    height: float
    most: float


def _rooms(
    analysis: Analysis,
    snapshot: Snapshot,
    column: Column,
    width: float,
    room: float,
    most: float,
    cache: SceneCache,
    *,
    are_equal: bool,
) -> Iterator[_Room]:
    """Yield what a column's clusters show, together at most as high as there is room."""
    inner = width - 2 * SIZES.padding
    frame = SIZES.label_height + 2 * SIZES.padding
    n_clusters = len(column.clusters)
    least = SIZES.cluster_min - frame
    free = max(least * n_clusters, room - n_clusters * (frame + 1) - (n_clusters - 1) * SIZES.cluster_gap)
    in_row = max(1.0, inner // most)
    needs = np.array([most * np.ceil(len(cluster.neurons) / in_row) for cluster in column.clusters])
    for cluster, budget in zip(column.clusters, _budgets(_shares(column) * free, needs, least).tolist()):
        yield _room(analysis, snapshot, column, cluster, inner, budget, most, cache, are_equal=are_equal)


def _room(
    analysis: Analysis,
    snapshot: Snapshot,
    column: Column,
    cluster: Cluster,
    inner: float,
    budget: float,
    most: float,
    cache: SceneCache,
    *,
    are_equal: bool,
) -> _Room:
    """What a cluster shows in a width and height."""
    shown = cluster.neurons
    if inner * budget * FILLED < len(shown) * SIZES.patch_least_mean**2:
        shown = _most_worth(cluster, column.importance, max(4, int(inner * budget * FILLED / SIZES.patch_aim**2)))
    importance = np.ones(len(shown)) if are_equal else column.importance[shown]
    aspects = patches_of(analysis, snapshot, column, cache).aspects(shown)
    return _Room(column, shown, importance, aspects, inner, budget, most)


def _budgets(wanted: np.ndarray, needs: np.ndarray, least: float) -> np.ndarray:
    """Heights of clusters, together about as wanted: what some do not need goes to the others."""
    budgets = np.minimum(wanted, needs)
    for _ in range(4):
        is_short = budgets < needs
        spare = wanted.sum() - budgets.sum()
        if spare < 1 or not is_short.any():
            break
        budgets[is_short] += spare * wanted[is_short] / wanted[is_short].sum()
        budgets = np.minimum(budgets, needs)
    return np.maximum(budgets, least)


def _shares(column: Column) -> np.ndarray:
    """Share of the column's height of each cluster: half by importance, half by size, none far from its fair one."""
    counts = np.array([len(cluster.neurons) for cluster in column.clusters], float)
    importances = np.array([max(0.0, cluster.importance) for cluster in column.clusters])
    total = importances.sum()
    shares = counts / counts.sum()
    if total > 0 and np.isfinite(total):
        shares = (shares + importances / total) / 2
    shares = np.clip(shares, 0.6 / len(shares), 2.5 / len(shares))
    return shares / shares.sum()


def _most_worth(cluster: Cluster, importance: np.ndarray, n: int) -> np.ndarray:
    """The representatives of a cluster, then its most important neurons, n in all; ascending."""
    if n >= len(cluster.neurons):
        return cluster.neurons
    chosen = list(dict.fromkeys(cluster.representatives.tolist()))[:n]
    taken = set(chosen)
    by_importance = cluster.neurons[np.argsort(-importance[cluster.neurons], kind="stable")]
    chosen += [neuron for neuron in by_importance.tolist() if neuron not in taken][: n - len(chosen)]
    return np.array(sorted(chosen), np.int64)


def _fill_rooms(snapshot: Snapshot, rooms: Sequence[_Room], cache: SceneCache) -> list[Contents]:
    """Pack patches into clusters; those that are not known yet all together."""

    def make(new: list[int]) -> list[Contents]:
        packings = pack_all([_task(snapshot, rooms[number], cache) for number in new])
        return [
            Contents(room.shown, _shrunk(packing, room.width, room.height))
            for room, packing in zip((rooms[number] for number in new), packings)
        ]

    keys = [
        ("packing", id(snapshot), one.column.node, one.shown.tobytes(), one.importance.tobytes(), round(one.height),
         one.width, one.most)
        for one in rooms
    ]  # fmt: skip
    return cache.get_all(keys, make, alive=snapshot)


def _task(snapshot: Snapshot, room: _Room, cache: SceneCache) -> PackingTask:
    """How large the patches of a cluster are, and how wide they may be together."""
    n, inner, budget, most = len(room.shown), room.width, room.height, room.most
    largest = min(most, inner / np.ceil(inner / most)) if n > 1 else most
    weights = np.nan_to_num(np.maximum(room.importance, 0.0))
    weights = np.maximum(weights, SIZES.importance_floor * weights.max()) if weights.max() > 0 else np.ones(n)
    share_of_largest = float(weights.max() / weights.sum())
    area = min(inner * budget * FILLED, n * largest**2, SIZES.patch_largest**2 / share_of_largest)
    height = min(budget, max(area / (FILLED * inner), largest))
    in_few_rows = n <= FEW or height < 1.8 * np.sqrt(area / n)
    shape = _row_shape(room.aspects, inner, height, largest) if in_few_rows else inner / height
    # Where patches are few or one is far larger than the rest, there is no shape that they could be made to fill.
    least = max(0.45 * shape, area / (FILLED * budget**2)) if in_few_rows or share_of_largest > 0.2 else shape
    hierarchy = cache.get(
        ("hierarchy", id(snapshot), room.column.node, room.shown.tobytes()),
        lambda: similarity_of(likeness(snapshot, room.column, room.shown)),
        alive=snapshot,
    )
    return PackingTask(
        weights / weights.sum() * area,
        room.aspects,
        hierarchy,
        shape_range=(0.95 * min(least, shape), 1.1 * shape),
        floor=SIZES.importance_floor,
    )


def _row_shape(aspects: np.ndarray, inner: float, height: float, largest: float) -> float:
    """Width by height of a few patches in as many rows as make them largest."""
    n, aspect = len(aspects), float(aspects.mean())
    shapes = []
    for rows in range(1, n + 1):
        in_row = -(-n // rows)
        side = min(inner / (in_row * aspect), height / rows, largest)
        shapes.append((side, in_row * aspect / rows))
    return max(shapes, key=lambda pair: round(pair[0], 1))[1]


def _shrunk(packing: Packing, width: float, height: float) -> Packing:
    """Make a packing that is too wide or too high smaller."""
    factor = min(width / packing.width, height / packing.height) if packing.width and packing.height else 1.0
    if factor >= 1 - 1e-9:
        return packing
    return Packing(
        packing.rects * factor,
        packing.width * factor,
        packing.height * factor,
        packing.order,
        packing.scale * factor * factor,
    )


def _cluster_sizes(filled: Sequence[Contents], width: float) -> np.ndarray:
    """Widths and heights of a column's clusters around their packings, (k, 2).

    No column is wider than its widest packing, and no cluster much wider than its own: but not so narrow that its
    matrix could not be read, and all of nearly the column's width have exactly that.
    """
    frame = 2 * SIZES.padding
    snug = np.array([one.packing.width + frame for one in filled])
    full = min(width, max(float(snug.max()), SIZES.column_min))
    widths = np.ceil(np.maximum(snug, max(SIZES.column_min, SIZES.cluster_narrow * full)))
    widths = np.where(widths > SIZES.cluster_nearly * full, np.ceil(full), widths)
    heights = [max(SIZES.cluster_min, np.ceil(one.packing.height + SIZES.label_height + frame)) for one in filled]
    return np.column_stack([widths, heights])


def _graph(aggregation: Aggregation, widest: Strongest) -> LayeredGraph:
    """Clusters and bundles, layer by layer."""
    return layered_graph(
        [len(column.clusters) for column in aggregation.columns],
        [column.depth for column in aggregation.columns],
        [column.lane for column in aggregation.columns],
        _links(aggregation, widest),
    )


def strongest_connections(aggregation: Aggregation) -> dict[tuple[str, str], float]:
    """Return by source and target column the strength that is drawn widest."""
    return {(gap.source, gap.target): _strongest(gap) for gap in aggregation.placed.gaps}


def _links(aggregation: Aggregation, beside: Strongest) -> list[Link]:
    """The gaps as links of the layout."""
    numbers = {column.node: number for number, column in enumerate(aggregation.columns)}
    strongest = {ends: max(most, beside.get(ends, 0.0)) for ends, most in strongest_connections(aggregation).items()}
    links = []
    for gap in aggregation.gaps:
        bundles = []
        for bicluster in gap.biclusters:
            strengths = gap.positive if bicluster.sign > 0 else gap.negative
            bundles.append(EdgeBundle.from_edges(bicluster.edges, [strengths[edge] for edge in bicluster.edges]))
        widest = strongest[gap.source, gap.target]
        links.append(Link(numbers[gap.source], numbers[gap.target], tuple(bundles), widest))
    return links


def _strongest(gap: Gap) -> float:
    """The most that a cluster sends or receives in one sign: no curve is stronger, whatever the filter lets through."""
    both = np.stack([gap.positive, gap.negative])
    return float(max(both.sum(axis=1).max(initial=0.0), both.sum(axis=2).max(initial=0.0)))


def by_importance(graph: LayeredGraph, aggregation: Aggregation) -> list[list[int]]:
    """Return the nodes by layer, clusters with the largest share of importance first."""
    order = []
    for nodes in graph.layers:

        def rank(number: int) -> tuple[int, int, float]:
            node = graph.nodes[number]
            if node.kind != "cluster":
                return node.lane, 1, 0.0
            return node.lane, 0, -aggregation.columns[node.owner].clusters[node.index].importance

        order.append(sorted(nodes, key=rank))
    return order
