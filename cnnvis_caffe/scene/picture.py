"""The hybrid visualization: from an analysis, its aggregation and a view to a scene. Read this first."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from cnnvis_caffe.readings.scales import Beside, Scales
from cnnvis_caffe.records.aggregation import Aggregation
from cnnvis_caffe.records.analysis import Analysis
from cnnvis_caffe.records.view import View
from cnnvis_caffe.scene.bundles import bundle_shapes
from cnnvis_caffe.scene.cache import SceneCache
from cnnvis_caffe.scene.facets import PictureLayout, cluster_shapes
from cnnvis_caffe.scene.geometry import picture_geometry
from cnnvis_caffe.scene.headings import head_shapes, heads_of, is_collapsed, title_shapes
from cnnvis_caffe.scene.legend import Entry, legend_entries, legend_height, legend_shapes, picture_notes
from cnnvis_caffe.scene.selected import Relations, selection_shapes
from cnnvis_caffe.scene.shapes import Scene, Shape, Target
from cnnvis_caffe.scene.theme import SIZES, theme_named
from cnnvis_caffe.text.words import counted, data_line

DEFAULT_WIDTH = 1600.0


class LaidOutPicture(NamedTuple):
    """A picture that is laid out.

    Attributes
    ----------
    layout : PictureLayout
        With the places of everything.
    entries : tuple of Entry
        Of the legend.
    notes : tuple of str
        What must be said beside the picture.
    """

    layout: PictureLayout
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


def lay_out(
    analysis: Analysis,
    aggregation: Aggregation,
    view: View,
    *,
    size: tuple[float, float] | None,
    cache: SceneCache,
    scales: Scales,
    beside: Beside | None = None,
    has_title: bool = True,
    has_legend: bool = True,
) -> LaidOutPicture:
    """Lay a picture out.

    Parameters
    ----------
    analysis : Analysis
    aggregation : Aggregation
        Of this analysis and view.
    view : View
    size : (float, float) or None
        Width and height that are wished for. The scene is never smaller; long networks make it wider, many clusters
        or lanes higher. None: as large as is good to read.
    cache : SceneCache
        Kept from picture to picture of an analysis, so that only what changed is made again.
    scales : Scales
        The values that colours stand for, of this analysis and the one beside.
    beside : Beside, optional
        The picture beside this one, under one legend.
    has_title, has_legend : bool, default=True
        The viewer has places of its own for these.

    Returns
    -------
    LaidOutPicture

    Raises
    ------
    KeyError
        If the view names a snapshot or theme that does not exist.
    """
    snapshot, theme = analysis.snapshot(view.snapshot), theme_named(view.theme)
    of_clusters = analysis.snapshot(view.clusters_of)
    notes = picture_notes(analysis, aggregation, view)
    entries = legend_entries(analysis, aggregation, view, theme, scales, beside=beside)
    width = size[0] if size is not None else DEFAULT_WIDTH
    above = SIZES.title_height if has_title else SIZES.margin
    if any(group.is_expanded for group in aggregation.groups):
        above += SIZES.open_group_height
    # Two rows at most are kept free whatever the facet, so that switching it moves nothing.
    below = SIZES.margin + (max(legend_height(entries, ("",), width), SIZES.legend_room) if has_legend else 0.0)
    geometry = picture_geometry(
        analysis, of_clusters, aggregation, size, cache, above=above, below=below,
        has_pills=any(is_collapsed(group) for group in aggregation.groups),
        widest=beside.strongest if beside is not None else {},
    )  # fmt: skip
    layout = PictureLayout(analysis, snapshot, of_clusters, aggregation, view, theme, geometry, cache, scales)
    entries = legend_entries(analysis, aggregation, view, theme, scales, layout=layout, beside=beside)
    return LaidOutPicture(layout, entries, notes)


def draw_scene(
    laid_out: LaidOutPicture,
    *,
    selection: Target | None = None,
    relations: Relations | None = None,
    has_title: bool = True,
    has_legend: bool = True,
) -> Scene:
    """Draw a picture that is laid out.

    Parameters
    ----------
    laid_out : LaidOutPicture
    selection : Target, optional
        What stands out, everything that it is not joined to steps back: a neuron, cluster, column, edge, bicluster or
        class.
    relations : callable, optional
        From source and target column to the signed relation of their neurons, (n_target, n_source): for the curves of
        a selected neuron.
    has_title, has_legend : bool, default=True
        As it was laid out.

    Returns
    -------
    Scene
    """
    layout, entries, notes = laid_out
    shapes: list[Shape] = []
    shapes += bundle_shapes(layout, selection)
    shapes += cluster_shapes(layout)
    shapes += head_shapes(layout)
    if has_title:
        shapes += title_shapes(layout)
    if has_legend:
        shapes += legend_shapes(layout, entries, notes)
    if selection is not None:
        shapes += selection_shapes(layout, selection, shapes, relations)
    return Scene(
        layout.geometry.width,
        layout.geometry.height,
        layout.theme.ground,
        tuple(shapes),
        title=f"{layout.analysis.title}: {layout.snapshot.label}",
        description=_description(layout),
        notes=notes,
        heads=heads_of(layout),
    )


def legend_scene(laid_out: LaidOutPicture, width: float) -> Scene:
    """Draw the legend alone, for a place of its own that is so wide."""
    layout, entries, notes = laid_out
    height = legend_height(entries, notes, width)
    layout = replace(layout, geometry=replace(layout.geometry, width=width, height=height))
    return Scene(width, height, layout.theme.ground, tuple(legend_shapes(layout, entries, notes)), "Legend")


def _description(layout: PictureLayout) -> str:
    """Say what the picture shows, for those who cannot see it."""
    columns = ", ".join(
        f"{column.title} ({counted(len(column.labels), 'neuron')} in {counted(len(column.clusters), 'cluster')})"
        for column in layout.aggregation.columns
    )
    return f"{data_line(layout.analysis, layout.snapshot)}. Columns from left to right: {columns}."
