"""Charts of what explains a network over many images: hidden parts, lost colours, features on another data set."""

from __future__ import annotations

import numpy as np

from cnnvis_caffe.records.chart import Axis, Chart, Series
from cnnvis_caffe.records.experiments import ColourShape
from cnnvis_caffe.records.explanation import Correspondence, Transfer
from cnnvis_caffe.text.words import counted


def correspondence_chart(found: Correspondence) -> Chart:
    """Return how differently hiding a part changes the features of two images, by part, as a chart.

    Parameters
    ----------
    found : Correspondence

    Returns
    -------
    Chart
        A line for each layer; the band is the standard error.
    """
    labels = (*found.parts, "random")
    lines = []
    for number, layer in enumerate(found.layers):
        rows = [(mean, error) for name, _, mean, error in found.rows if name == layer]
        mean, error = np.array(rows, np.float64).T
        band = np.stack([mean - error, mean + error], 1)
        lines.append(Series(layer, np.arange(len(labels), dtype=np.float64), mean, rank=number, band=band))
    return Chart(
        f"{found.title}: how differently hiding a part changes two images",
        Axis("part", labels=labels),
        Axis("share of changes of other sign", "%"),
        tuple(lines),
        (counted(found.n_images, "image"), "the random parts lie elsewhere in each"),
    )


def transfer_chart(found: Transfer) -> Chart:
    """Return the accuracy on another data set by layer as a chart.

    Parameters
    ----------
    found : Transfer

    Returns
    -------
    Chart
        A line for each number of images of a class; the band reaches from the worst to the best choice of them.
    """
    places = np.arange(len(found.layers), dtype=np.float64)
    lines = tuple(
        Series(
            f"{count} a class", places, found.accuracy[:, number].mean(1), rank=number,
            band=np.stack([found.accuracy[:, number].min(1), found.accuracy[:, number].max(1)], 1),
        )  # fmt: skip
        for number, count in enumerate(found.per_class)
    )
    return Chart(
        f"{found.title} on {found.test}: accuracy of a linear classifier on the features of each layer",
        Axis("layer", labels=found.layers),
        Axis("accuracy", "%"),
        lines,
        (counted(found.n_test, "test image"), f"{counted(found.accuracy.shape[2], 'choice')} of images"),
    )


def colour_shape_chart(found: ColourShape) -> Chart:
    """Return which share of their responses neurons keep when images lose colour or shape, as a chart.

    Parameters
    ----------
    found : ColourShape

    Returns
    -------
    Chart
        A line for each change, over the neurons, from the one that keeps least by the first change.
    """
    responding = np.flatnonzero(np.isfinite(found.kept[0]))
    order = responding[np.argsort(found.kept[0][responding], kind="stable")]
    places = np.arange(len(order), dtype=np.float64)
    lines = tuple(
        Series(name, places, found.kept[number][order], rank=number) for number, name in enumerate(found.changes)
    )
    return Chart(
        f"{found.title}, {found.node}: what responses keep when images are changed",
        Axis("neurons"),
        Axis("share of the response that is left", "%"),
        lines,
        (f"{len(order)} of {found.kept.shape[1]} neurons respond", f"the {found.n_strongest} strongest images of each"),
        empty="" if len(order) else "no neuron of the layer responds to any of the images",
    )
