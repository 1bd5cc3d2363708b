"""A cluster and what it shows: learned features as packed patches, activations or contributions as a matrix."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from cnnvis_caffe.layout.ordering import order_rows
from cnnvis_caffe.readings.facets import MATRIX_FACETS
from cnnvis_caffe.readings.scales import Scales
from cnnvis_caffe.records.aggregation import Aggregation, Cluster, Column
from cnnvis_caffe.records.analysis import Analysis, LayerFeatures, Snapshot
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.cache import SceneCache
from cnnvis_caffe.scene.geometry import Geometry, has_equal_areas
from cnnvis_caffe.scene.lettering import cap_height, shorten, text_width
from cnnvis_caffe.scene.neurons import LayerPatches, facet_of, features_of, patches_of, present_classes
from cnnvis_caffe.scene.shapes import Bitmap, Path, Rectangle, Shape, Style, Target, Text
from cnnvis_caffe.scene.theme import OPACITY, SIZES, Theme
from cnnvis_caffe.text.words import class_name, counted, whole

#: With more classes than this their order is left as it is: nobody reads that many columns one by one.
MOST_ORDERED_CLASSES = 100
MOST_ORDERED_ROWS = 64


@dataclass(frozen=True, eq=False)
class PictureLayout:
    """What every part of a picture is drawn from.

    Attributes
    ----------
    analysis : Analysis
    snapshot, of_clusters : Snapshot
        The one that is shown, and the one whose clusters and places are.
    aggregation : Aggregation
    view : View
    theme : Theme
    geometry : Geometry
    cache : SceneCache
    scales : Scales
        What colours mean, also in the pictures that this one is compared with.
    """

    analysis: Analysis
    snapshot: Snapshot
    of_clusters: Snapshot
    aggregation: Aggregation
    view: View
    theme: Theme
    geometry: Geometry
    cache: SceneCache
    scales: Scales


def cluster_shapes(layout: PictureLayout) -> Iterator[Shape]:
    """Yield the clusters of all columns."""
    for number, column in enumerate(layout.aggregation.columns):
        is_input = column.node == layout.analysis.data.input_name
        for index, cluster in enumerate(column.clusters):
            box = layout.geometry.cluster_box(number, index)
            yield _frame(layout, column, cluster, index, box)
            if is_input:
                yield from _channels(layout, column, cluster, box)
            elif facet_of(layout.view, column.node, tuple(cluster.neurons.tolist())) == "features":
                yield from _caption(layout, number, column, cluster, index, box)
                yield from _patches(layout, number, column, index, box)
            else:
                yield from _matrix(layout, column, cluster, index, box)


def cluster_name(column: Column, cluster: Cluster) -> str:
    """Return a name that stays as long as the cluster's first neuron does."""
    return f"{column.node}/{int(cluster.neurons[0])}"


def cluster_target(column: Column, cluster: Cluster, index: int) -> Target:
    """Return what a cluster's frame stands for."""
    return Target("cluster", column.node, tuple(cluster.neurons.tolist()), index=index)


def class_order(layout: PictureLayout) -> np.ndarray:
    """Return the classes in all matrices, those with images: similar ones side by side, by the last hidden layer."""
    snapshot, present = layout.of_clusters, np.array(present_classes(layout.analysis), np.int64)
    if len(present) > MOST_ORDERED_CLASSES:
        return present
    known = [column.node for column in layout.aggregation.columns if features_of(snapshot, column.node) is not None]
    hidden = [node for node in known if not is_score(layout, layout.aggregation.column(node))] or known
    if not hidden:
        return present

    def make() -> np.ndarray:
        rows = np.nan_to_num(np.array(snapshot.features[hidden[-1]].mean[:, present], np.float64))
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return present[order_rows((rows / np.where(lengths > 0, lengths, 1.0)).T)]

    return layout.cache.get(("classes", id(snapshot), hidden[-1]), make, alive=snapshot)


def is_score(layout: PictureLayout, column: Column) -> bool:
    """Return whether a column's neurons are the classes: the last one, with as many of them."""
    return has_equal_areas(layout.analysis, layout.aggregation, column)


