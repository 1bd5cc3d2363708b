"""Draws how far features and probabilities move when images are transformed, as Figure 5 of Zeiler and Fergus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import numpy as np

from cnnvis_caffe.records.chart import Axis, Chart, Series
from cnnvis_caffe.records.explanation import Invariance
from cnnvis_caffe.scene.chart import chart_shapes
from cnnvis_caffe.scene.lettering import cap_height
from cnnvis_caffe.scene.shapes import Scene, Shape, Text
from cnnvis_caffe.scene.theme import LIGHT, SIZES, Theme
from cnnvis_caffe.text.words import counted

#: Sizes in scene units.
PAGE = SimpleNamespace(width=1120.0, head=56.0, row=232.0, gap=32.0, row_gap=16.0)

#: What is done, and the axis of how much of it.
_AXES = {
    "translation": ("moved down", Axis("pixels down")),
    "scale": ("enlarged", Axis("factor")),
    "rotation": ("turned", Axis("degrees")),
}


def invariance_scene(found: Sequence[Invariance], title: str = "", theme: Theme = LIGHT) -> Scene:
    """Lay out two charts for each transformation: the distance of features, the probability of the true class.

    Parameters
    ----------
    found : sequence of Invariance
    title : str, optional
        Of the network.
    theme : Theme, optional

    Returns
    -------
    Scene
    """
    height = SIZES.margin + PAGE.head + len(found) * (PAGE.row + PAGE.row_gap) - PAGE.row_gap + SIZES.margin
    charts = [pair for one in found for pair in invariance_charts(one)]
    shapes = tuple(_shapes(found, title, theme))
    words = "; ".join(f"{chart.title}: {_ends(chart)}" for chart in charts)
    return Scene(PAGE.width, height, theme.ground, shapes, "Invariance", words)


def invariance_charts(found: Invariance) -> tuple[Chart, Chart]:
    """Return the distance of the features of each layer, and the probability of the true class, as charts.

    Parameters
    ----------
    found : Invariance

    Returns
    -------
    (Chart, Chart)
        The line is the median over the images, the band the middle half of them.
    """
    what, axis = _AXES[found.kind]
    lines = tuple(
        _series(name, found.amounts, found.distance[number], number) for number, name in enumerate(found.layers)
    )
    probability = _series("true class", found.amounts, found.probability, 3)
    return (
        Chart(f"Distance of features, images {what}", axis, Axis("distance"), lines),
        Chart(f"Probability of the true class, images {what}", axis, Axis("probability", "%"), (probability,)),
    )


def _series(name: str, amounts: np.ndarray, values: np.ndarray, rank: int) -> Series:
    """A line with its spread over the images."""
    low, middle, high = np.quantile(values.astype(np.float64), (0.25, 0.5, 0.75), axis=1)
    band = np.stack([low, high], 1) if values.shape[1] > 1 else None
    return Series(name, amounts, middle, rank=rank, band=band)


def _shapes(found: Sequence[Invariance], title: str, theme: Theme) -> Iterator[Shape]:
    """Everything, from top to bottom."""
    y = SIZES.margin + cap_height(SIZES.title)
    yield Text("title", SIZES.margin, y, title or "network", SIZES.title, theme.ink, weight="bold")
    n_images = found[0].probability.shape[1]
    line = "distance by the length of the feature vector of the image as it is"
    if n_images > 1:
        line = f"{counted(n_images, 'image')}: the median, and the middle half as a band; {line}"
    yield Text("line", SIZES.margin, y + 20, line, SIZES.text, theme.muted)
    width = (PAGE.width - 2 * SIZES.margin - PAGE.gap) / 2
    for row, one in enumerate(found):
        top = SIZES.margin + PAGE.head + row * (PAGE.row + PAGE.row_gap)
        for column, chart in enumerate(invariance_charts(one)):
            x = SIZES.margin + column * (width + PAGE.gap)
            yield from chart_shapes(chart, x, top, width, PAGE.row, theme, name=f"chart/{row}/{column}")


def _ends(chart: Chart) -> str:
    """The largest and smallest value of each line."""
    return ", ".join(f"{one.name} {one.y.min():.2g} to {one.y.max():.2g}" for one in chart.series)
