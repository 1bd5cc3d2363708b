"""Measures how good a picture is: packing, crossings, and what bundling saves."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.spatial.distance import pdist, squareform

from cnnvis_caffe.layout.crossings import barycentre_order, count_crossings
from cnnvis_caffe.layout.measures import measure_packing
from cnnvis_caffe.scene.facets import PictureLayout
from cnnvis_caffe.scene.geometry import by_importance, has_equal_areas
from cnnvis_caffe.scene.neurons import likeness, patches_of


def picture_measures(layout: PictureLayout) -> dict[str, Any]:
    """Measure a picture.

    Returns
    -------
    dict
        Plain numbers, lists and dicts that JSON can hold; None where something is not known.
    """
    geometry, aggregation = layout.geometry, layout.aggregation
    start = by_importance(geometry.graph, aggregation)
    edges = sum(len(bicluster.edges) for gap in layout.aggregation.gaps for bicluster in gap.biclusters)
    strokes = sum(
        1 if len(bicluster.edges) == 1 else len(bicluster.sources) + len(bicluster.targets)
        for gap in layout.aggregation.gaps
        for bicluster in gap.biclusters
    )
    return {
        "size": [geometry.width, geometry.height],
        "columns": [
            {"node": column.node, "neurons": len(column.labels), "clusters": len(column.clusters)}
            for column in aggregation.columns
        ],
        "neurons": sum(len(column.labels) for column in aggregation.columns),
        "shown_patches": sum(len(one.neurons) for filled in geometry.contents for one in filled),
        "packing": _packing_measures(layout),
        "crossings": {
            "drawn": count_crossings(geometry.graph, geometry.order),
            "barycentre_rule": count_crossings(geometry.graph, barycentre_order(geometry.graph, initial=start)),
            "by_importance": count_crossings(geometry.graph, start),
        },
        "connections": {
            "edges": edges,
            "biclusters": sum(len(gap.biclusters) for gap in layout.aggregation.gaps),
            "strokes": strokes,
            "strokes_by_edges": strokes / edges if edges else None,
        },
        "seconds": {name: round(seconds, 4) for name, seconds in geometry.seconds.items()},
    }


def _packing_measures(layout: PictureLayout) -> dict[str, Any]:
    """Means and extremes over all clusters with more than one patch."""
    found = []
    snapshot = layout.of_clusters
    for column, filled in zip(layout.aggregation.placed.columns, layout.geometry.contents):
        equal = has_equal_areas(layout.analysis, layout.aggregation, column)
        patches = patches_of(layout.analysis, snapshot, column, layout.cache)
        for one in filled:
            if len(one.neurons) < 2:
                continue
            areas = np.ones(len(one.neurons)) if equal else np.maximum(column.importance[one.neurons], 0.0)
            enough = len(one.neurons) >= 6  # of fewer, neighbours say nothing
            distances = squareform(pdist(likeness(snapshot, column, one.neurons))) if enough else None
            found.append(measure_packing(one.packing, np.nan_to_num(areas), patches.aspects(one.neurons), distances))
    if not found:
        return {"clusters": 0}
    result: dict[str, Any] = {"clusters": len(found)}
    for field in dataclasses.fields(found[0]):
        values = np.array([getattr(measures, field.name) for measures in found], float)
        known = values[np.isfinite(values)]
        mean, worst = (round(float(known.mean()), 4), round(float(known.max()), 4)) if len(known) else (None, None)
        result[field.name] = {"mean": mean, "most": worst}
    return result