def _frame(
    layout: PictureLayout, column: Column, cluster: Cluster, index: int, box: tuple[float, float, float, float]
) -> Rectangle:
    """The rectangle of a cluster."""
    theme = layout.theme
    style = Style(theme.surface, theme.line, SIZES.border, 1.0 if cluster.is_strong else 0.6)
    name = f"cluster/{cluster_name(column, cluster)}"
    return Rectangle(name, *box, style, SIZES.corner, cluster_target(column, cluster, index))


def _channels(
    layout: PictureLayout, column: Column, cluster: Cluster, box: tuple[float, float, float, float]
) -> Iterator[Shape]:
    """Input channels as tiles of their colour."""
    theme, letters = layout.theme, layout.analysis.data.channel_order
    for place, neuron in enumerate(cluster.neurons.tolist()):
        letter = "grey" if letters == "grey" else letters[neuron] if letters in ("RGB", "BGR") else str(neuron)
        colour = theme.channels.get(letter, theme.neutral)
        x, y = box[0] + SIZES.padding, box[1] + SIZES.padding + place * (SIZES.tile + SIZES.padding)
        target = Target("neuron", column.node, (neuron,))
        name = f"neuron/{column.node}/{neuron}"
        yield Rectangle(name, x, y, SIZES.tile, SIZES.tile, Style(colour), 2.0, target)
        baseline = y + SIZES.tile / 2 + cap_height(SIZES.small) / 2
        middle = x + SIZES.tile / 2
        yield Text(
            f"{name}/label", middle, baseline, letter, SIZES.small, theme.on_channel, "middle", "bold", target=target
        )


def _caption(
    layout: PictureLayout,
    number: int,
    column: Column,
    cluster: Cluster,
    index: int,
    box: tuple[float, float, float, float],
) -> Iterator[Shape]:
    """Number of the cluster, how many neurons there are, and for which classes they stand where these are few."""
    x, y, width, _ = box
    theme = layout.theme
    shown, n = len(layout.geometry.contents[number][index].neurons), len(cluster.neurons)
    left, right = x + SIZES.padding + 2, x + width - SIZES.padding - 2
    number_shown = str(index + 1)
    start, left = left, left + text_width(number_shown, SIZES.small, "bold") + 6
    baseline = y + SIZES.padding + SIZES.label_height - 5
    few = f"{whole(shown)} of {whole(n)}" if shown < n else whole(n)
    full = few if shown < n else counted(n, "neuron")
    classes = _dominant_classes(layout, column, cluster)
    name, opacity = cluster_name(column, cluster), 1.0 if cluster.is_strong else OPACITY.weak * 2
    target = cluster_target(column, cluster, index)
    zoom = SIZES.tiny / SIZES.small
    for caption in (full, few):
        caption_width = text_width(caption, SIZES.small)
        marks_width = _marks_width(layout, classes)
        if caption_width + marks_width + 10 <= right - left:
            break
        if caption == few:
            classes = classes[: 1 if caption_width + _marks_width(layout, classes[:1]) + 10 <= right - left else 0]
    yield Text(
        f"number/{name}", start, baseline, number_shown, SIZES.small, theme.ink, weight="bold", opacity=opacity,
        target=target, min_zoom=zoom,
    )  # fmt: skip
    yield Text(
        f"caption/{name}", left, baseline, caption, SIZES.small, theme.muted, opacity=opacity, target=target,
        min_zoom=zoom,
    )  # fmt: skip
    at = right - _marks_width(layout, classes)
    colours = theme.class_colours(present_classes(layout.analysis))
    for which in classes:
        text = _mark(layout, which)
        if which in colours:
            dot = Style(colours[which], opacity=opacity)
            yield Rectangle(
                f"class/{name}/{which}/dot", at, baseline - 7.5, 7, 7, dot, 3.5, Target("class", members=(which,)),
                min_zoom=zoom,
            )  # fmt: skip
            at += 10
        yield Text(
            f"class/{name}/{which}", at, baseline, text, SIZES.small, theme.ink, opacity=opacity,
            target=Target("class", members=(which,)), min_zoom=zoom,
        )  # fmt: skip
        at += text_width(text, SIZES.small) + 7


def _mark(layout: PictureLayout, index: int) -> str:
    """A class's name, short enough to stand in a caption."""
    return shorten(class_name(layout.analysis, index), 64.0, SIZES.small)


