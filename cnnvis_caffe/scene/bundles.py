"""Connections between columns: upright bars for biclusters, and the curves that run through them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

import numpy as np

from cnnvis_caffe.layout.routing import Stroke
from cnnvis_caffe.readings.scales import QuantityRange
from cnnvis_caffe.records.aggregation import Bicluster, Cluster, Column, Gap
from cnnvis_caffe.scene.facets import PictureLayout
from cnnvis_caffe.scene.shapes import Path, Rectangle, Shape, Style, Target
from cnnvis_caffe.scene.theme import OPACITY, SIZES


def bundle_shapes(layout: PictureLayout, selection: Target | None) -> Iterator[Shape]:
    """Yield the curves, the widest first, then the bars."""
    geometry = layout.geometry
    offset = np.array([geometry.left, geometry.top])
    span = quantity_range(layout)
    columns = {column.node: column for column in layout.aggregation.columns}
    names = [_bicluster_names(gap, columns) for gap in layout.aggregation.gaps]
    for stroke in sorted(geometry.strokes, key=lambda stroke: -stroke.width):
        gap = layout.aggregation.gaps[stroke.link]
        bicluster = gap.biclusters[stroke.bundle]
        target = _stroke_target(gap, columns, bicluster, stroke)
        colour = _stroke_colour(layout, gap, bicluster, stroke, span)
        opacity = _stroke_opacity(layout, gap, columns, bicluster, stroke, selection)
        side = "from" if stroke.is_source else "to"
        own = columns[gap.source if stroke.is_source else gap.target].clusters[stroke.cluster]
        name = f"edge/{names[stroke.link][stroke.bundle]}/{side}/{int(own.neurons[0])}"
        yield Path(name, stroke.points + offset, Style("", colour, stroke.width, opacity), target=target)
    for link, gap in enumerate(layout.aggregation.gaps):
        for index, bicluster in enumerate(gap.biclusters):
            faded = _bar_is_faded(gap, columns, bicluster, selection)
            neutral = layout.theme.neutral if gap.quantity is not None else layout.theme.sign(bicluster.sign)
            yield Rectangle(
                f"bicluster/{names[link][index]}",
                *geometry.bar_box(link, index),
                Style(neutral, opacity=0.2 if faded else OPACITY.highlighted),
                SIZES.bar_width / 2,
                bicluster_target(gap, columns, bicluster, index),
            )


def bicluster_target(gap: Gap, columns: dict[str, Column], bicluster: Bicluster, index: int) -> Target:
    """Return what a bar stands for: the neurons of all its clusters."""
    sources = _neurons(columns[gap.source], bicluster.sources)
    targets = _neurons(columns[gap.target], bicluster.targets)
    return Target("bicluster", gap.source, sources, gap.target, targets, index, bicluster.sign)


def stroke_quantity(gap: Gap, bicluster: Bicluster, stroke: Stroke) -> float:
    """Return the quantity of a curve: the mean over its edges, weighted by strength; NaN where there is none."""
    if gap.quantity is None:
        return float("nan")
    end = 0 if stroke.is_source else 1
    edges = [edge for edge in bicluster.edges if edge[end] == stroke.cluster]
    strengths = gap.positive if bicluster.sign > 0 else gap.negative
    values = np.array([gap.quantity[edge] for edge in edges])
    weights = np.array([strengths[edge] for edge in edges])
    known = ~np.isnan(values)
    if not known.any():
        return float("nan")
    if weights[known].sum() <= 0:
        return float(values[known].mean())
    return float(np.average(values[known], weights=weights[known]))


def quantity_range(layout: PictureLayout) -> QuantityRange | None:
    """Return what the colours of the edges span; None when they show signs."""
    if all(gap.quantity is None for gap in layout.aggregation.gaps):
        return None
    return layout.scales.quantity(layout.view.edges)


def _stroke_colour(
    layout: PictureLayout, gap: Gap, bicluster: Bicluster, stroke: Stroke, span: QuantityRange | None
) -> str:
    """Sign, or the colour of the quantity."""
    theme = layout.theme
    if span is None:
        return theme.sign(bicluster.sign)
    value = stroke_quantity(gap, bicluster, stroke)
    return theme.neutral if np.isnan(value) else theme.quantity.colour(span.share(value))


def _stroke_target(gap: Gap, columns: dict[str, Column], bicluster: Bicluster, stroke: Stroke) -> Target:
    """What a curve stands for: its cluster at one end, all that the bar leads to at the other."""
    sources = (stroke.cluster,) if stroke.is_source else bicluster.sources
    targets = bicluster.targets if stroke.is_source else (stroke.cluster,)
    return Target(
        "edge",
        gap.source,
        _neurons(columns[gap.source], sources),
        gap.target,
        _neurons(columns[gap.target], targets),
        stroke.bundle,
        bicluster.sign,
    )


def _neurons(column: Column, clusters: tuple[int, ...]) -> tuple[int, ...]:
    """Neurons of some clusters; many curves end in the same ones."""
    return tuple(chain.from_iterable(_members(column.clusters[cluster]) for cluster in clusters))


@lru_cache(maxsize=1024)
def _members(cluster: Cluster) -> list[int]:
    """Neurons of a cluster as numbers."""
    return cluster.neurons.tolist()


def _bicluster_names(gap: Gap, columns: dict[str, Column]) -> list[str]:
    """Names by the first neurons of the clusters; the second bundle of the same clusters and sign gets a number."""

    def firsts(node: str, clusters: tuple[int, ...]) -> str:
        return ".".join(str(int(columns[node].clusters[cluster].neurons[0])) for cluster in clusters)

    seen: dict[str, int] = {}
    names = []
    for bicluster in gap.biclusters:
        sign = "positive" if bicluster.sign > 0 else "negative"
        ends = f"{firsts(gap.source, bicluster.sources)}-{firsts(gap.target, bicluster.targets)}"
        name = f"{gap.source}-{gap.target}/{sign}/{ends}"
        number = seen.get(name, 0)
        seen[name] = number + 1
        names.append(f"{name}/{number}" if number else name)
    return names


def _stroke_opacity(
    layout: PictureLayout,
    gap: Gap,
    columns: dict[str, Column],
    bicluster: Bicluster,
    stroke: Stroke,
    selection: Target | None,
) -> float:
    """How strongly a curve stands out."""
    sources = (stroke.cluster,) if stroke.is_source else bicluster.sources
    targets = bicluster.targets if stroke.is_source else (stroke.cluster,)
    if selection is not None and selection.kind not in ("ground", "legend"):
        touched = _touches(selection, gap, columns, bicluster, sources, targets)
        return OPACITY.highlighted * 0.8 if touched else OPACITY.faded
    if layout.view.classes:
        ends = (
            any(columns[gap.source].clusters[cluster].is_strong for cluster in sources),
            any(columns[gap.target].clusters[cluster].is_strong for cluster in targets),
        )
        return OPACITY.edge * 1.3 if all(ends) else OPACITY.faded
    return layout.theme.quantity_opacity if gap.quantity is not None else OPACITY.edge


def _touches(
    selection: Target,
    gap: Gap,
    columns: dict[str, Column],
    bicluster: Bicluster,
    sources: tuple[int, ...],
    targets: tuple[int, ...],
) -> bool:
    """Whether what is selected is joined by a curve."""
    if selection.kind in ("edge", "bicluster"):
        same = (selection.node, selection.other_node, selection.sign) == (gap.source, gap.target, bicluster.sign)
        return same and gap.biclusters.index(bicluster) == selection.index
    if selection.kind == "neuron":
        return False  # it has curves of its own
    if selection.kind == "class":
        return all(
            any(columns[node].clusters[cluster].is_strong for cluster in ends)
            for node, ends in ((gap.source, sources), (gap.target, targets))
        )
    members = set(selection.members)
    for node, ends in ((gap.source, sources), (gap.target, targets)):
        if selection.node != node:
            continue
        if not members or members & set(_neurons(columns[node], ends)):
            return True
    return False


def _bar_is_faded(gap: Gap, columns: dict[str, Column], bicluster: Bicluster, selection: Target | None) -> bool:
    """Whether a bar steps back."""
    if selection is not None and selection.kind not in ("ground", "legend"):
        return not _touches(selection, gap, columns, bicluster, bicluster.sources, bicluster.targets)
    strong = (
        any(columns[gap.source].clusters[cluster].is_strong for cluster in bicluster.sources),
        any(columns[gap.target].clusters[cluster].is_strong for cluster in bicluster.targets),
    )
    return not all(strong)