def _marks_width(layout: PictureLayout, classes: list[int]) -> float:
    """Room that the marks of classes take."""
    dot = 10 if len(present_classes(layout.analysis)) <= len(layout.theme.classes) else 0
    return sum(dot + text_width(_mark(layout, which), SIZES.small) + 7 for which in classes) - 7 * bool(classes)


def _dominant_classes(layout: PictureLayout, column: Column, cluster: Cluster) -> list[int]:
    """Classes to name over a cluster, the strongest first; none over outputs, which bear their names."""
    features = features_of(layout.snapshot, column.node)
    if features is None or is_score(layout, column):
        return []
    key = ("dominant classes", id(layout.snapshot), column.node, cluster.neurons.tobytes())
    present = present_classes(layout.analysis)
    return layout.cache.get(key, lambda: dominant_classes(features, cluster.neurons, present), alive=layout.snapshot)


def dominant_classes(features: LayerFeatures, neurons: np.ndarray, present: list[int]) -> list[int]:
    """Return up to three classes on which some neurons together respond far more than on the others."""
    profile = np.nan_to_num(features.mean[neurons][:, present].astype(np.float64)).mean(axis=0)
    strongest, usual = profile.max(), np.median(profile)
    if strongest <= 0 or strongest < 1.6 * usual:
        return []
    above = np.flatnonzero(profile >= usual + 0.5 * (strongest - usual))
    if len(above) > max(1, min(3, len(profile) // 3)):
        return []
    return [present[place] for place in above[np.argsort(-profile[above], kind="stable")].tolist()]


def _patches(
    layout: PictureLayout, number: int, column: Column, index: int, box: tuple[float, float, float, float]
) -> Iterator[Shape]:
    """Learned features, each as large as it is important."""
    theme = layout.theme
    contents = layout.geometry.contents[number][index]
    packing = contents.packing
    known = patches_of(layout.analysis, layout.snapshot, column, layout.cache)
    left = box[0] + (box[2] - packing.width) / 2
    free = box[3] - SIZES.label_height - 2 * SIZES.padding - packing.height
    top = box[1] + SIZES.padding + SIZES.label_height + max(0.0, free) / 2
    labelled = is_score(layout, column)
    gap, inset = SIZES.patch_gap, SIZES.frame
    strong = column.strong[contents.neurons]
    key = ("looks", id(known), index, theme.name, contents.neurons.tobytes(), strong.tobytes())
    looks = layout.cache.get(
        key, lambda: _looks(theme, known, column.node, index, contents.neurons, strong), alive=known
    )
    for look, (x, y, width, height) in zip(looks, packing.rects.tolist()):
        name, ground_name, target, opacity, pixels, style = look
        x, y = left + x + gap / 2, top + y + gap / 2
        inner_width, inner_height = max(0.5, width - gap), max(0.5, height - gap)
        if style is None:
            yield from _silent(theme, name, (x, y, inner_width, inner_height), opacity, target)
            continue
        legible = SIZES.patch_min / min(width, height)
        yield Rectangle(ground_name, x, y, inner_width, inner_height, style, 0.0, target)
        inner = (x + inset, y + inset, inner_width - 2 * inset, inner_height - 2 * inset)
        yield Bitmap(name, *inner, pixels, opacity, True, target, (), (), legible)
        if labelled:
            yield from _class_chip(layout, target.members[0], (x, y, inner_width, inner_height), target)


def _looks(
    theme: Theme, known: LayerPatches, node: str, index: int, neurons: np.ndarray, strong: np.ndarray
) -> list[tuple[str, str, Target, float, np.ndarray, Style | None]]:
    """What of some patches does not depend on where they stand: names, target, opacity, pixels, style of the ground."""
    found: list[tuple[str, str, Target, float, np.ndarray, Style | None]] = []
    for neuron, is_strong in zip(neurons.tolist(), strong.tolist()):
        name, pixels, opacity = f"neuron/{node}/{neuron}", known.pixels(neuron), 1.0 if is_strong else OPACITY.weak
        style = _framed(known.colour(neuron), theme.frame, opacity) if pixels.size else None
        found.append((name, f"{name}/colour", _neuron_target(node, neuron, index), opacity, pixels, style))
    return found


@lru_cache(maxsize=16384)
def _neuron_target(node: str, neuron: int, index: int) -> Target:
    """What a patch stands for; the next picture has nearly the same ones."""
    return Target("neuron", node, (neuron,), index=index)


@lru_cache(maxsize=16384)
def _framed(colour: str, frame: str, opacity: float) -> Style:
    """How the ground of a patch is painted."""
    return Style(colour, frame, 1.0, opacity)


def _silent(
    theme: Theme, name: str, place: tuple[float, float, float, float], opacity: float, target: Target
) -> Iterator[Shape]:
    """A neuron that nothing makes respond: an empty tile, crossed out."""
    x, y, width, height = place
    yield Rectangle(name, *place, Style(theme.ground, theme.dead, 1.0, opacity), 0.0, target)
    ends = np.linspace((x, y + height), (x + width, y), 4)
    style = Style("", theme.dead, 1.0, opacity)
    yield Path(f"{name}/cross", ends, style, target=target, min_zoom=6 / min(width, height))


def _class_chip(
    layout: PictureLayout, neuron: int, place: tuple[float, float, float, float], target: Target
) -> Iterator[Shape]:
    """The class that an output neuron stands for, in the corner of its patch."""
    x, y, width, height = place
    text = shorten(class_name(layout.analysis, neuron), width - 8, SIZES.small, "bold")
    theme, zoom = layout.theme, SIZES.tiny / SIZES.small
    chip = text_width(text, SIZES.small, "bold") + 8
    if not text or height < 20 or chip > width:
        return
    style = Style(theme.surface, opacity=0.92)
    name = f"class/{target.node}/{neuron}"
    yield Rectangle(f"{name}/chip", x, y + height - 15, chip, 15, style, 0.0, target, min_zoom=zoom)
    yield Text(
        name, x + chip / 2, y + height - 4, text, SIZES.small, theme.ink, "middle", "bold", target=target, min_zoom=zoom
    )


def _matrix(
    layout: PictureLayout,
    column: Column,
    cluster: Cluster,
    index: int,
    box: tuple[float, float, float, float],
) -> Iterator[Shape]:
    """Neurons by classes, similar ones side by side."""
    members = tuple(cluster.neurons.tolist())
    facet = facet_of(layout.view, column.node, members)
    features = features_of(layout.snapshot, column.node)
    if features is None:
        return
    values = MATRIX_FACETS[facet].values(features)
    name = cluster_name(column, cluster)
    classes = class_order(layout)
    ordered = cluster.neurons[_rows(layout, column.node, facet, cluster.neurons, classes)]
    shown = values[np.ix_(ordered, classes)].astype(np.float64)
    pixels = matrix_pixels(layout, column.node, facet, shown)
    if layout.view.classes:
        _fade(pixels, ~column.strong[ordered], layout.theme)
    x, y, width, height = box
    inner = width - 2 * SIZES.padding, height - 2 * SIZES.padding - SIZES.label_height
    place = x + SIZES.padding, y + SIZES.padding + SIZES.label_height, *inner
    yield from _class_labels(layout, name, classes, place)
    picture = Bitmap(
        f"matrix/{name}",
        *place,
        pixels,
        is_smooth=False,
        target=cluster_target(column, cluster, index),
        rows=tuple(ordered.tolist()),
        columns=tuple(classes.tolist()),
    )
    fine = max(len(ordered) / place[3], len(classes) / place[2])  # zoom from which each cell is a pixel at least
    if fine > 1:
        in_block = math.ceil(len(ordered) / place[3]), math.ceil(len(classes) / place[2])
        yield replace(
            picture,
            name=f"matrix/{name}/overview",
            pixels=block_means(pixels, *in_block),
            rows=picture.rows[:: in_block[0]],
            columns=picture.columns[:: in_block[1]],
            max_zoom=fine,
        )
    yield replace(picture, min_zoom=fine) if fine > 1 else picture


def _fade(pixels: np.ndarray, weak: np.ndarray, theme: Theme) -> None:
    """Bring some rows of a matrix nearer to the colour of the surface."""
    surface = np.array([int(theme.surface[at : at + 2], 16) for at in (1, 3, 5)], float)
    pixels[weak] = np.rint(surface + (pixels[weak] - surface) * OPACITY.weak).astype(np.uint8)


def _rows(layout: PictureLayout, node: str, facet: str, neurons: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The order of a matrix's rows; as for clusters, not that of the snapshot shown."""
    snapshot = layout.of_clusters
    key = ("rows", id(snapshot), node, facet, neurons.tobytes())

    def make() -> np.ndarray:
        known = MATRIX_FACETS[facet].values(snapshot.features[node])[np.ix_(neurons, classes)]
        return row_order(known.astype(np.float64))

    return layout.cache.get(key, make, alive=snapshot)


def prepare_matrices(layout: PictureLayout, column: Column, facet: str) -> None:
    """Find out what the matrices of a column need that takes time, so that another facet is shown at once."""
    if features_of(layout.of_clusters, column.node) is None or features_of(layout.snapshot, column.node) is None:
        return
    layout.scales.matrix(column.node, facet)
    classes = class_order(layout)
    for cluster in column.clusters:
        _rows(layout, column.node, facet, cluster.neurons, classes)


def block_means(pixels: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return a picture of which each pixel is the mean of a block; the last blocks may be smaller."""
    rows, columns = np.arange(0, pixels.shape[0], down), np.arange(0, pixels.shape[1], right)
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.float64), rows, axis=0), columns, axis=1)
    heights = np.diff(np.append(rows, pixels.shape[0]))
    widths = np.diff(np.append(columns, pixels.shape[1]))
    return np.rint(sums / (heights[:, None] * widths)[:, :, None]).astype(np.uint8)


def row_order(values: np.ndarray) -> np.ndarray:
    """Return an order of neurons, similar ones side by side, silent ones last.

    Of more neurons than one can tell apart, by the class on which they respond most, then by how much: what one sees
    is the same, in a fraction of the time.
    """
    if len(values) <= MOST_ORDERED_ROWS:
        return order_rows(values, is_thorough=False)
    known = np.nan_to_num(values)
    peak = np.abs(known).argmax(axis=1)
    height = np.abs(known).max(axis=1)
    return np.lexsort((-height, peak, height == 0))


def matrix_pixels(layout: PictureLayout, node: str, facet: str, values: np.ndarray) -> np.ndarray:
    """Return the colours of values of a layer's matrix; classes without images have the ground's."""
    scale, theme = layout.scales.matrix(node, facet), layout.theme
    shares = values / scale.largest if scale.largest > 0 else np.zeros_like(values)
    pixels = theme.contribution.pixels((shares + 1) / 2) if scale.has_sign else theme.activation.pixels(shares)
    ground = [int(theme.ground[at : at + 2], 16) for at in (1, 3, 5)]
    pixels[np.isnan(values)] = ground
    return pixels


def _class_labels(
    layout: PictureLayout, name: str, classes: np.ndarray, place: tuple[float, float, float, float]
) -> Iterator[Shape]:
    """Names of the classes over a matrix where all fit, else their colours, else nothing."""
    x, y, width, _ = place
    theme, n_classes = layout.theme, len(classes)
    cell = width / n_classes
    names = [class_name(layout.analysis, which) for which in classes.tolist()]
    chosen = set(layout.view.classes)
    if max(text_width(text, SIZES.small) for text in names) <= cell - 2:
        for at, (which, text) in enumerate(zip(classes.tolist(), names)):
            colour = theme.ink if not chosen or which in chosen else theme.muted
            weight = "bold" if which in chosen else "regular"
            yield Text(
                f"class/{name}/{which}", x + (at + 0.5) * cell, y - 4, text, SIZES.small, colour, "middle", weight,
                target=Target("class", members=(which,)), min_zoom=SIZES.tiny / SIZES.small,
            )  # fmt: skip
    else:
        colours = theme.class_colours(present_classes(layout.analysis))
        for at, which in enumerate(classes.tolist() if colours else []):
            style = Style(colours[which], opacity=1.0 if not chosen or which in chosen else 0.3)
            yield Rectangle(
                f"class/{name}/{which}", x + at * cell + 0.5, y - 9, cell - 1, 6, style, 1.0,
                Target("class", members=(which,)),
            )  # fmt: skip
